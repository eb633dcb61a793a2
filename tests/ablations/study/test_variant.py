"""What variants are called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.study.variant import LONGEST, Variant


@pytest.mark.parametrize(
    ("variant", "name"),
    [
        (Variant("overview", changes=("epochs=3",)), "overview-epochs-3"),
        (Variant("/some/where/my_study.py", changes=("epochs=3",)), "my-study-epochs-3"),
        (Variant("overview", "imagenet", "swin"), "overview-imagenet-swin"),
        (Variant("overview", changes=("epochs=5,10",)), "overview-epochs-5-and-10"),
        (Variant("o", changes=("init=least_squares", "rate=0.1")), "o-init-least-squares-rate-0-1"),
        (Variant("o", changes=("learning_rate=1e-4",)), "o-learning-rate-1e-4"),
    ],
)
def test_a_name_tells_the_change(variant, name):
    assert variant.name == name


@pytest.mark.parametrize(
    ("one", "other"),
    [("rate=3", "rate=-3"), ("rate=0.1", "rate=0,1"), ("w=1/1", "w=1.1"), ("w=[1]", 'w={"1":1}')],
)
def test_other_changes_have_another_name(one, other):
    assert Variant("o", changes=(one,)).name != Variant("o", changes=(other,)).name


@given(study=st.text(min_size=1), name=st.text(), value=st.text())
def test_any_name_is_one_of_a_file(study, name, value):
    found = Variant(study.replace("/", ""), changes=(f"{name}={value}",)).name
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]*", found)
    assert len(found) <= LONGEST
    assert Path(found).stem == found


def test_it_is_the_same_wherever_its_file_lies():
    one = Variant("/a/forest.py", changes=("trees=3",))
    assert one.is_as(Variant("/b/forest.py", changes=("trees=3",)))
    for other in (None, Variant("/a/woods.py", changes=("trees=3",)), Variant("/a/forest.py")):
        assert not one.is_as(other)
    assert Variant("o", "imagenet", "swin", ("a=1",)).words == "scale imagenet, family swin, a=1"
