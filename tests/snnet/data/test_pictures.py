"""Any picture as an image of a run."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from snnet.data.catalogue import class_names
from snnet.data.digits import load_digits
from snnet.data.pictures import transform_for


def test_a_picture_of_a_digit_is_the_image_that_the_run_tests_with():
    data = load_digits(0)
    for image in data.test_images[:5]:
        picture = (255 * image[0]).round().byte().numpy()
        for size in (8, 32):
            large = np.kron(picture, np.ones((size // 8, size // 8), np.uint8))
            found = transform_for("digits", [])(large)
            torch.testing.assert_close(found, data.normalise(image), atol=0.01, rtol=0)


def test_a_picture_is_given_as_one_or_as_a_file_or_as_an_array(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    path = tmp_path / "one.png"
    Image.fromarray(array).save(path)
    with torch.device("meta"):
        models = [timm.create_model(name) for name in ("resnet18", "resnet34")]
    transform = transform_for("imagenet", models)
    wanted = transform(array)
    assert wanted.shape == (3, 224, 224)
    for picture in (Image.fromarray(array), path, str(path)):
        assert torch.equal(transform(picture), wanted)
    assert transform(array[:, :, 0]).shape == wanted.shape  # a grey one


@pytest.mark.parametrize(
    ("picture", "kind", "says"),
    [
        (np.zeros((3, 3)), TypeError, "not this array of float64"),
        (np.zeros(3, np.uint8), TypeError, "not this array of uint8"),
        (torch.zeros(3, 3), TypeError, "not this array of torch.float32"),
        (3, TypeError, "not this int"),
        ("/nowhere.png", ValueError, "/nowhere.png cannot be read: No such file"),
        (__file__, ValueError, "test_pictures.py is no image that Pillow reads"),
    ],
)
def test_what_is_no_picture(picture, kind, says):
    with pytest.raises(kind, match=says) as told:
        transform_for("digits", [])(picture)
    assert "\n" not in str(told.value)


def test_classes_have_names_where_they_are_known(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    assert class_names("digits", 10) == [str(n) for n in range(10)]
    assert class_names("fashion", 10)[9] == "Ankle boot"
    assert class_names("imagenet", 1000)[0].startswith("tench")
    assert class_names("imagenet", 7) is None
    assert class_names("torch/cifar10", 10) is None
    assert class_names("pets", 2) is None
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            Image.new("RGB", (4, 4)).save(tmp_path / "pets" / split / name / "1.png")
    assert class_names("pets", 2) == ["cat", "dog"]
