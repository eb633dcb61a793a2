"""Settings are checked at every depth, and what is wrong with them is said in readable words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, MinLen
from typing_extensions import TypedDict

from ablations.errors import UserError
from ablations.study.experiment import Experiment


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    NONE = 0
    LARGE = 2


class Options(TypedDict):
    rate: float


@dataclass(frozen=True)
class Leaf:
    degrees: float = 0
    shift: Annotated[int, Ge(0)] = 0

    def __post_init__(self) -> None:
        if self.shift == 13:
            raise ValueError("13 brings bad luck")


@dataclass(frozen=True)
class Node:
    name: str
    size: int
    leaf: Leaf = Leaf()
    children: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Other:
    title: str


@dataclass(frozen=True)
class Config:
    leaf: Leaf = Leaf()
    node: Node | None = None
    either: Node | Other | None = None
    several: int | str = 0
    options: Options | None = None
    by_name: Mapping[str, Leaf] = field(default_factory=dict)
    by_number: Mapping[int, int] = field(default_factory=dict)
    colour: Colour = Colour.RED
    pair: tuple[int, int] = (1, 2)
    free: Mapping[str, Any] = field(default_factory=dict)
    size: Size = Size.NONE
    maybe: Size | None = None
    named: Literal[1] | str = 1
    choice: Literal[1, "three"] = 1
    switch: bool = True
    number: float = 1.0
    word: Annotated[str, MinLen(2)] = "aa"
    seed: int = 0


EXPERIMENT = Experiment("mine", Config, lambda config, run: {})
DEEP = {"name": "a", "size": 1, "children": [{"name": "b", "size": 2, "leaf": {"shif": 3}}]}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("leaf", {"degres": 10}, "leaf has no setting 'degres': did you mean degrees?"),
        ("node", DEEP, "node.children.0.leaf has no setting 'shif': did you mean shift?"),
        ("node", {"nam": "a", "size": 1}, "node has no setting 'nam': did you mean name?"),
        ("node", {"zzz": 1}, "node has no setting 'zzz': choose from: name, size, leaf, children"),
        ("either", {"titel": "x"}, "either has no setting 'titel': did you mean title?"),
        ("by_name", {"a": {"degres": 1}}, "by_name.a has no setting 'degres': did you mean"),
        ("options", {"rate": 1, "rat": 2}, "options has no setting 'rat': did you mean rate?"),
        ("node", {}, "node needs name"),
        ("node", {"name": "a"}, "node needs size"),
        ("options", {}, "options needs rate"),
        ("pair", [1], "pair needs value 2"),
        ("pair", [1, 2, 3], "pair cannot be [1, 2, 3]: it should have at most 2 items, not 3"),
        ("either", {"title": 3}, "either.title cannot be 3: it should be text"),
        ("several", [1], "several cannot be [1]: it should be a whole number or text"),
        ("leaf", 3, 'leaf cannot be 3: it should be settings with values, such as {"name": 1}'),
        ("leaf", {"shift": 13}, "leaf: these settings do not fit together: 13 brings bad luck"),
        ("leaf", {"shift": -1}, "leaf.shift cannot be -1: it should be greater than or equal to 0"),
        ("by_number", {1: "x"}, "by_number.1 cannot be 'x': it should be a whole number"),
        ("free", [1], 'free cannot be [1]: it should be names with values, such as {"name": 1}'),
        ("pair", "x", "pair cannot be 'x': it should be a list, such as [1, 2]"),
        ("colour", "rde", "colour cannot be 'rde': did you mean red?"),
        ("choice", "thre", "choice cannot be 'thre': did you mean three?"),
        ("choice", 5, "choice cannot be 5: choose from: 1, three"),
        ("switch", "maybe", "switch cannot be 'maybe': it should be true or false"),
        ("word", "a", "word cannot be 'a': it should have at least 2 characters"),
        ("word", None, "word cannot be None: it should be text"),
        ("seed", 1.5, "seed cannot be 1.5: it should be a whole number"),
        ("sede", 1, "mine has no setting 'sede': did you mean seed?"),
    ],
)
def test_what_is_wrong_is_said(name, value, says):
    with pytest.raises(UserError) as alone:
        EXPERIMENT.check(name, value)
    assert str(alone.value).startswith(says)
    with pytest.raises(UserError) as together:
        EXPERIMENT.resolve({name: value})
    assert str(together.value) == str(alone.value)


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e999", "9" * 400, float("inf")])
def test_a_number_without_end_is_none(value):
    with pytest.raises(
        UserError, match=r"^number cannot be .{1,100}: it should be a finite number"
    ):
        EXPERIMENT.check("number", value)


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize("kind", [str, int])
@pytest.mark.parametrize("name", ["number", "seed"])
def test_a_number_of_many_digits_is_refused_in_a_short_sentence(name, kind, digits):
    value = "9" * digits if kind is str else 10**digits
    with pytest.raises(UserError, match=f"^{name} cannot be ") as refused:
        EXPERIMENT.check(name, value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("size", "0", Size.NONE),
        ("size", "2", Size.LARGE),
        ("maybe", "2", Size.LARGE),
        ("choice", "1", 1),
        ("named", "1", "1"),  # a text, where that may be meant
    ],
)
def test_values_are_taken_as_the_command_line_writes_them(name, text, value):
    assert EXPERIMENT.check(name, text) == getattr(EXPERIMENT.resolve({name: text}), name) == value
    with pytest.raises(UserError, match="size cannot be '3': choose from: 0, 2"):
        EXPERIMENT.check("size", "3")


def test_what_a_class_lets_pass_on_purpose_passes():
    assert EXPERIMENT.check("free", {"anything": [1]}) == {"anything": [1]}
    assert EXPERIMENT.check("options", {"rate": 1}) == {"rate": 1.0}
    assert EXPERIMENT.check("node", None) is None


def test_a_type_that_pydantic_cannot_check_is_told():
    class Strange:
        pass

    @dataclass(frozen=True)
    class Unchecked:
        strange: Any = None
        seed: int = 0

    Unchecked.__annotations__["strange"] = Strange
    with pytest.raises(UserError, match="cannot be of type"):
        Experiment("mine", Unchecked, lambda config, run: {}).check("strange", 1)
