"""The table of datasets' sizes, by which settings are checked and times guessed."""

from __future__ import annotations

import pytest

from helpers.datasets import needs_fashion
from snnet.data.catalogue import LOADERS
from snnet.data.sizes import IN_MEMORY, Sizes


@pytest.mark.parametrize("name", ["digits", pytest.param("fashion", marks=needs_fashion)])
def test_loaders_give_these_numbers_of_images(name):
    data = LOADERS[name](0)
    held_back = sum(len(labels) for _, labels in data.validation_batches(64))
    counts = data.train_count, held_back, data.test_count
    official = bool((LOADERS[name](1).test_ids == data.test_ids).all())
    found = Sizes(*counts, data.image_shape, data.classes, official)
    assert found == IN_MEMORY[name]


def test_every_dataset_of_the_table_has_a_loader():
    assert set(LOADERS) == set(IN_MEMORY)
