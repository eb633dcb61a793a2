"""Canvases: exact labels, drawn by seed."""

from __future__ import annotations

import pytest
import torch

from snnet.data.canvas import compose, load_canvases


def items(count=40):
    draws = torch.Generator().manual_seed(1)
    return torch.randint(256, (count, 1, 5, 5), generator=draws, dtype=torch.uint8)


def test_labels_are_where_items_are_bright():
    """Each item has its own label, so that each labelled pixel is found in one of them."""
    images, labels = items(), torch.arange(40)
    canvases, maps = compose(images, labels, 12, 16, "seed")
    assert canvases.shape == (12, 1, 16, 16)
    assert canvases.dtype == maps.dtype == torch.uint8
    for canvas, labelled in zip(canvases[:, 0], maps, strict=True):
        assert ((labelled > 0) == (canvas > 0.2 * 255)).all()
        there = labelled.unique()
        assert 2 <= (there > 0).sum() <= 4
        for label in there[there > 0]:
            values = canvas[labelled == label]
            assert torch.isin(values, images[int(label) - 1]).all()


def test_items_are_used_once_while_there_are_others():
    _, maps = compose(items(100), torch.arange(100), 20, 64, "seed")
    seen = torch.cat([one.unique()[1:] for one in maps])
    assert len(seen) == len(seen.unique()) > 40


def test_more_canvases_than_items_are_no_mistake():
    canvases, _ = compose(items(3), torch.arange(3), 20, 16, "seed")
    assert (canvases.flatten(1).amax(1) > 0).all()


def test_what_is_drawn_depends_on_the_seed_alone():
    one, again, other = (compose(items(), torch.arange(40), 9, 16, seed) for seed in (1, 1, 2))
    assert torch.equal(one[1], again[1])
    assert torch.equal(one[0], again[0])
    assert not torch.equal(one[1], other[1])


def test_parts_of_canvases_come_from_the_same_parts_of_items():
    data = load_canvases("canvas-digits", 3)
    assert data.train_labels.shape == (500, 24, 24)
    assert set(data.train_labels.unique().tolist()) == set(range(11))
    assert data.mean == pytest.approx(float(data.train_images.mean()))
    images, maps = next(data.test_batches(8))
    assert images.shape == (8, 1, 24, 24)
    assert maps.shape == (8, 24, 24)
