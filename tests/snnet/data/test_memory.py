"""Datasets in memory: splits, augmentation and parts of a batch."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from PIL import Image

from helpers.datasets import needs_fashion
from helpers.training import CONFIG
from snnet.data.augmentation import affine
from snnet.data.digits import load_digits
from snnet.data.fashion import load_fashion
from snnet.data.memory import take
from snnet.data.pictures import transform_for
from snnet.data.sizes import IN_MEMORY
from snnet.errors import MissingDataError
from snnet.recipe import Augmentation
from snnet.seeding import generator


@needs_fashion
def test_fashion_is_whole():
    data = load_fashion(0)
    assert (data.train_count, data.test_count, data.image_shape) == (54_000, 10_000, (1, 28, 28))
    assert torch.bincount(data.test_labels).tolist() == [1000] * 10
    images = data.normalise(data.train_images)
    assert abs(images.mean()) < 0.01
    assert abs(images.std() - 1) < 0.01


def test_missing_and_damaged_fashion_say_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    monkeypatch.setattr("snnet.data.locations.DEBIAN_FASHION", tmp_path / "nothing")
    monkeypatch.setattr(
        "torchvision.datasets.FashionMNIST", lambda *_, **__: 1 / 0
    )  # as without a network
    with pytest.raises(
        MissingDataError, match=r"none of .*fashion-mnist.*install Debian's package"
    ):
        load_fashion(0)
    (tmp_path / "fashion-mnist").mkdir()
    (tmp_path / "fashion-mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b torn")
    with pytest.raises(MissingDataError, match="is damaged or missing"):
        load_fashion(0)


def test_batches_are_made_where_the_images_lie():
    """On the meta device, where what is mixed with the CPU's would be told from it."""
    data = take(load_digits(0), 64, 32, 0)
    changes = Augmentation(degrees=5, scale=0.1, shift=0.5)
    there = replace(data, pixels=16).on(torch.device("meta"))
    for made in (
        there.batches(16, changes, 0),
        there.calibration_batches(20, 0),
        there.test_batches(16),
        there.validation_batches(16),
    ):
        for images, labels in made:
            assert (images.device.type, labels.device.type) == ("meta", "meta")
            assert images.shape[1:] == (1, 16, 16)
    assert there.test_ids.equal(data.test_ids)  # that are kept in tables


def test_the_split_is_drawn_by_the_seed_and_apart():
    one, again, other = load_digits(0), load_digits(0), load_digits(1)
    assert torch.equal(one.test_images, again.test_images)
    assert torch.equal(one.test_ids, again.test_ids)
    assert len(one.train_labels) == IN_MEMORY["digits"].train
    shared = set(one.test_ids.tolist()) & set(other.test_ids.tolist())
    assert 300 < len(shared) < 430  # 45 % of 45 % of all
    train = {image.numpy().tobytes() for image in one.train_images}
    test = {image.numpy().tobytes() for image in one.test_images}
    assert len(train & test) <= 3  # scikit-learn's set holds a few images twice


def test_equal_numbers_are_equal_images():
    by_number = [
        dict(zip(data.test_ids.tolist(), data.test_images, strict=True))
        for data in (load_digits(0), take(load_digits(1), None, 50, 1))
    ]
    shared = by_number[0].keys() & by_number[1].keys()
    assert len(by_number[1]) == 50
    assert len(shared) > 10
    assert all(torch.equal(by_number[0][one], by_number[1][one]) for one in shared)


@needs_fashion
def test_of_fashion_the_seed_draws_what_is_held_back_alone():
    one, other = load_fashion(0), load_fashion(1)
    assert torch.equal(one.test_images, other.test_images)
    assert not torch.equal(one.validation[1], other.validation[1])


def test_calibration_images_depend_on_the_seed_alone(data):
    one, again, other = (torch.cat(list(data.calibration(20, seed))) for seed in (1, 1, 2))
    assert one.shape == (20, 1, 8, 8)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    with pytest.raises(ValueError, match="there are 64"):
        list(data.calibration(65, 0))


def test_augmentation_changes_each_image_its_own_way(data):
    images = data.normalise(data.train_images[:1]).repeat(8, 1, 1, 1)
    draws = torch.rand(4, 8, generator=generator("a"))
    changed = affine(images, CONFIG.augmentation, draws)
    assert changed.shape == images.shape
    assert len({image.numpy().tobytes() for image in changed}) == 8
    assert affine(images, Augmentation(), draws) is images


def test_parts_of_a_batch_and_later_starts_are_the_same_images(data):
    whole = list(data.batches(16, CONFIG.augmentation, "epoch"))
    halves = [list(data.batches(16, CONFIG.augmentation, "epoch", part=(n, 2))) for n in (0, 1)]
    late = list(data.batches(16, CONFIG.augmentation, "epoch", start=2))
    assert [len(labels) for _, labels in whole] == [16] * 4
    for step, (images, labels) in enumerate(whole):
        for n in (0, 1):
            torch.testing.assert_close(halves[n][step][0], images[n::2])
            assert torch.equal(halves[n][step][1], labels[n::2])
    assert torch.equal(late[0][0], whole[2][0])


def test_images_are_scaled_where_settings_say_so():
    """Every batch, the shape that is told, and pictures of a user's own."""
    small = take(load_digits(0), 32, 16, 0)
    large = replace(small, pixels=20)
    assert large.image_shape == (1, 20, 20)
    plain = Augmentation()
    for images in (
        next(large.batches(8, plain, 0))[0],
        next(large.test_batches(8))[0],
        next(large.validation_batches(8))[0],
        next(large.calibration(8, 0)),
    ):
        assert images.shape == (8, 1, 20, 20)
    wanted = torch.nn.functional.interpolate(
        next(small.test_batches(8))[0], (20, 20), mode="bilinear"
    )
    assert torch.equal(next(large.test_batches(8))[0], wanted)
    picture = Image.fromarray((small.test_images[0, 0].numpy() * 255).round().astype("uint8"))
    found = transform_for("digits", [], pixels=20)(picture)
    torch.testing.assert_close(found, wanted[0], atol=0.02, rtol=0)
