"""
Identifiers and free text.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsledger.domain.identity import check_identifier, check_text
from pointsledger.errors import InvalidIdentifier, InvalidInput
from tests.ledger.bad_inputs import IDENTIFIERS, NOT_IDENTIFIERS, NOT_TEXT


def test_identifiers_are_kept_as_they_are(subtests):
    """
    Text that looks odd but can be told apart byte by byte names things, and is never normalised (R-05, I-36).
    """
    for name, value in IDENTIFIERS.items():
        with subtests.test(name):
            assert value.encode() == check_identifier(value, "account").encode()
    assert len(IDENTIFIERS) == len(set(IDENTIFIERS.values()))


def test_other_identifiers_are_refused(subtests):
    """
    What is not text, is too long, or has characters that nobody sees is refused with its field (R-05, I-36).
    """
    for name, value in {**NOT_IDENTIFIERS, "none": None}.items():
        with subtests.test(name):
            with pytest.raises(InvalidIdentifier) as refused:
                check_identifier(value, "account")
            assert refused.value.field == "account"
            assert len(str(refused.value)) < 250


@given(st.text(max_size=300))
def test_what_is_accepted_can_be_stored_anywhere(text):
    """
    An accepted identifier is returned unchanged, fits into 255 bytes of UTF-8 and has no control character (R-05).
    """
    try:
        accepted = check_identifier(text, "key")
    except InvalidIdentifier:
        return
    assert text == accepted == accepted.strip()
    assert 1 <= len(accepted.encode("utf-8", "strict")) <= 255
    assert all(ord(character) >= 32 and ord(character) != 127 for character in accepted)


@pytest.mark.parametrize(
    "text", ["late parcel", "two\r\n\tlines", " ", "a" * 2000, "😀" * 2000, "\u202eabc", "a\u200bb"]
)
def test_free_text(text):
    """
    A comment may have line breaks, tabs and any visible or invisible script, up to 2,000 characters (R-10).
    """
    assert text == check_text(text, "comment")


def test_other_free_text_is_refused(subtests):
    """
    Free text has no control characters and no lone surrogates, so that every storage can keep it (R-05).
    """
    for name, value in {**NOT_TEXT, "none": None}.items():
        with subtests.test(name):
            with pytest.raises(InvalidInput) as refused:
                check_text(value, "comment")
            assert refused.value.field == "comment"
