"""Stitched networks: routes, least squares, cost and evaluation agree with the plain way."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from snnet.anchors import adapt, create_anchor
from snnet.config import AnchorSpec
from snnet.cost import _NORMS, anchor_cost, route_costs
from snnet.evaluation import evaluate, sweep
from snnet.initialisation import initialise_least_squares
from snnet.network import StitchedNetwork, stitch
from snnet.routes import Joint, Route
from snnet.space import Layer, Space

OPTIONS = {"img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10, "depth": 3}


def tiny_anchor(width: int, seed: int):
    torch.manual_seed(seed)
    options = {**OPTIONS, "embed_dim": width, "num_heads": 2}
    return create_anchor(AnchorSpec(f"vit-{width}", "vit_tiny_patch16_224", options))


@pytest.fixture
def network():
    return stitch([tiny_anchor(w, w) for w in (8, 12, 16)], 2, 1, "all", "fast_to_slow").eval()


@pytest.fixture
def images():
    return torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_an_anchor_is_its_timm_model(images):
    anchor = tiny_anchor(8, 0).eval()
    assert torch.equal(anchor(images), anchor.model(images))


def test_an_anchors_route_is_the_anchor(network, images):
    for n, anchor in enumerate(network.anchors):
        assert torch.equal(network(images, network.space.routes[n]), anchor(images))


def test_sweep_equals_one_by_one(network, images):
    with torch.no_grad():
        together = sweep(network, images)
        for logits, route in zip(together, network.space.routes, strict=True):
            torch.testing.assert_close(logits, network(images, route))


def test_evaluate_counts_what_is_right(network, images):
    labels = torch.arange(20) % 10
    scores = evaluate(network, images, labels, batch_size=7)
    with torch.no_grad():
        for score, route in zip(scores, network.space.routes, strict=True):
            logits = network(images, route)
            right = (logits.argmax(1) == labels).numpy()
            packed = np.frombuffer(score.correct, dtype=np.uint8)
            assert np.unpackbits(packed)[:20].astype(bool).tolist() == right.tolist()
            assert score.top1 == pytest.approx(right.mean())
            assert score.top5 >= score.top1
            loss = torch.nn.functional.cross_entropy(logits, labels).item()
            assert score.loss == pytest.approx(loss, rel=1e-5)


def test_least_squares_equals_a_direct_solution(network, images):
    initialise_least_squares(network, images, batch_size=6)
    space = network.space
    with torch.no_grad():
        for layer, module in zip(space.layers, network.layers, strict=True):
            solutions = []
            for i, j in layer.pairs:
                front, back = network.anchors[layer.front], network.anchors[layer.back]
                a, b = front.stem(images), back.stem(images)
                for block in front.blocks[: i + 1]:
                    a = block(a)
                for block in back.blocks[:j]:
                    b = block(b)
                rows = torch.cat([a, torch.ones_like(a[..., :1])], -1).double().flatten(0, 1)
                solutions.append(torch.linalg.lstsq(rows, b.double().flatten(0, 1)).solution)
            mean = torch.stack(solutions).mean(0).float()
            torch.testing.assert_close(module.weight, mean[:-1].T, rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(module.bias, mean[-1], rtol=1e-3, atol=1e-4)


def test_least_squares_joins_a_network_with_itself_without_loss(images):
    # features after block 0 are those that enter block 1: the solution is the identity
    joint = Joint(0, 0, 1, 1)
    space = Space((3, 3), (Route(0), Route(0, (joint,))), (Layer(0, 1, ((0, 1),)),))
    twins = StitchedNetwork([tiny_anchor(8, 0), tiny_anchor(8, 0)], space).eval()
    initialise_least_squares(twins, images)
    with torch.no_grad():
        alone, stitched = (twins(images, route) for route in space.routes)
    torch.testing.assert_close(stitched, alone, rtol=1e-3, atol=1e-4)


def test_least_squares_leaves_the_anchors_as_they_are(network, images):
    before = {k: v.clone() for k, v in network.anchors.state_dict().items()}
    network.train()
    initialise_least_squares(network, images)
    assert network.training
    assert all(torch.equal(before[k], v) for k, v in network.anchors.state_dict().items())


def test_costs_add_up_to_a_whole_analysis(network, images):
    costs = route_costs(network, (1, 8, 8))
    for (macs, params), route in zip(costs, network.space.routes, strict=True):
        with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
            network(images[:1], route)
        assert macs == counter.get_total_flops() // 2
        network.zero_grad(set_to_none=True)
        network(images[:1], route).sum().backward()
        used = [p for p in network.parameters() if p.grad is not None]
        assert params == sum(p.numel() for p in used)


@pytest.mark.parametrize(
    ("name", "macs", "params"),
    [  # released with the paper: github.com/ziplab/SN-Net, stitching_deit/results
        ("deit_tiny_patch16_224", 1258411200, 5717416),
        ("deit_small_patch16_224", 4608338304, 22050664),
        ("deit_base_patch16_224", 17582740224, 86567656),
    ],
)
def test_published_costs_of_the_anchors(name, macs, params):
    with torch.device("meta"):
        anchor = adapt(timm.create_model(name))
    cost = anchor_cost(anchor, (3, 224, 224))
    assert cost.stem_macs + sum(cost.block_macs) + cost.head_macs == macs
    assert cost.stem_params + sum(cost.block_params) + cost.head_params == params


def test_an_unknown_architecture_says_what_there_is():
    with pytest.raises(TypeError, match="VisionTransformer"):
        adapt(timm.create_model("resnet18"))
    with pytest.raises(ValueError, match="no model named 'vit_huge_typo'"):
        create_anchor(AnchorSpec("a", "vit_huge_typo"))
