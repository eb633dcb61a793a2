"""Datasets of texts, held in memory as tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from snnet.data.memory import InMemory
from snnet.data.sentences import OPINIONS, Sentences, read_rated, read_tables
from snnet.data.sizes import RATED
from snnet.data.tokens import encode
from snnet.seeding import generator

TEST, HELD_BACK = 0.25, 0.15  # shares of a set without an official split


@dataclass(frozen=True)
class Texts(InMemory):
    """Texts as tokens (N, length), and their labels (N)."""

    def normalise(self, images: Tensor) -> Tensor:
        """Tokens as they are."""
        return images


def load_texts(
    dataset: str, tokenizer: Path, length: int, held_back: int | None, seed: int
) -> Texts:
    """Texts with their split: a user's, or one that `seed` draws, of whole groups of texts.

    Arguments:
        held_back: so many of a user's training texts choose settings; rated sets have their own.

    Raises:
        MissingDataError: they are not there.
        ValueError: the tokenizer cannot be used, or no text is left to train.
    """
    if dataset in RATED:
        found = read_rated(dataset)
        parts = _split_groups(found, seed)
        texts, labels = encode(found.texts, tokenizer, length), torch.tensor(found.labels)
        train, held, test = ((texts[part], labels[part]) for part in parts)
        return _texts(train, held, test, parts[2], len(OPINIONS))
    tables = read_tables(dataset)
    train, test = (
        (encode(one.texts, tokenizer, length), torch.tensor(one.labels))
        for one in (tables.train, tables.test)
    )
    chooses: tuple[Tensor, Tensor] | None = None
    if held_back:
        if held_back >= len(train[1]):
            raise ValueError(f"validation_images is {held_back}, of {len(train[1])} training texts")
        order = torch.randperm(len(train[1]), generator=generator("held back", seed))
        chosen, rest = order[:held_back].sort().values, order[held_back:].sort().values
        chooses, train = (train[0][chosen], train[1][chosen]), (train[0][rest], train[1][rest])
    return _texts(train, chooses, test, torch.arange(len(test[1])), len(tables.classes))


def _texts(
    train: tuple[Tensor, Tensor],
    held: tuple[Tensor, Tensor] | None,
    test: tuple[Tensor, Tensor],
    numbers: Tensor,
    classes: int,
) -> Texts:
    return Texts(*train, *test, numbers, classes=classes, validation=held)


def _split_groups(found: Sentences, seed: int) -> list[Tensor]:
    """Numbers of the texts to train on, held back, and to test on; no group is torn apart."""
    names = sorted(set(found.groups))
    draws = torch.randperm(len(names), generator=generator("split", seed)).tolist()
    place = {name: draw / len(names) for name, draw in zip(names, draws, strict=True)}
    where = torch.tensor([place[group] for group in found.groups])
    test, held = where < TEST, (where >= TEST) & (where < TEST + HELD_BACK)
    return [part.nonzero().flatten() for part in (~test & ~held, held, test)]


def class_names_of(dataset: str) -> tuple[str, ...]:
    """What the labels of texts are called.

    Raises:
        MissingDataError: a user's tables are not there.
    """
    return OPINIONS if dataset in RATED else read_tables(dataset).classes
