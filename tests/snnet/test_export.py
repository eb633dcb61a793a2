"""Sub-networks of their own, and as ONNX."""

from __future__ import annotations

import pytest
import torch

from helpers.anchors import SHAPE, tiny_anchor
from helpers.families import FAMILIES, family
from helpers.spaces import network_of
from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor
from snnet.export import Subnetwork, export_onnx
from snnet.layers import KINDS, LayerChoice
from snnet.network import stitch
from snnet.routes import Joint, Route


@pytest.mark.parametrize("name", FAMILIES)
def test_a_subnetwork_holds_what_it_runs_and_no_more(name):
    network = family(name).eval()
    images = torch.randn(2, *network.image_shape)
    shared = {parameter.data_ptr() for parameter in network.parameters()}
    routes = range(len(network.space.routes))
    for number, (_, params) in list(zip(routes, network.costs(), strict=True))[::3]:
        alone = Subnetwork(network, number)
        assert sum(parameter.numel() for parameter in alone.parameters()) == params
        assert not shared & {parameter.data_ptr() for parameter in alone.parameters()}
        with torch.no_grad():
            assert torch.equal(alone(images), network(images, number))


def test_a_block_that_a_route_meets_twice_is_copied_once(images):
    again = Route(0, (Joint(0, 1, 1, 1), Joint(1, 1, 0, 1)))
    network = network_of([again], depth=3)
    alone = Subnetwork(network, 0)
    ((_, params),) = network.costs()
    assert sum(parameter.numel() for parameter in alone.parameters()) == params
    with torch.no_grad():
        assert torch.equal(alone(images), network(images, 0))


def small_levit():
    options = {"img_size": 64, "depth": (2, 2, 2), "num_classes": 10}
    names = ("levit_128s", "levit_192")
    anchors = [create_anchor(AnchorSpec(name, name, options)) for name in names]
    return stitch(anchors, (3, 64, 64), stages=[0, 1])


@pytest.mark.slow
@pytest.mark.xdist_group("onnx")  # whose packages take long to import
@pytest.mark.parametrize("name", ["vit", "swin", "resnet", "levit", "efficientnet", "convnext"])
def test_onnx_gives_the_same_logits_for_any_batch(name, network, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    if name != "vit":
        network = (small_levit() if name == "levit" else family(name)).eval()
    last = len(network.space.routes) - 1
    path = tmp_path / "one.onnx"
    assert export_onnx(Subnetwork(network, last), path, network.image_shape) < 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        images = torch.randn(batch, *network.image_shape)
        (found,) = session.run(None, {"images": images.numpy()})
        with torch.no_grad():
            wanted = network(images, last)
        torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-3, atol=1e-4)
    assert [item.name for item in tmp_path.iterdir()] == ["one.onnx"]


@pytest.mark.slow
@pytest.mark.xdist_group("onnx")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "identity"])
def test_onnx_of_every_stitching_layer(kind, tmp_path):
    pytest.importorskip("onnxruntime")
    anchors = [tiny_anchor(8, 0), tiny_anchor(12, 1)]
    network = stitch(anchors, SHAPE, direction="both", layers=LayerChoice(kind, 4)).eval()
    last = len(network.space.routes) - 1
    assert export_onnx(Subnetwork(network, last), tmp_path / "one.onnx", SHAPE) < 1e-4


def test_an_export_that_differs_is_not_kept(network, tmp_path, monkeypatch):
    monkeypatch.setattr("snnet.export._write", lambda module, path, shape: path.write_text(""))
    monkeypatch.setattr("snnet.export._compare", lambda module, path, shape: float("nan"))
    with pytest.raises(ValueError, match="differs from PyTorch's"):
        export_onnx(Subnetwork(network, 0), tmp_path / "one.onnx", (1, 8, 8))
    assert not list(tmp_path.iterdir())


def test_export_says_what_is_missing(network, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no directory"):
        export_onnx(network, tmp_path / "nowhere" / "one.onnx", (1, 8, 8))
    monkeypatch.setattr("snnet.export.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'snnet-ablations\[onnx\]'"):
        export_onnx(network, tmp_path / "one.onnx", (1, 8, 8))
