"""Decoded images are those of the folder, whoever decoded them, and however it ended."""

from __future__ import annotations

import os
import shutil
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from snnet.data import decoded
from snnet.data.decoded import decode, expected_bytes
from snnet.data.folder import list_dataset
from snnet.data.images import load_images
from snnet.data.preprocessing import Preprocessing
from snnet.recipe import Augmentation

PREPROCESSING = Preprocessing((3, 32, 32), (0.5,) * 3, (0.25,) * 3, "bicubic", 0.8)
GREY = Preprocessing((1, 32, 32), (0.5,), (0.25,), "bilinear", 1.0)
SIZES = ((90, 60), (50, 75), (48, 40), (20, 30), (64, 64))  # smaller than tests want, too


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """14 images to train on, of many sizes, and 7 to test; four share a file when decoded."""
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    monkeypatch.setenv("SNNET_WORKERS", "0")
    monkeypatch.setattr(decoded, "IMAGES", 4)
    for split, count in (("train", 14), ("val", 7)):
        for n in range(count):
            place = tmp_path / "flowers" / split / "abc"[n % 3]
            place.mkdir(parents=True, exist_ok=True)
            width, height = SIZES[n % len(SIZES)]
            draws = np.random.default_rng(n + 100 * (split == "val"))
            pixels = draws.integers(0, 256, (height, width, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{n:02d}.png")
    return tmp_path / "flowers"


def opened(cache=None, preprocessing=PREPROCESSING, say=lambda phase: None):
    kept = partial(decode, cache=cache, say=say) if cache else None
    return load_images("flowers", preprocessing, None, None, decode=kept)


def same(ones, others):
    pairs = zip(ones, others, strict=True)
    return all(torch.equal(one, other) for pair in pairs for one, other in zip(*pair, strict=True))


@pytest.mark.parametrize("preprocessing", [PREPROCESSING, GREY], ids=["colour", "grey"])
def test_tests_see_the_same_bits(folder, tmp_path, preprocessing):
    plain, kept = opened(None, preprocessing), opened(tmp_path / "cache", preprocessing)
    assert (kept.train_count, kept.test_count, kept.classes) == (14, 7, 3)
    assert same(plain.test_batches(3), kept.test_batches(3))
    assert same(plain.calibration_batches(14, 0), kept.calibration_batches(14, 0))


def test_training_crops_the_smaller_images_in_the_same_places(folder, tmp_path):
    purpose = (Augmentation(), "epoch", 0)
    plain, kept = (list(one.batches(7, *purpose)) for one in (opened(), opened(tmp_path / "cache")))
    assert torch.equal(plain[0][1], kept[0][1])
    for (one, _), (other, _) in zip(plain, kept, strict=True):
        small = [torch.equal(a, b) for a, b in zip(one, other, strict=True)]
        assert 0 < sum(small) < 7  # those that were small enough are as they were
    strong = Augmentation(rand_augment="rand-m9-mstd0.5-inc1", random_erasing=0.5)
    again = opened(tmp_path / "cache")
    assert same(again.batches(7, strong, 0), again.batches(7, strong, 0))


def test_workers_of_a_loader_read_the_same(folder, tmp_path, monkeypatch):
    alone = list(opened(tmp_path / "cache").batches(7, Augmentation(), 0))
    monkeypatch.setenv("SNNET_WORKERS", "2")
    shutil.rmtree(tmp_path / "cache")  # they decode, too
    assert same(opened(tmp_path / "cache").batches(7, Augmentation(), 0), alone)


def test_what_is_decoded_stays_so(folder, tmp_path):
    said = []
    opened(tmp_path / "cache", say=said.append)
    assert said == [f"decoding images: {n}/{of}" for of in (14, 7) for n in range(0, of, 4)]
    said.clear()
    opened(tmp_path / "cache", say=said.append)
    assert said == []
    file = folder / "train" / "a" / "00.png"
    os.utime(file, ns=(1, 1))  # as if it were another one
    opened(tmp_path / "cache", say=said.append)
    assert said == [f"decoding images: {n}/14" for n in range(0, 14, 4)]


def test_decoding_goes_on_where_it_was_killed(folder, tmp_path, monkeypatch):
    """A kill between the two files of some images, and one while a file is written."""
    whole = list(opened(tmp_path / "whole").batches(7, Augmentation(), 0))
    cache = tmp_path / "cache"
    keep, calls = np.save, []

    def killed(file, content):
        calls.append(content)
        if len(calls) == 4:  # the index of the second four
            file.write(b"half")
            raise KeyboardInterrupt
        keep(file, content)

    monkeypatch.setattr(np, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        opened(cache)
    monkeypatch.setattr(np, "save", keep)
    (place,) = (cache / "decoded").iterdir()
    assert len(list(place.glob("*.index.npy"))) == 1
    said = []
    assert same(opened(cache, say=said.append).batches(7, Augmentation(), 0), whole)
    assert said[0] == "decoding images: 4/14"


def test_the_size_is_told_by_headers(folder, tmp_path):
    opened(tmp_path / "cache")
    taken = sum(file.stat().st_size for file in (tmp_path / "cache").rglob("*.pixels.npy"))
    expected = sum(expected_bytes(one, PREPROCESSING) for one in list_dataset("flowers"))
    assert expected == pytest.approx(taken, rel=0.05)


def test_a_disk_without_room_is_told_before(folder, tmp_path, monkeypatch):
    full = shutil._ntuple_diskusage(10**6, 10**6 - 1000, 1000)
    monkeypatch.setattr(decoded.shutil, "disk_usage", lambda path: full)
    with pytest.raises(ValueError, match=r"take about \S+ MB in .*decoded, where 0.001 MB are"):
        opened(tmp_path / "cache")


def test_an_image_that_cannot_be_read_is_named(folder, tmp_path):
    (folder / "train" / "a" / "00.png").write_bytes(b"no image, and neither its header")
    with pytest.raises(ValueError, match=r"image .*00\.png cannot be read"):
        opened(tmp_path / "cache")
