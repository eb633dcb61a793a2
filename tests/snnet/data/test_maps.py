"""A user's folders of images with maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.maps import write_map, write_pictures
from snnet.data.map_folder import list_maps
from snnet.data.maps import load_maps
from snnet.data.preprocessing import Preprocessing
from snnet.errors import MissingDataError
from snnet.tasks.segmentation import IGNORED

SIX = Preprocessing((3, 6, 10), (0.5,) * 3, (0.25,) * 3, "bicubic", 1.0)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    return tmp_path


def halves(left, right):
    """A map (12, 20) with one number in its left half, another in its right."""
    return np.repeat([[left] * 10 + [right] * 10], 12, axis=0).astype(np.uint8)


@pytest.fixture
def ade20k(root):
    for split, count in (("training", 11), ("validation", 3)):
        names = [f"ADE_{n}" for n in range(count)]
        write_pictures(root / "scenes" / "images" / split, names)
        for name in names:
            write_map(root / "scenes" / "annotations" / split / f"{name}.png", halves(0, 3))
    return root / "scenes"


@pytest.fixture
def voc(root):
    names = ["2007_1", "2007_2", "2007_3"]
    folder = root / "things"
    write_pictures(folder / "JPEGImages", [*names, "2007_9"])
    for name in names:
        image = Image.fromarray(halves(1, 255), mode="P")
        image.putpalette([n % 256 for n in range(768)])
        (folder / "SegmentationClass").mkdir(exist_ok=True)
        image.save(folder / "SegmentationClass" / f"{name}.png")
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("2007_1\n2007_3\n")
    (lists / "val.txt").write_text("2007_2\n")
    return folder


def test_ade20k_counts_classes_from_one(ade20k):
    data = load_maps("segmentation/scenes", SIX, 3, None, None)
    assert (data.train_count, data.test_count) == (11, 3)
    assert [path.stem for path in list_maps("segmentation/scenes")[0].images[-2:]] == [
        "ADE_9",
        "ADE_10",
    ]
    images, maps = next(data.test_batches(3))
    assert images.shape == (3, 3, 6, 10)
    assert maps.shape == (3, 6, 10)
    assert (maps[:, :, :5] == IGNORED).all()
    assert (maps[:, :, 5:] == 2).all()


def test_voc_has_a_list_for_each_set(voc):
    data = load_maps("segmentation/things", SIX, 21, None, None)
    assert (data.train_count, data.test_count) == (2, 1)
    (images, maps), *_ = data.test_batches(1)
    assert (maps[0, :, :5] == 1).all()
    assert (maps[0, :, 5:] == IGNORED).all()
    with Image.open(voc / "JPEGImages" / "2007_2.png") as picture:
        small = np.asarray(picture.resize((10, 6), Image.Resampling.BILINEAR)) / 255
    np.testing.assert_allclose(images[0].permute(1, 2, 0), (small - 0.5) / 0.25, atol=1e-5)


def test_images_and_maps_are_mirrored_together(ade20k):
    data = load_maps("segmentation/scenes", SIX, 3, None, None)
    by_order = {}
    for epoch in range(6):
        for images, maps in data.batches(11, None, 0, epoch):
            for image, labels in zip(images, maps, strict=True):
                mirrored = bool(labels[0, 0] == 2)
                upright = image.flip(-1) if mirrored else image
                by_order.setdefault(round(float(upright[0, 0, 0]), 4), set()).add(mirrored)
    assert len(by_order) == 11
    assert {True, False} in by_order.values()


def test_batches_depend_on_neither_start_nor_part(ade20k):
    data = load_maps("segmentation/scenes", SIX, 3, None, None)
    whole = list(data.batches(4, None, 1, 2))
    (later,) = data.batches(4, None, 1, 2, start=1)
    assert torch.equal(later[0], whole[1][0])
    parts = [list(data.batches(4, None, 1, 2, part=(r, 2))) for r in (0, 1)]
    for n, (images, _) in enumerate(whole):
        assert torch.equal(images[1::2], parts[1][n][0])


def test_some_are_held_back_and_only_some_are_used(ade20k):
    data = load_maps("segmentation/scenes", SIX, 3, 5, 2, 4, seed=1)
    assert (data.train_count, data.test_count) == (5, 2)
    assert sum(len(maps) for _, maps in data.validation_batches(3)) == 4
    assert not set(data.train[1].tolist()) & set(data.held_back[1].tolist())
    with pytest.raises(ValueError, match="validation_images is 11, of 11 training images"):
        load_maps("segmentation/scenes", SIX, 3, None, None, 11)


def test_what_is_wrong_is_one_sentence(ade20k, voc):
    data = load_maps("segmentation/scenes", SIX, 2, None, None)
    with pytest.raises(ValueError, match="holds a class 2, counted from 0, and the anchors tell 2"):
        next(data.test_batches(1))
    with pytest.raises(MissingDataError, match=r"segmentation/none is not in .*ADE20K.*VOC"):
        list_maps("segmentation/none")
    with pytest.raises(MissingDataError, match=r"depth/none is not in .*train/ and val/"):
        list_maps("depth/none")
    (voc / "ImageSets" / "Segmentation" / "val.txt").write_text("2007_9\n")
    with pytest.raises(MissingDataError, match=r"2007_9.png has no map: .*2007_9.png is not there"):
        list_maps("segmentation/things")
    (ade20k / "images" / "validation" / "ADE_1.png").write_bytes(b"no image")
    data = load_maps("segmentation/scenes", SIX, 3, None, None)
    with pytest.raises(ValueError, match=r"image .*ADE_1.png cannot be read"):
        next(data.test_batches(3))


def test_depths_take_one_output(root):
    with pytest.raises(ValueError, match="set num_classes in their options to 1"):
        load_maps("depth/none", SIX, 3, None, None)
