"""Stitched networks: routes, least squares, cost and evaluation agree with the plain way."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from snnet.anchors import adapt, create_anchor
from snnet.config import AnchorSpec
from snnet.cost import route_costs
from snnet.costs import _NORMS
from snnet.evaluation import evaluate, sweep
from snnet.initialisation import Moments, initialise_least_squares
from snnet.network import StitchedNetwork, stitch
from snnet.routes import Joint, Route
from snnet.shared_forward import ALONE, Merge, bytes_per_image, run_stitches, shared_macs
from snnet.space import Layer, Space

OPTIONS = {"img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10, "depth": 3}
SHAPE = (1, 8, 8)


def tiny_anchor(width: int, seed: int, **options):
    torch.manual_seed(seed)
    options = {**OPTIONS, "embed_dim": width, "num_heads": 2, **options}
    return create_anchor(AnchorSpec(f"vit-{width}", "vit_tiny_patch16_224", options))


@pytest.fixture
def network():
    return stitch([tiny_anchor(w, w) for w in (8, 12, 16)], SHAPE, pairs="all").eval()


@pytest.fixture
def images():
    return torch.randn(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_an_anchor_is_its_timm_model(images):
    anchor = tiny_anchor(8, 0).eval()
    assert torch.equal(anchor(images), anchor.model(images))


def test_an_anchors_route_is_the_anchor(network, images):
    for n, anchor in enumerate(network.anchors):
        assert torch.equal(network(images, n), anchor(images))


@pytest.mark.parametrize("direction", ["fast_to_slow", "slow_to_fast"])
@pytest.mark.parametrize("merge", [ALONE, Merge(positions=100), Merge(size=1 << 30)])
def test_sweep_equals_one_by_one(images, direction, merge):
    anchors = [tiny_anchor(w, w) for w in (8, 12, 16)]
    network = stitch(anchors, SHAPE, pairs="all", direction=direction).eval()
    together = sweep(network, images, merge=merge)
    # room for a few images only: the batch is cut
    bounded = sweep(network, images, 3 * bytes_per_image(network, range(len(together))), merge)
    with torch.no_grad():
        for stitch_id, logits in enumerate(together):
            alone = network(images, stitch_id)
            torch.testing.assert_close(logits, alone, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(bounded[stitch_id], alone, rtol=1e-4, atol=1e-5)


def test_any_stitches_in_any_order(network, images):
    wanted = [7, 0, len(network.space.routes) - 1, 20, 2]
    with torch.no_grad():
        for stitch_id, logits in zip(wanted, run_stitches(network, images, wanted), strict=True):
            torch.testing.assert_close(logits, network(images, stitch_id))


def test_shared_work_is_what_a_sweep_does(network, images):
    stitches = range(len(network.space.routes))
    with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
        run_stitches(network, images[:1], stitches)
    assert shared_macs(network, stitches) == counter.get_total_flops() // 2


def test_evaluate_counts_what_is_right(network, images):
    labels = torch.arange(20) % 10
    batches = zip(images.split(7), labels.split(7), strict=True)
    scores = evaluate(network, batches)
    with torch.no_grad():
        for stitch_id, score in enumerate(scores):
            logits = network(images, stitch_id)
            right = (logits.argmax(1) == labels).numpy()
            packed = np.frombuffer(score.correct, dtype=np.uint8)
            assert np.unpackbits(packed)[:20].astype(bool).tolist() == right.tolist()
            assert score.top1 == pytest.approx(right.mean())
            assert score.top5 >= score.top1
            loss = torch.nn.functional.cross_entropy(logits, labels).item()
            assert score.loss == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("method", ["mean", "joint"])
def test_least_squares_equals_a_direct_solution(network, images, method):
    fits = initialise_least_squares(network, images.split(6), method)
    with torch.no_grad():
        for layer, module, fit in zip(network.space.layers, network.layers, fits, strict=True):
            pairs = [direct_problem(network, layer, i, j, images) for i, j in layer.pairs]
            if method == "joint":
                rows, targets = (torch.cat(parts) for parts in zip(*pairs, strict=True))
                solution = torch.linalg.lstsq(rows, targets).solution
            else:
                solution = torch.stack([torch.linalg.lstsq(*pair).solution for pair in pairs]).mean(
                    0
                )
            weight = torch.cat([module.weight, module.bias[:, None]], 1).T.double()
            torch.testing.assert_close(weight, solution, rtol=1e-3, atol=1e-4)
            left = sum((rows @ weight - targets).square().sum() for rows, targets in pairs)
            spread = sum((targets - targets.mean(0)).square().sum() for _, targets in pairs)
            assert fit.residual == pytest.approx((left / spread).sqrt().item(), rel=1e-3)
            assert not fit.ridge


def direct_problem(network, layer, i, j, images):
    """[A 1] and B of one pair."""
    front, back = network.anchors[layer.front], network.anchors[layer.back]
    a, b = front.stem(images), back.stem(images)
    for block in front.blocks[: i + 1]:
        a = block(a)
    for block in back.blocks[:j]:
        b = block(b)
    rows = torch.cat([a, torch.ones_like(a[..., :1])], -1).double().flatten(0, 1)
    return rows, b.double().flatten(0, 1)


def test_a_singular_problem_gets_a_ridge_and_says_so():
    rows = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    for front, ridge in ((rows, False), (torch.cat([rows, rows[:, :1]], 1), True)):
        moments = Moments((Layer(0, 1, ((0, 1),)),))
        moments.add({(0, 0): front}, {(1, 1): 2 * rows + 1})
        solution, fit = moments.solve(0, "mean")
        assert fit.ridge == ridge
        assert fit.residual < 1e-3
        assert torch.isfinite(solution).all()


def test_least_squares_joins_a_network_with_itself_without_loss(images):
    # features after block 0 are those that enter block 1: the solution is the identity
    joint = Joint(0, 0, 1, 1)
    space = Space(((3,), (3,)), (Route(0), Route(0, (joint,))), (Layer(0, 1, ((0, 1),)),))
    twins = StitchedNetwork([tiny_anchor(8, 0), tiny_anchor(8, 0)], space, SHAPE).eval()
    (fit,) = initialise_least_squares(twins, [images])
    assert fit.residual < 1e-3
    with torch.no_grad():
        alone, stitched = (twins(images, stitch_id) for stitch_id in (0, 1))
    torch.testing.assert_close(stitched, alone, rtol=1e-3, atol=1e-4)


def test_least_squares_leaves_the_anchors_as_they_are(network, images):
    before = {k: v.clone() for k, v in network.anchors.state_dict().items()}
    network.train()
    initialise_least_squares(network, [images])
    assert network.training
    assert all(torch.equal(before[k], v) for k, v in network.anchors.state_dict().items())


def test_costs_add_up_to_a_whole_analysis(network, images):
    for stitch_id, (macs, params) in enumerate(route_costs(network)):
        with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
            network(images[:1], stitch_id)
        assert macs == counter.get_total_flops() // 2
        network.zero_grad(set_to_none=True)
        network(images[:1], stitch_id).sum().backward()
        used = [p for p in network.parameters() if p.grad is not None]
        assert params == sum(p.numel() for p in used)


def test_an_unknown_architecture_says_what_there_is():
    with pytest.raises(TypeError, match=r"no anchor adapter for ConvNeXt; there is one for: .*Sw"):
        adapt(timm.create_model("convnext_atto"))
    with pytest.raises(
        ValueError, match=r"anchor a .convnext_atto.: no anchor adapter for ConvNeXt"
    ):
        create_anchor(AnchorSpec("a", "convnext_atto"))
    with pytest.raises(ValueError, match="no model named 'vit_huge_typo'"):
        create_anchor(AnchorSpec("a", "vit_huge_typo"))
