"""Anchors, routes and costs in words, for people. Torch-free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from snnet.routes import Route
from snnet.space import Space


def describe_route(space: Space, route: Route, labels: Sequence[str]) -> str:
    """A line such as `deit_tiny 3 > deit_small 4..6 > deit_base 8`; the middle runs 4 to 6."""
    text = labels[route.first]
    for n, joint in enumerate(route.joints):
        leaves = space.locate(joint.front, joint.front_block)[1]
        enters = space.locate(joint.back, joint.back_block)[1]
        text += f"{'..' if n else ' '}{leaves} > {labels[joint.back]} {enters}"
    return text


def stages_of(space: Space, route: Route) -> str:
    """The stages that hold the stitches of a route, such as `1` or `0, 1`; empty of an anchor."""
    stages = [space.locate(joint.front, joint.front_block)[0] for joint in route.joints]
    return ", ".join(dict.fromkeys(map(str, stages)))


def short_names(names: list[str]) -> list[str]:
    """Model names without tags and without the last words that all of them share."""
    parts = [name.partition(".")[0].split("_") for name in names]
    while all(len(words) > 1 for words in parts) and len({words[-1] for words in parts}) == 1:
        parts = [words[:-1] for words in parts]
    return ["_".join(words) for words in parts]


def distinct(names: Sequence[str]) -> list[str]:
    """Short names that differ: those of equal models are numbered."""
    short = short_names(list(names))
    counts = Counter(short)
    return [name if counts[name] == 1 else f"{name}-{n}" for n, name in enumerate(short)]


def giga(count: float) -> str:
    """Multiply-accumulates for people; digits enough for the smallest networks too."""
    return f"{count / 1e9:.2f}" if count >= 1e8 else f"{count / 1e9:.3g}"


def mega(count: float) -> str:
    """Parameters for people."""
    return f"{count / 1e6:.2f}" if count >= 1e5 else f"{count / 1e6:.3g}"


def in_bytes(count: float) -> str:
    """Room on a disk for people, such as `128 MB`."""
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
