"""Models as settings describe them: mistakes in them, and models that lie elsewhere."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
import timm
import torch
from safetensors.torch import save_file

from snnet.anchor_spec import AnchorSpec
from snnet.models import create_model

OPTIONS = {"img_size": 32, "patch_size": 8, "depth": 2, "embed_dim": 16, "num_heads": 2}
SPEC = AnchorSpec("mine", "vit_tiny_patch16_224", {**OPTIONS, "num_classes": 10}, weights="random")
GREY = {"in_chans": 1}


@pytest.mark.parametrize(
    ("architecture", "options", "says"),
    [
        ("vit_tiny_patch16_242", {}, "timm has no model .*: did you mean vit_tiny_patch16_224?"),
        ("vit_tiny_patch16_224.x", {}, "no weights 'x' of vit_tiny_patch16_224: choose from: aug"),
        ("timm/resnet18", {}, "neither the name of a timm model nor hf-hub:ORGANISATION/NAME"),
        ("s3:resnet18", {}, "neither the name of a timm model nor hf-hub:ORGANISATION/NAME"),
        ("vit_tiny_patch16_224", {"embed_dims": 8}, "no option 'embed_dims': did you mean embed_d"),
        ("vit_tiny_patch16_224", {"num_heads": 5}, "num_heads=5.*: dim should be divisible"),
        ("vit_tiny_patch16_224", {"num_classes": 0}, "num_classes 0 and so no classifier"),
        ("resnet18", {"img_size": 64}, "works on images of any size; say of which"),
        ("local-dir:/nowhere", {}, "/nowhere/config.json cannot be read .No such file"),
    ],
)
def test_mistakes_are_one_sentence(architecture, options, says):
    spec = AnchorSpec("mine", architecture, options, weights="random")
    with pytest.raises(ValueError, match=f"anchor mine.*{says}") as caught, torch.device("meta"):
        create_model(spec)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ("pretraned", "no file pretraned; did you mean pretrained?"),
        ("/nowhere/x.pth", "no file /nowhere/x.pth; weights are 'recipe', 'pretrained', 'random'"),
    ],
)
def test_weights_that_are_nowhere(weights, says):
    with pytest.raises(ValueError, match=f"anchor mine: there is {says}"):
        create_model(replace(SPEC, weights=weights))


def test_a_hub_that_cannot_be_reached_is_told_within_seconds(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(ValueError, match="the model org/name is neither in the cache of hugging"):
        create_model(AnchorSpec("mine", "hf-hub:org/name", weights="random"))
    assert time.monotonic() - start < 8


@pytest.fixture
def folder(tmp_path):
    """A folder as timm's `save_for_hf` leaves it, and the weights in it."""
    torch.manual_seed(3)
    model = timm.create_model("vit_tiny_patch16_224", **OPTIONS, num_classes=10)
    content = {
        "architecture": "vit_tiny_patch16_224",
        "num_classes": 10,
        "pretrained_cfg": {"classifier": "head", "first_conv": "patch_embed.proj"},
        "model_args": OPTIONS,
    }
    (tmp_path / "config.json").write_text(json.dumps(content))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    return tmp_path, model.state_dict()


def test_a_local_folder_is_a_model_with_its_weights(folder):
    path, state = folder
    found = create_model(AnchorSpec("mine", f"local-dir:{path}", weights="pretrained"))
    assert all(torch.equal(value, state[name]) for name, value in found.state_dict().items())
    told = []
    spec = AnchorSpec("mine", f"local-dir:{path}", {"num_classes": 3}, weights="pretrained")
    assert create_model(spec, told.append).num_classes == 3
    assert "tells 10 classes apart, this run 3" in told[0]
    random = create_model(replace(spec, weights="random"))
    assert not torch.equal(random.cls_token, state["cls_token"])


def test_local_folders_without_what_is_needed(folder):
    path, _ = folder
    spec = AnchorSpec("mine", f"local-dir:{path}", weights="pretrained")
    (path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"holds no model\.safetensors or other weights"):
        create_model(spec)
    for content, says in (
        ('{"architectures": ["ViT"]}', "names no architecture of timm's"),
        ('{"architecture": "mine"}', "names 'mine', which timm lacks"),
        ("{", "cannot be read .it is no JSON"),
    ):
        (path / "config.json").write_text(content)
        with pytest.raises(ValueError, match=says):
            create_model(spec)


@pytest.mark.parametrize(
    ("architecture", "options", "wanted"),
    [
        ("vit_tiny_patch16_224", {}, (3, 224, 224)),
        ("vit_tiny_patch16_224", {"img_size": 64, **GREY}, (1, 64, 64)),
        ("swin_tiny_patch4_window7_224", {"img_size": [64, 96], "window_size": 4}, (3, 64, 96)),
        ("levit_128s", {"img_size": 96}, (3, 96, 96)),
        ("resnet18", GREY, (1, 224, 224)),
        ("resnet18", {"pretrained_cfg_overlay": {"input_size": [3, 64, 64]}}, (3, 64, 64)),
    ],
)
def test_a_model_tells_what_images_it_takes(architecture, options, wanted):
    with torch.device("meta"):
        model = create_model(AnchorSpec("mine", architecture, options, weights="random"))
    assert model.pretrained_cfg["input_size"] == wanted
