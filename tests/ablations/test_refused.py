"""What is refused does not stop the rest, and is told together."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from ablations.refused import MANY, Refused


class OtherError(UserError):
    pass


def refuse(*texts):
    refused = Refused()
    for text in texts:
        with refused.aside():
            raise UserError(text)
    return refused


def test_nothing_was_refused():
    refuse().check()


def test_one_is_told_as_it_is():
    refused = refuse("no")
    with pytest.raises(UserError) as told:
        refused.check()
    assert told.value is refused.errors[0]


def test_several_are_told_in_one_sentence_each_once():
    with pytest.raises(OtherError, match=r"^one; two$"):
        refuse("one", "two", "one").check(OtherError)
    with pytest.raises(UserError, match=rf"^0; .*{MANY - 1}; and 3 more$"):
        refuse(*map(str, range(MANY + 3))).check()


def test_other_errors_pass():
    with pytest.raises(ValueError, match="else"), Refused().aside():
        raise ValueError("something else")
