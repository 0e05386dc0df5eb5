"""
`demo`: the first thing that a stranger sees.
"""

import pytest

from tests.cli.conftest import Command
from tests.scenarios.examples import EXAMPLES, SYSTEMS

STATEMENT = """\
Ada's statement for 2025
------------------------
no  date        what      about        beans  balance      worth
--  ----------  --------  -----------  -----  -------  ---------
                opening                             0
 1  2025-01-11  earned    order 1001     +49       49   2.00 GBP
 2  2025-02-14  earned    order 1002    +401      450  22.50 GBP
 3  2025-03-08  redeemed  order 1003    -400       50   2.50 GBP
 4  2025-03-08  noted     order 1003               50   2.50 GBP
 5  2025-04-05  earned    order 1004     +51      101   5.00 GBP
 6  2025-04-12  reversed  order 1004     -17       84   4.00 GBP
 7  2025-05-10  earned    order 1005     +79      163   8.00 GBP
 8  2025-05-11  reversed  order 1005     -79       84   4.00 GBP
 9  2025-06-20  adjusted  late parcel    +50      134   6.50 GBP
10  2025-09-01  expired                  -50       84   4.00 GBP
11  2025-10-18  earned    order 1006     +74      158   7.50 GBP
12  2025-11-01  expired                  -34      124   6.00 GBP
13  2025-12-06  earned    order 1007     +54      178   8.50 GBP

2025-12-31 23:59: 178 beans available, worth 8.50 GBP.
In all until then: 662 beans accrued, 400 used and 84 lapsed.
50 beans can be used until 2025-12-31.
74 beans can be used until 2026-04-30.
54 beans can be used until 2026-06-30.
"""
# Earned: Ada 49 + 401 + 51 + 79 + 74 + 54 = 708; Bo 113 + 34 = 147; Cy twelve times 33 = 396.
# Taken back: Ada 17 + 79; Bo 113. Lapsed: Ada 50 + 34 + 50; Cy's first six 33s.
PROOF = """\
came in               beans
--------------------  -----
earned                1,251
adjusted by hand         50
given back after use     30
owed by customers        66
total                 1,397

went out or is there  beans
--------------------  -----
used                    530
lapsed                  332
taken back              209
with customers          326
total                 1,397

3 accounts, 40 entries: the books balance.
"""


def test_demo(command: Command) -> None:
    """
    A year of a small shop is shown in 80 columns: program, statement, explanation, what lapses, and the proof.
    """
    answer = command("demo")
    assert (answer.code, answer.err) == (0, "")
    assert max(map(len, answer.out.splitlines())) <= 80
    assert STATEMENT in answer.out
    assert answer.out.endswith(PROOF)
    assert "\nWhy entry 2 is +401\n" in answer.out
    assert "Rule pounds gives 401 beans on 213.90 GBP, multiplied by 2" in answer.out
    assert "\nada          74  until 2026-04-30\n" in answer.out
    assert answer.out == command("demo").out


def test_demo_on_a_terminal(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    On a terminal the demo has colours and frames, and still fits in 80 columns.
    """
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    answer = command("demo")
    assert "│ earned" in answer.out
    assert "…" not in answer.out


TRAITS = {
    "chargeover": ("earned    order", "50 points for each unit (hosting-basic, hosting-pro)"),
    "adobe-commerce": ("wholesale-outlet", "balance updates", "invitation_to_order", "beaten_in_group"),
    "biztory": ("10 points for every 1.00 MYR, if verified", "refused: 1 by InsufficientPoints"),
    "productcart": ("stars", "1 star pay 0.20 USD", "referral"),
    "crm": ("event-visited", "Lot ", "organisation", "sales:7", "They plan a large order in autumn."),
}


@pytest.mark.parametrize("name", [*SYSTEMS, "coffee-club"])
def test_any_program_has_its_year(command: Command, name: str) -> None:
    """
    The year is made from the program's own rules, and the books balance after it.
    """
    answer = command("demo", str(EXAMPLES / f"{name}.toml"))
    assert (answer.code, answer.err) == (0, "")
    assert f"The program: {name}" in answer.out
    assert "the books balance" in answer.out
    for trait in TRAITS.get(name, ()):
        assert trait in answer.out.replace("\n", " ")


def test_a_program_of_ones_own(command: Command, tmp_path) -> None:
    """
    A program without rules, in another currency, with automatic returns and every date in a far future has a year too.
    """
    file = tmp_path / "mine.toml"
    file.write_text(
        'id = "mine"\nreturns = "automatic"\npending = { kind = "event" }\n'
        '[[exchange_rates]]\npoints = 1\nmoney = "1 JPY"\n'
        '[[earn_rules]]\nid = "x"\nkind = "per_unit"\npoints = 3\nproducts = ["one"]\ncategories = ["c"]\n'
        '[[earn_rules]]\nid = "y"\nkind = "per_order"\npoints = 3\ncategories = ["d"]\n'
        '[[earn_rules]]\nid = "z"\nkind = "multiplier"\nfactor = 2\n'
    )
    answer = command("demo", str(file))
    assert (answer.code, answer.err) == (0, "")
    file.write_text('id = "empty"\n')
    assert command("demo", str(file)).code == 0
