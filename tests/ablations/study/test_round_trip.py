"""What a function gets is what was planned: no two configurations are written down alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from pydantic import SecretStr

from ablations import Axis, Experiment, Study
from ablations.errors import UserError
from ablations.study.expansion import expand


@dataclass(frozen=True)
class SGD:
    lr: float = 0.1


@dataclass(frozen=True)
class Adam:
    lr: float = 0.1


@dataclass(frozen=True)
class Nesterov(SGD):
    momentum: float = 0.9


@dataclass(frozen=True)
class Told:
    kind: Literal["told"] = "told"
    rate: float = 0.1


@dataclass(frozen=True)
class Tolder:
    kind: Literal["tolder"] = "tolder"
    rate: float = 0.1


class Colour(Enum):
    RED = 1


class Pair(NamedTuple):
    x: int = 1
    y: float = 2.0


NO_SECRET, PAIR = SecretStr(""), Pair()


@dataclass(frozen=True)
class Settings:
    ambiguous: SGD | Adam = SGD()
    base: SGD = SGD()
    told: Told | Tolder = Told()
    anything: Any = None
    names: frozenset[str] = frozenset()
    secret: SecretStr = NO_SECRET
    rate: float = 0.1
    colour: Colour = Colour.RED
    day: date = date(2026, 1, 1)
    place: Path = Path("x")
    pair: Pair = PAIR
    table: dict[str, list[float]] = field(default_factory=dict)
    seed: int = 0


def train(config: Settings, run: Any) -> dict[str, float]:
    return {"value": 1.0}


def planned(name, *values):
    levels = {str(number): {name: value} for number, value in enumerate(values)}
    experiment, baseline = Experiment("kinds", Settings, train), {name: values[0]}
    study = Study("T", "Q?", experiment, [Axis("level", levels)], baseline)
    return list(expand("kinds", study).configs.values())


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ambiguous", Adam(), r"ambiguous cannot be .*Adam.* read as .*SGD"),
        ("base", Nesterov(), r"base cannot be .*Nesterov.* read as .*SGD"),
        ("anything", (1, 2), r"anything cannot be .*\(1, 2\).* read as .*\[1, 2\]"),
        ("anything", Path("x"), "anything cannot be .*PosixPath"),
        ("names", frozenset("abcd"), "a set has no order in which it could be written down"),
        ("secret", SecretStr("a"), "secret cannot be"),
    ],
)
def test_what_comes_back_as_something_else_is_refused(name, value, told):
    with pytest.raises(UserError, match=told):
        planned(name, value, value)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("told", (Told(), Tolder())),
        ("anything", (1, "x", [1, 2.5], {"a": None}, True)),
        ("names", (frozenset(), frozenset("a"))),
        ("rate", (1, 2.5)),
        ("colour", (Colour.RED,)),
        ("day", (date(2026, 1, 2),)),
        ("place", (Path("a/b"),)),
        ("pair", (Pair(3), Pair(4))),
        ("table", ({"a": [1.0]}, {})),
    ],
)
def test_what_comes_back_as_it_was_is_planned(name, values):
    assert len(planned(name, *values)) == len(values)
