"""Weights from files and from timm: what loads, and what each mistake says."""

from __future__ import annotations

import os
import pathlib
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor
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
        (lambda path, model: path.write_bytes(b""), "is empty"),
        (lambda path, model: path.mkdir(), "is a folder; name the file in it"),
        (lambda path, model: truncate(path, model), "damaged, or cut off"),
        (lambda path, model: truncate_safetensors(path, model), "damaged safetensors file"),
        (lambda path, model: torch.save([1, torch.ones(2)], path), "holds a list, and no tensors"),
        (lambda path, model: torch.save(torch.ones(2), path), "holds a single tensor"),
        (lambda path, model: torch.save(model, path), "a whole object of class VisionTransformer"),
        (
            lambda path, model: torch.save(every(model, lambda one: one.cfloat()), path),
            "weights.pth cannot be used: cls_token holds complex numbers .torch.complex64.; save",
        ),
        (
            lambda path, model: torch.save(every(model, lambda one: one.int()), path),
            "cls_token holds torch.int32, and the network's weights are fractions",
        ),
        (
            lambda path, model: torch.save(every(model, lambda one: one.to_sparse()), path),
            "cls_token is sparse .torch.sparse_coo.",
        ),
        (
            lambda path, model: torch.save(every(model, lambda one: one / 0), path),
            "cls_token holds NaN or infinity",
        ),
        (lambda path, model: torch.save(wider(model), path), r"norm.bias is \(17,\) there"),
    ],
)
def test_files_that_do_not_fit_say_why(model, tmp_path, make, says):
    path = tmp_path / "weights.pth"
    make(path, model)
    with pytest.raises(CheckpointError, match=f"anchor mine: .*{says}"):
        loaded(path)


@pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
def test_files_that_may_not_be_read(model, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(model.state_dict(), path)
    path.chmod(0)
    with pytest.raises(CheckpointError, match="cannot be read"):
        loaded(path)


def truncate(path, model):
    torch.save(model.state_dict(), path)
    path.write_bytes(path.read_bytes()[:3000])


def truncate_safetensors(path, model):
    save_file(model.state_dict(), path)
    path.write_bytes(path.read_bytes()[:-8])


def cut(model, name):
    return {key: value for key, value in model.state_dict().items() if key != name}


def more(model):
    return {**model.state_dict(), "extra.weight": torch.zeros(2)}


def every(model, change):
    return {key: change(value) for key, value in model.state_dict().items()}


def wider(model):
    return {**model.state_dict(), "norm.bias": torch.zeros(17)}


WRAPPED = {
    "DDP": (lambda state: under("module.", state), ["names without 'module.'"]),
    "Lightning": (
        lambda state: {
            "state_dict": {**under("model.", state), "criterion.weight": torch.ones(3)},
            "hyper_parameters": {"lr": 0.1, "root": pathlib.PosixPath("/data")},
        },
        ["took state_dict, names without 'model.'", "left out criterion.weight"],
    ),
    "compiled": (
        lambda state: {"model": under("module._orig_mod.", state)},
        ["took model", "names without 'module._orig_mod.'"],
    ),
    "EMA alone": (lambda state: {"state_dict_ema": state, "epoch": 1}, ["took state_dict_ema"]),
    "EMA beside": (
        lambda state: {"state_dict_ema": zeros(state), "state_dict": state},
        ["took state_dict, not state_dict_ema"],
    ),
    "averaged": (
        lambda state: {"n_averaged": torch.tensor(3), **under("module.", state)},
        ["left out n_averaged"],
    ),
    "DINO": (
        lambda state: {
            "student": zeros(under("module.backbone.", state)),
            "teacher": {**under("backbone.", state), "head.mlp.0.weight": torch.ones(2, 2)},
        },
        ["took teacher, not student, names without 'backbone.'", "left out head.mlp.0.weight"],
    ),
}


def under(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


def zeros(state):
    return {name: torch.zeros_like(tensor) for name, tensor in state.items()}


@pytest.mark.parametrize("kind", WRAPPED)
def test_weights_are_found_wherever_they_lie(model, tmp_path, kind):
    wrap, says = WRAPPED[kind]
    path, state = tmp_path / "weights.pth", model.state_dict()
    torch.save(wrap(state), path)
    told = []
    found = create_anchor(replace(SPEC, weights=str(path)), told.append).model.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in found.items())
    (sentence,) = told
    assert sentence.startswith(f"anchor mine: {path} was adapted: ")
    for part in says:
        assert part in sentence


def test_other_classes_and_none_get_a_new_head_where_it_can_learn(model, tmp_path):
    path, state = tmp_path / "weights.pth", model.state_dict()
    other = {"head.weight": torch.ones(7, 16), "head.bias": torch.ones(7)}
    headless = {name: value for name, value in state.items() if not name.startswith("head.")}
    for content, says in (
        ({**state, **other}, "tells 7 classes apart, this run 10, so head begins with random"),
        (headless, "has no head, which begins with random weights"),
    ):
        torch.save(content, path)
        told = []
        spec = replace(SPEC, weights=str(path))
        found = create_anchor(spec, told.append).model.state_dict()
        assert says in told[0]
        assert found["head.weight"].shape == (10, 16)
        assert all(torch.equal(found[name], value) for name, value in headless.items())
        with pytest.raises(CheckpointError, match="no classifier of this run's 10 classes"):
            create_anchor(spec, new_head=False)


def test_positions_patches_and_channels_are_adapted_as_timm_does(model, tmp_path):
    path, state = tmp_path / "weights.safetensors", model.state_dict()
    save_file(state, path)
    told = []
    grey = {**SPEC.options, "img_size": 64, "in_chans": 1}
    found = create_anchor(replace(SPEC, options=grey, weights=str(path)), told.append).model
    positions = resample_abs_pos_embed(state["pos_embed"], (8, 8))
    assert torch.equal(found.pos_embed, positions)
    summed = state["patch_embed.proj.weight"].sum(1, keepdim=True)
    assert torch.allclose(found.patch_embed.proj.weight, summed)
    assert "resized pos_embed from 1x17x16 to 1x65x16" in told[0]
    assert "patch_embed.proj.weight from 3 to 1 channels" in told[0]
    with torch.device("meta"):  # the check before a run tells the same
        again = []
        create_anchor(replace(SPEC, options=grey, weights=str(path)), again.append)
    assert again == told


SWIN = {"img_size": 32, "window_size": 4, "embed_dim": 8, "depths": (2, 2), "num_heads": (1, 2)}


def test_swin_under_the_names_of_its_authors(tmp_path):
    name, options = "swin_tiny_patch4_window7_224", {**SWIN, "num_classes": 5}
    state = timm.create_model(name, **options).state_dict()
    authors = {
        key.replace("layers.1.downsample", "layers.0.downsample").replace("head.fc.", "head."): v
        for key, v in state.items()
    }
    index = "layers.0.blocks.0.attn.relative_position_index"
    path, told = tmp_path / "swin.pth", []
    torch.save({"model": {**authors, index: torch.zeros(16, 16)}}, path)
    spec = AnchorSpec("swin", name, options, weights=str(path))
    found = create_anchor(spec, told.append).model.state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())
    assert "renamed to the network's names layers.1.downsample" in told[0]
    assert f"left out what the network does without: {index}" in told[0]
    larger = replace(spec, options={**options, "window_size": 8})
    create_anchor(larger, told.append)
    assert "relative_position_bias_table from 49x1 to 225x1" in told[1]


def test_old_files_lack_counters_of_batches(tmp_path):
    options = {"channels": (8, 16, 32, 64), "num_classes": 5}
    state = timm.create_model("resnet18", **options).state_dict()
    path = tmp_path / "resnet.pth"
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, path)
    told = []
    found = create_anchor(AnchorSpec("r", "resnet18", options, str(path)), told.append)
    assert torch.equal(found.model.conv1.weight, state["conv1.weight"])
    assert told == []


def test_the_older_format_of_files(model, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
    assert torch.equal(loaded(path)["cls_token"], model.state_dict()["cls_token"])


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
