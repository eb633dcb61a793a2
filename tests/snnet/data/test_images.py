"""Datasets that timm reads: what an image becomes depends on its place in the epoch alone."""

from __future__ import annotations

import gzip
import io
import json
import random
import shutil
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from snnet.data.images import load_images
from snnet.data.locations import DEBIAN_FASHION
from snnet.data.preprocessing import Preprocessing
from snnet.errors import MissingDataError
from snnet.recipe import Augmentation

PREPROCESSING = Preprocessing((3, 32, 32), (0.5,) * 3, (0.25,) * 3, "bicubic", 0.9)
STRONG = Augmentation(rand_augment="rand-m9-mstd0.5-inc1", random_erasing=0.5)


def noise(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """24 images of three classes to train on, 7 to test."""
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    monkeypatch.setenv("SNNET_WORKERS", "0")
    for split, count in (("train", 24), ("val", 7)):
        for n in range(count):
            place = tmp_path / "flowers" / split / "abc"[n % 3]
            place.mkdir(parents=True, exist_ok=True)
            noise(n + 100 * (split == "val")).save(place / f"{n:02d}.png")
    return tmp_path / "flowers"


def opened(**counts):
    chosen = (counts.get(name) for name in ("train", "test", "validation"))
    return load_images("flowers", PREPROCESSING, *chosen)


def tensors(batches):
    return [images for images, _ in batches]


def test_images_held_back_are_none_that_train(folder):
    data = opened(validation=6)
    assert (data.train_count, data.test_count) == (18, 7)
    held = torch.cat(tensors(data.validation_batches(4)))
    assert len(held) == 6
    assert torch.equal(held, torch.cat(tensors(opened(validation=6).validation_batches(6))))
    trained = torch.cat(list(data.calibration(18, 0)))
    every = torch.cat(list(opened().calibration(24, 0)))
    assert {*map(picture, held)} | {*map(picture, trained)} == {*map(picture, every)}
    fewer = opened(train=10, validation=6)
    assert fewer.train_count == 10
    assert torch.equal(held, torch.cat(tensors(fewer.validation_batches(6))))
    assert not list(opened().validation_batches(4))
    with pytest.raises(ValueError, match="validation_images is 24, and cannot be held back: of 24"):
        opened(validation=24)


def picture(image):
    return image.numpy().tobytes()


def test_counts_classes_and_shapes(folder):
    data = opened()
    assert (data.train_count, data.test_count, data.classes) == (24, 7, 3)
    batches = list(data.batches(8, STRONG, "epoch", 0))
    assert [images.shape for images, _ in batches] == [(8, 3, 32, 32)] * 3
    assert torch.cat([labels for _, labels in batches]).bincount().tolist() == [8, 8, 8]
    assert opened(train=10, test=3).train_count == 10
    with pytest.raises(ValueError, match="only 24 training images"):
        next(data.batches(25, STRONG))


def test_later_starts_and_parts_give_the_same_bits(folder):
    data = opened()
    whole = tensors(data.batches(8, STRONG, 0))
    assert all(map(torch.equal, whole[1:], tensors(data.batches(8, STRONG, 0, start=1))))
    for n in (0, 1):
        part = tensors(data.batches(8, STRONG, 0, part=(n, 2)))
        assert all(
            torch.equal(mine, images[n::2]) for mine, images in zip(part, whole, strict=True)
        )


def test_loader_workers_change_nothing_and_draws_stay_their_own(folder, monkeypatch):
    data = opened()
    random.seed(1)
    expected = random.Random(1).random()
    whole = tensors(data.batches(8, STRONG, 0))
    assert random.random() == expected
    monkeypatch.setenv("SNNET_WORKERS", "2")
    assert all(map(torch.equal, whole, tensors(data.batches(8, STRONG, 0))))


def test_augmentation_changes_images_from_epoch_to_epoch(folder):
    data = opened()

    def by_class_and_pixels(augmentation, epoch):
        batches = data.batches(24, augmentation, epoch)
        return {image.numpy().tobytes() for images, _ in batches for image in images}

    assert not by_class_and_pixels(STRONG, 0) & by_class_and_pixels(STRONG, 1)
    assert by_class_and_pixels(STRONG, 0) != by_class_and_pixels(Augmentation(), 0)


def test_repeated_augmentation_shows_fewer_images_more_often(folder):
    data = opened()
    order = data._order(3, ("epoch", 0))
    assert len(order) == 24
    assert len(set(order)) == 8
    assert order != data._order(3, ("epoch", 1))
    (images,) = tensors(data.batches(24, Augmentation(rand_augment="rand-m9", repeats=3), "e"))
    assert len({image.numpy().tobytes() for image in images}) == 24


@pytest.mark.parametrize("magnitude", [0, 5, 10])
def test_every_magnitude_of_rand_augment_works(folder, magnitude):
    """timm asks Pillow for no bits at all at the largest, which Pillow 13 refuses."""
    policy = Augmentation(rand_augment=f"rand-m{magnitude}-n8-inc1")
    for epoch in range(3):
        for images in tensors(opened().batches(24, policy, epoch)):
            assert torch.isfinite(images).all()


def test_calibration_is_plain_and_drawn_by_seed(folder):
    data = opened()
    one, again, other = (torch.cat(list(data.calibration(20, seed))) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    plain = PREPROCESSING.for_test()
    expected = {plain(noise(n)).numpy().tobytes() for n in range(24)}
    assert {image.numpy().tobytes() for image in one} < expected
    with pytest.raises(ValueError, match="there are 24 training images"):
        list(data.calibration(25, 0))


def test_the_test_set_is_whole_and_in_order(folder):
    data = opened()
    batches = list(data.test_batches(4))
    assert [len(labels) for _, labels in batches] == [4, 3]
    whole = torch.cat(tensors(batches))
    parts = [torch.cat(tensors(data.test_batches(4, (n, 2)))) for n in (0, 1)]
    assert torch.equal(parts[0], whole[0::2])
    assert torch.equal(parts[1], whole[1::2])


def test_a_broken_image_is_named(folder):
    (folder / "train" / "a" / "00.png").write_bytes(b"\x89PNG torn")
    with pytest.raises(ValueError, match=r"image .*a/00\.png cannot be read"):
        list(opened().batches(24, STRONG))


def test_pictures_of_any_depth_are_read_and_remarks_are_kept(folder):
    deep = np.random.default_rng(0).integers(0, 2**16, (40, 48), dtype=np.uint16)
    Image.fromarray(deep).save(folder / "train" / "a" / "00.png")
    plain = Image.fromarray(np.rint(deep / 257).astype(np.uint8)).convert("RGB")
    (folder / "train" / "a" / "notes.txt").touch()
    data = opened()
    found = {picture(image) for image in torch.cat(list(data.calibration(24, 0)))}
    assert picture(PREPROCESSING.for_test()(plain)) in found
    assert [text.partition(" are ")[0] for text in data.remarks] == [
        f"dataset flowers: 1 of 25 files in {folder}/train"
    ]


@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif", "bmp", "gif"])
def test_images_of_every_kind_are_named_when_cut_off(folder, kind):
    path = folder / "train" / "a" / f"00.{kind}"
    noise(0).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=rf"image .*a/00\.{kind} cannot be read .*mend or remove"):
        list(opened().calibration(25 if kind != "png" else 24, 0))


def test_classes_that_differ_are_named(folder):
    shutil.copytree(folder / "train" / "a", folder / "train" / "only-here")
    with pytest.raises(ValueError, match="differ in 1 classes, for example only-here"):
        opened()


def test_missing_datasets_say_where_and_what(monkeypatch, tmp_path):
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    with pytest.raises(MissingDataError, match=f"not in {tmp_path}/flowers: no folders train/"):
        opened()
    for name in ("torch/nothing", "hfds/no-such-set", "wds/no-such-set"):
        with pytest.raises(MissingDataError, match=f"dataset {name} .* set SNNET_DATA"):
            load_images(name, PREPROCESSING, None, None)
    (tmp_path / "flowers" / "train").mkdir(parents=True)
    (tmp_path / "flowers" / "val").mkdir()
    with pytest.raises(MissingDataError, match=r"flowers/train holds no class folders"):
        opened()


def test_torchvision_sets(monkeypatch, tmp_path):
    if not DEBIAN_FASHION.exists():
        pytest.skip("needs Fashion-MNIST (Debian: apt-get install dataset-fashion-mnist)")
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for packed in DEBIAN_FASHION.glob("*.gz"):
        (raw / packed.stem).write_bytes(gzip.decompress(packed.read_bytes()))
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    monkeypatch.setenv("SNNET_WORKERS", "0")
    data = load_images("torch/fashion_mnist", PREPROCESSING, 16, 8)
    assert (data.train_count, data.test_count, data.classes) == (16, 8, 10)
    assert [images.shape for images, _ in data.batches(8, STRONG)] == [(8, 3, 32, 32)] * 2


def test_streamed_sets(monkeypatch, tmp_path):
    pytest.importorskip("webdataset", reason="needs webdataset (pip install webdataset)")
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    root = tmp_path / "shards"
    root.mkdir()
    info = {"splits": {}}
    for split, count in (("train", 12), ("validation", 5)):
        with tarfile.open(root / f"{split}-0000.tar", "w") as shard:
            for n in range(count):
                held = io.BytesIO()
                noise(n).save(held, "PNG")
                for name, content in ((f"{n}.png", held.getvalue()), (f"{n}.cls", b"%d" % (n % 3))):
                    entry = tarfile.TarInfo(name)
                    entry.size = len(content)
                    shard.addfile(entry, io.BytesIO(content))
        info["splits"][split] = {
            "name": split,
            "filenames": [f"{split}-0000.tar"],
            "shard_lengths": [count],
            "num_samples": count,
        }
    (root / "_info.json").write_text(json.dumps(info))
    data = load_images("wds/shards", PREPROCESSING, None, None)
    assert (data.train_count, data.test_count) == (12, 5)
    whole = tensors(data.batches(4, STRONG, 0))
    assert len(whole) == 3
    assert all(map(torch.equal, whole, tensors(data.batches(4, STRONG, 0))))
    assert torch.equal(whole[2], tensors(data.batches(4, STRONG, 0, start=2))[0])
    assert not torch.equal(whole[0], tensors(data.batches(4, STRONG, 1))[0])
    assert sum(len(labels) for _, labels in data.test_batches(2)) == 5
    assert len(torch.cat(list(data.calibration(6, 0)))) == 6
