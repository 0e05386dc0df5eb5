"""
The core is pure and the layers point one way: read from the sources, on every run.
"""

import ast
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "pointsledger"

CORE = ("errors", "domain", "port")

# Everything the core may import from outside the package. Values, arithmetic and text; nothing that acts.
ALLOWED = {
    "__future__",
    "attr",  # the engine behind attrs
    "attrs",
    "bisect",
    "calendar",
    "collections",
    "copy",
    "dataclasses",
    "datetime",  # instants are arguments; test_core_calls_nothing_impure refuses `now` and `today`
    "dateutil",  # relativedelta only
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",  # fingerprints of commands (I-17)
    "heapq",
    "itertools",
    "json",  # canonical text of what is hashed
    "math",
    "numbers",
    "operator",
    "re",
    "string",
    "types",
    "typing",
    "unicodedata",  # control characters and surrogates
    "zoneinfo",  # reads the zone table, which is a constant of the machine
}

IMPURE_BUILTINS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}
CLOCK_METHODS = {"now", "today", "utcnow"}
FLOAT_METHODS = {"fromtimestamp", "timestamp", "total_seconds", "utcfromtimestamp"}
AMBIENT_DECIMAL = {"getcontext", "setcontext"}


def test_import_contracts_hold() -> None:
    """
    The contracts of pyproject.toml hold: layers point one way, and the core imports nothing that acts.
    """
    linter = Path(sysconfig.get_path("scripts")) / "lint-imports"
    report = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert report.returncode == 0, report.stdout + report.stderr


def test_core_imports_only_the_closed_list() -> None:
    """
    The core reaches only values, arithmetic and text: a module that is not on the closed list is refused.
    """
    graph = grimp.build_graph("pointsledger", include_external_packages=True, cache_dir=None)
    strangers = {
        f"{module} imports {imported}"
        for module in graph.modules
        if in_core(module)
        for imported in graph.find_modules_directly_imported_by(module)
        if imported.partition(".")[0] not in ALLOWED | {"pointsledger"}
    }
    assert sorted(strangers) == []


def test_core_imports_only_relativedelta_from_dateutil() -> None:
    """
    Zones are `zoneinfo`, parsing is the host's: `relativedelta` is all that is taken from dateutil.
    """
    taken = {
        (node.module, alias.name)
        for path in core_files()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("dateutil")
        for alias in node.names
    }
    assert taken <= {("dateutil.relativedelta", "relativedelta")}


def test_core_calls_nothing_impure() -> None:
    """
    No file, terminal, clock, ambient decimal context or float in the core: time and identity are arguments
    (R-01, R-02, R-04, I-26).
    """
    findings = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in core_files()
        for line, what in impurities(ast.parse(path.read_text("utf-8")))
    ]
    assert findings == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("open('x')", "open()"),
        ("print(1)", "print()"),
        ("datetime.now(UTC)", "now()"),
        ("dt.date.today()", "today()"),
        ("at.timestamp()", "timestamp()"),
        ("getcontext().prec", "getcontext()"),
        ("decimal.getcontext().prec", "getcontext()"),
        ("float('1')", "float()"),
        ("x = 0.5", "the float 0.5"),
        ("def f(x: float): ...", "the type float"),
        ("def f() -> list[float]: ...", "the type float"),
    ],
)
def test_impurity_is_seen(source: str, found: str) -> None:
    """
    The reader of the core sees each impurity that it is there to see.
    """
    assert [what for _, what in impurities(ast.parse(source))] == [found]


@pytest.mark.parametrize("source", ["isinstance(x, float)", "zone.now", "def f(now: datetime): ...", "x = 1 // 2"])
def test_purity_is_left_alone(source: str) -> None:
    """
    Refusing a float by its type, and names that only look like a clock, are no impurity.
    """
    assert list(impurities(ast.parse(source))) == []


def in_core(module: str) -> bool:
    """
    Tell whether a dotted module name lies in the core.
    """
    return any(module == f"pointsledger.{part}" or module.startswith(f"pointsledger.{part}.") for part in CORE)


def core_files() -> list[Path]:
    """
    List the files of the core; there are always some.
    """
    files = [
        path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).parts[0].removesuffix(".py") in CORE
    ]
    assert files
    return files


def impurities(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """
    Yield (line, what) for each impure call, float literal and float annotation below `tree`.
    """
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_BUILTINS | AMBIENT_DECIMAL | {"float"}:
                yield node.lineno, f"{name}()"
            case ast.Call(func=ast.Attribute(attr=name)) if name in CLOCK_METHODS | FLOAT_METHODS | AMBIENT_DECIMAL:
                yield node.lineno, f"{name}()"
            case ast.Constant(value=float(value)):
                yield node.lineno, f"the float {value}"
            case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
                yield from floats_in(annotation)
            case ast.FunctionDef(returns=ast.expr() as annotation):
                yield from floats_in(annotation)


def floats_in(annotation: ast.expr) -> Iterator[tuple[int, str]]:
    """
    Yield (line, what) for each `float` in an annotation.
    """
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "the type float"
