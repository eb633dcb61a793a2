"""Which files of an image folder are images, and what is said of the others."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image
from timm.data.readers.reader_image_folder import find_images_and_targets

from snnet.data.folder import extensions, list_dataset, remarks
from snnet.errors import MissingDataError

KINDS = ("jpg", "png", "webp", "tif", "bmp", "gif", "JPEG", "jp2")


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """48 images of three classes to train on, 6 to test, each class of other kinds."""
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    for split, count in (("train", 48), ("val", 6)):
        for n in range(count):
            place = tmp_path / "flowers" / split / f"{9 + n % 3}"
            place.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4)).save(place / f"{n}.{KINDS[n % 8]}")
    return tmp_path / "flowers"


def test_every_kind_that_pillow_reads_counts(folder):
    train, test = list_dataset("flowers")
    assert len(train.files) == 48
    assert len(test.files) == 6
    assert train.classes == test.classes == {"9": 0, "10": 1, "11": 2}
    assert remarks("flowers") == []
    assert {".png", ".webp", ".avif", ".mpo", ".ppm"} <= extensions()
    assert not {".pdf", ".h5", ".mpg", ".txt"} & extensions()


def test_folders_of_jpegs_are_listed_as_timm_does(folder):
    for path in [*folder.glob("*/*/*")]:
        path.rename(path.with_suffix(".jpg"))
    (folder / "train" / "9" / "inner").mkdir()
    shutil.copy(folder / "train" / "10" / "1.jpg", folder / "train" / "9" / "inner")
    shutil.copytree(folder / "train" / "9" / "inner", folder / "val" / "9" / "inner")
    listing = list_dataset("flowers")[0]
    images, classes = find_images_and_targets(str(folder / "train"))
    assert list(zip(listing.files, listing.labels, strict=True)) == images
    assert listing.classes == classes


def test_files_left_out_are_counted_in_one_sentence(folder):
    (folder / "train" / "labels.csv").touch()
    for name in ("b.txt", "a.txt", "scan.pdf", ".hidden.jpg"):
        (folder / "train" / "9" / name).touch()
    (folder / "train" / ".git").mkdir()
    assert remarks("flowers") == [
        f"dataset flowers: 5 of 53 files in {folder}/train are left out, as Pillow reads no images "
        "from such files: 2 .txt (9/a.txt), 1 .jpg (9/.hidden.jpg), 1 .pdf (9/scan.pdf) and 1 "
        "other kinds"
    ]


def test_classes_without_images_are_named(folder):
    for split in ("train", "val"):
        (folder / split / "empty").mkdir()
    (folder / "train" / "empty" / "video.mp4").touch()
    with pytest.raises(MissingDataError, match=r"class folder .*/train/empty holds no images"):
        list_dataset("flowers")
    for split in ("train", "val"):
        shutil.rmtree(folder / split / "empty")
    assert len(list_dataset("flowers")[0].classes) == 3


def test_folders_that_are_none(folder, tmp_path):
    (tmp_path / "bare" / "train").mkdir(parents=True)
    with pytest.raises(
        MissingDataError, match=r"bare lacks a split: .*/bare holds train/ and no v"
    ):
        list_dataset("bare")
    (tmp_path / "bare" / "val").mkdir()
    with pytest.raises(MissingDataError, match=r"folder .*/bare/train holds no class folders"):
        list_dataset("bare")
    with pytest.raises(MissingDataError, match=r"is not in .*/flower: did you mean flowers\?"):
        list_dataset("flower")
    shutil.rmtree(folder / "val" / "11")
    with pytest.raises(
        ValueError, match=r"differ in 1 classes, for example 11, which is in train/"
    ):
        list_dataset("flowers")
