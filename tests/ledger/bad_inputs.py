"""
Values that go wrong in practice, by the kind of argument, each with the name that a failing test shows.

The tables hold what is refused and, where it is easily taken for bad, what is accepted.
"""

import enum
import uuid
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

# --- hostile objects -----------------------------------------------------------------------------------------


class Mute:
    """
    Its repr raises, as that of a broken object does in an error message.
    """

    def __repr__(self):
        raise RuntimeError("no repr")


class Quarrelsome:
    """
    Every comparison, its hash and its truth raise, as those of an array or a lazy query do.
    """

    def _raise(self, *_: Any):
        raise RuntimeError("no comparison")

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __bool__ = __len__ = _raise  # type: ignore[assignment]


class LyingInt(int):
    """
    An int that says of itself whatever is asked.
    """

    def __index__(self) -> int:
        return 7

    __int__ = __hash__ = __index__

    def _agree(self, other: Any) -> bool:
        return True

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _agree


class LyingStr(str):
    """
    A text that equals everything.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 7


class Pretender:
    """
    It claims to be of another class, as a mock with a specification does.
    """

    def __init__(self, pretended: type) -> None:
        self._pretended = pretended

    @property
    def __class__(self):
        return self._pretended


class Level(enum.IntEnum):
    ONE = 1


class FloatDecimal(Decimal):
    pass


HOSTILE: dict[str, Any] = {
    "mute": Mute(),
    "quarrelsome": Quarrelsome(),
    "a class": int,
    "object": object(),
    "list": [],
    "dict": {},
    "set": set(),
    "bytes": b"1",
    "complex": 1j,
    "lambda": lambda: None,
    "nan": float("nan"),
    "sNaN": Decimal("sNaN"),
    "NaN": Decimal("NaN"),
    "fraction": Fraction(1),
    "uuid": uuid.UUID(int=1),
    "not implemented": NotImplemented,
    "ellipsis": ...,
}
"""No argument of any kind accepts one of these."""

# --- numbers -------------------------------------------------------------------------------------------------

NOT_INTEGERS: dict[str, Any] = {
    **HOSTILE,
    "True": True,
    "False": False,
    "1.0": 1.0,
    "1.5": 1.5,
    "1e3": 1e3,
    "0.1+0.2": 0.1 + 0.2,
    "inf": float("inf"),
    "-inf": float("-inf"),
    "Decimal 1": Decimal(1),
    "Decimal -0": Decimal("-0"),
    "Decimal huge": Decimal("1E+999999"),
    "text 1": "1",
    "text with space": " 12\n",
    "text with underscore": "1_000",
    "full-width digits": "\uff11\uff12\uff13",
    "arabic digits": "١٢٣",
    "hexadecimal": "0x10",
    "exponent": "1e3",
    "empty text": "",
    "lying int": LyingInt(1),
    "enum member": Level.ONE,
    "pretended int": Pretender(int),
}

NOT_POINTS: dict[str, Any] = {
    **NOT_INTEGERS,
    "0": 0,
    "-1": -1,
    "10^12+1": 10**12 + 1,
    "2^53-1": 2**53 - 1,
    "2^53": 2**53,
    "2^63-1": 2**63 - 1,
    "2^63": 2**63,
    "-2^63-1": -(2**63) - 1,
    "10^400": 10**400,
    "10^5000": 10**5000,
    "-10^5000": -(10**5000),
}

NOT_SIGNED_POINTS: dict[str, Any] = {name: value for name, value in NOT_POINTS.items() if name != "-1"} | {
    "-10^12-1": -(10**12) - 1
}

NOT_POINTS_OR_ZERO: dict[str, Any] = {name: value for name, value in NOT_POINTS.items() if name != "0"}

NOT_DEBT: dict[str, Any] = {name: value for name, value in NOT_POINTS.items() if name not in {"10^12+1", "2^53-1"}}
"""Points up to the total that an account may owe."""

NOT_SEQUENCES: dict[str, Any] = NOT_DEBT

NOT_LIMITS: dict[str, Any] = {**NOT_POINTS, "10^9": 10**9, "text 10": "10", "10,001": 10_001}

NOT_CYCLES: dict[str, Any] = {**NOT_LIMITS, "1001": 1001}

NOT_AFTER: dict[str, Any] = {name: value for name, value in NOT_DEBT.items() if name != "0"}

NOT_FLAGS: dict[str, Any] = {
    **HOSTILE,
    "0": 0,
    "1": 1,
    "1.0": 1.0,
    "text": "True",
    "empty text": "",
    "none": None,
    "lying int": LyingInt(1),
}

# --- text ----------------------------------------------------------------------------------------------------

NOT_TEXT: dict[str, Any] = {
    **HOSTILE,
    "empty": "",
    "NUL": "a\0b",
    "escape": "\x1b[31m",
    "lone surrogate": "\ud800",
    "escaped byte": "\udcff",
    "2,001 characters": "a" * 2001,
    "a megabyte": "x" * 10**6,
    "lying str": LyingStr("a"),
    "pretended str": Pretender(str),
    "int": 1,
    "True": True,
}

NOT_IDENTIFIERS: dict[str, Any] = {
    **NOT_TEXT,
    "space": " ",
    "space after": "a ",
    "space before": " a",
    "no-break space after": "a\u00a0",
    "ideographic space before": "\u3000a",
    "tab": "\t",
    "line break after": "a\n",
    "line separator": "a\u2028b",
    "next line": "a\x85b",
    "delete": "a\x7fb",
    "direction override": "\u202eabc",
    "zero-width space": "a\u200bb",
    "byte order mark": "\ufeffa",
    "soft hyphen": "a\u00adb",
    "256 bytes": "a" * 256,
    "256 bytes of two": "é" * 128,
    "256 bytes of four": "😀" * 64,
}

IDENTIFIERS: dict[str, str] = {
    "capital": "A",
    "small": "a",
    "digit": "1",
    "zero": "0",
    "negative": "-1",
    "null": "NULL",
    "nan": "nan",
    "255 bytes": "a" * 255,
    "255 bytes of two": "é" * 127 + "a",
    "252 bytes of four": "😀" * 63,
    "composed": "\u00e1",
    "decomposed": "a\u0301",
    "kelvin": "\u212a",
    "k": "K",
    "dotless": "\u0131",
    "dotted": "\u0130",
    "sharp s": "ß",
    "SS": "SS",
    "ss": "ss",
    "ligature": "ﬁ",
    "fi": "fi",
    "superscript": "ᴮᴵᴳ",
    "BIG": "BIG",
    "full-width": "\uff21",
    "joined emoji": "👩\u200d👩\u200d👧",
    "persian with non-joiner": "\u0645\u06cc\u200c\u062e",
    "flag of Scotland": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "inner space": "a b",
    "two inner spaces": "a  b",
    "path": "../../x",
    "injection": "'; DROP TABLE entries;--",
    "percent": "%s",
    "named percent": "%(x)s",
    "question mark": "?",
    "colon": ":x",
    "braces": "{0}",
    "dollar": "$1",
    "backslash": "\\",
    "quote": '"',
    "backtick": "`",
    "proto": "__proto__",
    "like any": "%",
    "like one": "_",
    "crc collision": "plumless",
    "crc collision, other": "buckeroo",
    "private use": "\ue000",
    "last plane": "\U0010fffd",
    "arabic": "١٢٣",
}
"""Accepted, and each its own: no two of these are one account."""

# --- instants ------------------------------------------------------------------------------------------------


class Zone(tzinfo):
    """
    A zone of the caller that answers as it is told to.
    """

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def utcoffset(self, _: datetime | None) -> Any:
        """
        Answer as told.
        """
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    dst = utcoffset

    def tzname(self, _: datetime | None) -> str:
        """
        Name the zone.
        """
        return "odd"


class Stamp(datetime):
    """
    A subclass such as that of a data frame or of a frozen clock.
    """


class LyingStamp(datetime):
    """
    A datetime whose offset is no span of time.
    """

    def utcoffset(self) -> Any:
        """
        Answer with a text.
        """
        return "+01:00"


class HiddenZone(datetime):
    """
    A datetime whose zone cannot even be asked for.
    """

    @property
    def tzinfo(self) -> Any:
        """
        Fail.
        """
        raise RuntimeError("no zone")


NOON = datetime(2024, 6, 1, 12)

NOT_INSTANTS: dict[str, Any] = {
    **HOSTILE,
    "naive": NOON,
    "date": date(2024, 6, 1),
    "text": "2024-06-01T12:00:00Z",
    "no such day": "2024-02-30",
    "infinity": "infinity",
    "nanoseconds": "2024-06-01T12:00:00.123456789Z",
    "leap second": "2016-12-31T23:59:60Z",
    "epoch": 1717243200,
    "epoch as float": 1717243200.0,
    "True": True,
    "least": datetime.min,
    "least in UTC": datetime.min.replace(tzinfo=UTC),
    "least east of UTC": datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    "least west of UTC": datetime.min.replace(tzinfo=timezone(timedelta(hours=-12))),
    "greatest in UTC": datetime.max.replace(tzinfo=UTC),
    "greatest east of UTC": datetime.max.replace(tzinfo=timezone(timedelta(hours=14))),
    "greatest west of UTC": datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    "year 1582": datetime(1582, 10, 15, tzinfo=UTC),
    "just before 1900": datetime(1899, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    "before 1900 in UTC only": datetime(1900, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
    "year 9000": datetime(9000, 1, 1, tzinfo=UTC),
    "zone without offset": NOON.replace(tzinfo=Zone(None)),
    "zone that raises": NOON.replace(tzinfo=Zone(RuntimeError("no offset"))),
    "zone of 30 hours": NOON.replace(tzinfo=Zone(timedelta(hours=30))),
    "zone of a float": NOON.replace(tzinfo=Zone(3600.0)),
    "lying offset": LyingStamp(2024, 6, 1, tzinfo=UTC),
    "hidden zone": HiddenZone(2024, 6, 1),
    "pretended datetime": Pretender(datetime),
}

NEW_YORK = ZoneInfo("America/New_York")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")

INSTANTS: dict[str, tuple[datetime, datetime]] = {
    "1900": (datetime(1900, 1, 1, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC)),
    "before the epoch": (
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ),
    "2^31-1": (datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)),
    "2^31": (datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)),
    "last": (
        datetime(8999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(8999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ),
    "first pass of a repeated hour": (
        datetime(2020, 11, 1, 1, 30, tzinfo=LOS_ANGELES),
        datetime(2020, 11, 1, 8, 30, tzinfo=UTC),
    ),
    "second pass of a repeated hour": (
        datetime(2020, 11, 1, 1, 30, fold=1, tzinfo=LOS_ANGELES),
        datetime(2020, 11, 1, 9, 30, tzinfo=UTC),
    ),
    # A skipped wall time is read with the offset before the gap (PEP 495).
    "skipped hour": (
        datetime(2024, 3, 10, 2, 30, tzinfo=NEW_YORK),
        datetime(2024, 3, 10, 7, 30, tzinfo=UTC),
    ),
    "offset with seconds": (
        datetime(2024, 6, 1, 12, tzinfo=timezone(timedelta(minutes=-44, seconds=-30))),
        datetime(2024, 6, 1, 12, 44, 30, tzinfo=UTC),
    ),
    "offset with microseconds": (
        datetime(2024, 6, 1, 12, tzinfo=timezone(timedelta(microseconds=1))),
        datetime(2024, 6, 1, 11, 59, 59, 999999, tzinfo=UTC),
    ),
    "subclass": (Stamp(2024, 6, 1, 12, tzinfo=UTC), datetime(2024, 6, 1, 12, tzinfo=UTC)),
    "subclass elsewhere": (
        Stamp(2024, 6, 1, 12, tzinfo=timezone(timedelta(hours=14))),
        datetime(2024, 5, 31, 22, tzinfo=UTC),
    ),
}
"""Accepted datetimes and the UTC instants that they are."""

NOT_DATES: dict[str, Any] = {
    **HOSTILE,
    "text": "2024-06-30",
    "datetime": datetime(2024, 6, 30, tzinfo=UTC),
    "int": 20240630,
    "none": None,
    "year 1": date(1, 1, 1),
    "year 1899": date(1899, 12, 31),
    "year 9000": date(9000, 1, 1),
    "last year": date.max,
    "pretended date": Pretender(date),
}

NOT_ZONES: dict[str, Any] = {
    **HOSTILE,
    "empty": "",
    "none": None,
    "no such place": "Mars/Olympus",
    "path": "../../etc/passwd",
    "absolute path": "/etc/passwd",
    "offset": "UTC+25",
    "short offset": "+01:00",
    "NUL": "a\0b",
    "lone surrogate": "\ud800",
    "small letters": "europe/paris",
    "placeholder": "Factory",
    "rules": "posixrules",
    "host's setting": "localtime",
    "with leap seconds": "right/Europe/Paris",
    "folder": "Europe",
    "folder with slash": "Europe/",
    "table": "zone.tab",
    "a megabyte": "x" * 10**6,
    "trailing space": "Europe/Paris ",
    "fixed offset": UTC,
    "zone object": ZoneInfo("Europe/Paris"),
    "lying str": LyingStr("Europe/Paris"),
    "int": 1,
}

# --- money ---------------------------------------------------------------------------------------------------

NOT_AMOUNTS: dict[str, Any] = {
    **HOSTILE,
    "infinity": Decimal("Infinity"),
    "negative infinity": Decimal("-Infinity"),
    "negative zero": Decimal("-0"),
    "negative zero with decimals": Decimal("-0.00"),
    "tiny": Decimal("1E-28"),
    "seven decimals": Decimal("1.0000001"),
    "huge": Decimal("1E+6144"),
    "huge zero": Decimal("0E+6144"),
    "5,001 digits": Decimal("1." + "0" * 5000),
    "float": 19.99,
    "huge float": 1e308,
    "int": 100,
    "True": True,
    "none": None,
    "third": Fraction(1, 3),
    "decimal subclass": FloatDecimal("1.00"),
    "english thousands": "1,000.00",
    "german thousands": "1.000,00",
    "comma": "19,99",
    "symbol": "$5",
    "exponent": "1e3",
    "spaces": " 1.00",
    "line break": "1.00\n",
    "underscore": "1_000",
    "plus": "+1",
    "bare point": "1.",
    "leading point": ".5",
    "minus only": "-",
    "negative zero text": "-0.00",
    "seven decimals text": "1.0000000",
    "NaN text": "NaN",
    "infinity text": "Infinity",
    "full-width digits": "\uff11\uff12",
    "arabic digits": "١٢",
    "empty": "",
    "32 digits": "1" * 32,
    "a megabyte": "1" * 10**6,
    "lying str": LyingStr("1.00"),
}

NOT_CURRENCIES: dict[str, Any] = {
    **HOSTILE,
    "small letters": "usd",
    "short": "US",
    "long": "USDX",
    "empty": "",
    "space before": " USD",
    "NUL": "USD\0",
    "full-width": "\uff35\uff33\uff24",
    "no currency": "XXX",
    "gold": "XAU",
    "test": "XTS",
    "fund unit": "XDR",
    "withdrawn": "DEM",
    "number": 840,
    "number text": "840",
    "lying str": LyingStr("USD"),
    "True": True,
}
"""None is left out: it means that none is named where a currency is optional."""
