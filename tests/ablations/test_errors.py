"""Sentences about mistakes."""

from __future__ import annotations

from ablations.errors import in_one_line, nearest, quoted


def test_a_hint_that_is_far_off_is_not_given():
    known = ["epochs", "precision", "mem"]
    assert nearest("epoch", known) == "did you mean epochs?"
    assert nearest("memory", known) == "did you mean mem?"
    assert nearest("nosuch", known) == "choose from: epochs, precision, mem"
    assert nearest("options", known) == "choose from: epochs, precision, mem"
    many = nearest("x", map(str, range(1000)))
    assert many.endswith("39, ... (1000 in all)")


def test_a_sentence_stays_one_that_people_read():
    assert in_one_line("a\n b\t c") == "a b c"
    assert len(in_one_line(f"the number {'9' * 4000} is no number")) < 350
    assert quoted("9" * 4000) == f"'{'9' * 39}...{'9' * 39}'"
    assert quoted(10**5000) == "a number of thousands of digits"
