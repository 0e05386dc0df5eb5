"""
The public face: names, and what importing them costs.
"""

import subprocess
import sys

import pytest

import pointsledger

PUBLIC = """
Account Allocation AsyncLedger Award Balance EarnCaps EarnRule Entry ExchangeRate ExpiryPolicy Ledger Lot Money
NoticePolicy Order OrderLine PendingPolicy Period Program Receipt RedemptionLimits RestorePolicy Sweep Tender Unit
commands
""".split()


def test_what_is_public():
    """
    Every change of the public names is seen here.
    """
    assert sorted(pointsledger.__all__) == PUBLIC
    assert set(PUBLIC) <= set(dir(pointsledger))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name):
    """
    A public name is imported from its home when it is asked for, once.
    """
    assert getattr(pointsledger, name) is getattr(pointsledger, name)


def test_another_name_is_not_there():
    """
    What is not public is an AttributeError, as with any module.
    """
    with pytest.raises(AttributeError, match="has no attribute 'Points'"):
        _ = pointsledger.Points


def test_importing_the_package_imports_nothing_else():
    """
    Who imports the package alone does not wait for the ledger.
    """
    code = "import sys, pointsledger; print({'attrs', 'pointsledger.ledger', 'dateutil'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "set()"
