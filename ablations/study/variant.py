"""Variants: a study with other settings, scale or family is one of its own, with its own name."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ablations.errors import UserError, cut

LONGEST = 60  # letters of a name that is made up
LONGEST_GIVEN = 100  # of one that is given; files are called by it
LONGEST_WORDS = 80  # of what is said of the changes in a title
NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
# values of which the letters and digits tell which they are
PLAIN = re.compile(r"[A-Za-z]\w*|\d+(\.\d+)?(e-?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Variant:
    """What makes a study a variant of another.

    Attributes:
        study: the other, as `load_study` takes it.
        scale, family: where they are not the other's, else empty.
        changes: `NAME=VALUE[,VALUE]`, as `--set` takes them, in order.
    """

    study: str
    scale: str = ""
    family: str = ""
    changes: tuple[str, ...] = ()

    @property
    def of(self) -> str:
        """The name of the other study."""
        return Path(self.study).name.removesuffix(".py")

    @property
    def name(self) -> str:
        """A name for it, of letters, digits and hyphens: other changes have another.

        What letters and digits cannot tell, or is long, a digest does.
        """
        words = [self.of, self.scale, self.family]
        exact = all(re.fullmatch(r"[\w-]*", word, re.ASCII) for word in words)
        for change in self.changes:
            name, _, text = change.partition("=")
            values = text.split(",")
            exact &= all(map(PLAIN.fullmatch, values)) and bool(NAME.fullmatch(name))
            words += [name, "-and-".join(values)]
        found = "-".join(filter(None, (re.sub(r"[^A-Za-z0-9]+", "-", word) for word in words)))
        found = found.strip("-")
        if exact and len(found) <= LONGEST:
            return found
        told = json.dumps([self.of, self.scale, self.family, self.changes])
        digest = hashlib.sha256(told.encode()).hexdigest()[:6]
        return f"{found[: LONGEST - 7].strip('-')}-{digest}".strip("-")

    @property
    def words(self) -> str:
        """What is otherwise than in the other study, for people."""
        places = (("scale", self.scale), ("family", self.family))
        parts = [f"{kind} {name}" for kind, name in places if name]
        return cut(", ".join([*parts, *self.changes]), LONGEST_WORDS)

    def is_as(self, other: Variant | None) -> bool:
        """Whether they ask the same of a study of the same name, wherever its file lies."""
        return (
            other is not None and self.of == other.of and self == replace(other, study=self.study)
        )


def check_name(name: str, known: Iterable[str]) -> None:
    """Refuse a name that files cannot be called by, or that a study has.

    Arguments:
        known: names of studies.

    Raises:
        UserError: says what a name may have.
    """
    if name in known:
        raise UserError(f"--name {name}: a study is called so; give this another name")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise UserError(f"--name {name}: use letters, digits, - and _")
    if name.startswith("-"):  # other commands would take it for an option
        raise UserError(f"--name {name}: begin it with a letter, a digit or _")
    if len(name) > LONGEST_GIVEN:
        raise UserError(f"--name {name}: use at most {LONGEST_GIVEN} characters")
