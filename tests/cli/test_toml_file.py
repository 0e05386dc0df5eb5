"""
Programs as TOML files.
"""

from pathlib import Path

import pytest

from pointsledger import EarnRule, ExchangeRate, Money, Program
from pointsledger.cli.demo import PROGRAM
from pointsledger.cli.toml_file import read_program
from pointsledger.errors import InvalidFile

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_example_programs() -> None:
    """
    The examples are the programs that they are said to be.
    """
    assert read_program(str(EXAMPLES / "coffee-club.toml")) == PROGRAM
    assert read_program(str(EXAMPLES / "online-retail/program.toml")) == Program(
        id="online-retail",
        timezone="Europe/London",
        returns="automatic",
        earn_rules=[EarnRule.per_amount(1, per=Money("1.00", "GBP"), id="pounds")],
        exchange_rates=[ExchangeRate(100, Money("1.00", "GBP"))],
    )
    assert read_program(str(EXAMPLES / "online-retail/generous.toml")).id == "online-retail"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('id = "a"\ncolour = "red"', "program.toml: colour: "),
        ('[[earn_rules]]\nid = "a"', "program.toml: earn_rules[0].kind: is required"),
        ('id = "a"\n[[exchange_rates]]\npoints = 0\nmoney = "1.00 GBP"', "exchange_rates[0].points: "),
        ('id = "a"\n[[exchange_rates]]\npoints = 1\nmoney = "1.00 XXX"', "exchange_rates[0].money: "),
        ('id = "a"\nunit =\n', "program.toml:2: is not TOML: "),
    ],
)
def test_program_file_that_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    """
    An error names the file and the path of the wrong field.
    """
    path = tmp_path / "program.toml"
    path.write_text(content)
    with pytest.raises(InvalidFile) as refused:
        read_program(str(path))
    assert message in str(refused.value)


def test_program_file_that_is_not_there(tmp_path: Path) -> None:
    """
    A file that cannot be read is named.
    """
    with pytest.raises(InvalidFile, match="No such file"):
        read_program(str(tmp_path / "program.toml"))
