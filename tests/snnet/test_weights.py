"""Weights from files and from timm: what loads, and what each mistake says."""

from __future__ import annotations

from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file

from snnet.anchors import create_anchor
from snnet.config import AnchorSpec
from snnet.errors import CheckpointError

OPTIONS = {"img_size": 32, "patch_size": 8, "depth": 2, "embed_dim": 16, "num_heads": 2}
SPEC = AnchorSpec("mine", "vit_tiny_patch16_224", {**OPTIONS, "num_classes": 10})


@pytest.fixture
def model():
    torch.manual_seed(7)
    return timm.create_model("vit_tiny_patch16_224", **OPTIONS, num_classes=10)


def loaded(path):
    return create_anchor(replace(SPEC, weights=str(path))).model.state_dict()


@pytest.mark.parametrize("kind", ["safetensors", "pth", "model.pth", "state_dict.pth"])
def test_files_that_load(model, tmp_path, kind):
    path, tensors = tmp_path / f"weights.{kind}", model.state_dict()
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        inside = kind.partition(".")[0]
        torch.save(tensors if inside == "pth" else {inside: tensors, "epoch": 3}, path)
    assert all(torch.equal(value, tensors[name]) for name, value in loaded(path).items())


class Malicious:
    """What a pickle could do."""

    def __reduce__(self):
        return (open, ("/tmp/snnet-was-here", "w"))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path, model: None, "there is no file"),
        (lambda path, model: path.write_bytes(b"not weights"), "no pth file of plain weights"),
        (lambda path, model: torch.save({"model": Malicious()}, path), "plain weights"),
        (lambda path, model: torch.save(cut(model, "norm.bias"), path), "missing norm.bias"),
        (lambda path, model: torch.save(more(model), path), "unknown extra.weight"),
        (lambda path, model: torch.save(classes(model, 7), path), "7 classes apart, this run 10"),
        (lambda path, model: torch.save(wider(model), path), r"norm.bias is \(17,\) there"),
    ],
)
def test_files_that_do_not_fit_say_why(model, tmp_path, make, says):
    path = tmp_path / "weights.pth"
    make(path, model)
    with pytest.raises(CheckpointError, match=f"anchor mine: .*{says}"):
        loaded(path)


def cut(model, name):
    return {key: value for key, value in model.state_dict().items() if key != name}


def more(model):
    return {**model.state_dict(), "extra.weight": torch.zeros(2)}


def classes(model, count):
    head = {"head.weight": torch.zeros(count, 16), "head.bias": torch.zeros(count)}
    return {**model.state_dict(), **head}


def wider(model):
    return {**model.state_dict(), "norm.bias": torch.zeros(17)}


def test_pretrained_weights_without_a_network_say_what_to_do(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    spec = AnchorSpec("deit", "deit_tiny_patch16_224.fb_in1k", weights="pretrained")
    with pytest.raises(CheckpointError, match=r"anchor deit: .*connect to the network") as caught:
        create_anchor(spec)
    assert "\n" not in str(caught.value)


def test_an_architecture_without_pretrained_weights_says_so():
    spec = AnchorSpec("plain", "vit_small_patch16_18x2_224", weights="pretrained")
    with pytest.raises(CheckpointError, match="anchor plain: timm has no pretrained weights"):
        create_anchor(spec)


def test_options_that_the_architecture_does_not_take():
    with pytest.raises(ValueError, match=r"anchor mine .*wings"):
        create_anchor(replace(SPEC, options={"wings": 2}))
