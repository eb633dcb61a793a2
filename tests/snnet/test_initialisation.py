"""Least squares against the plain way."""

from __future__ import annotations

import pytest
import torch

from helpers.anchors import SHAPE, tiny_anchor
from snnet.initialisation import Moments
from snnet.network import StitchedNetwork
from snnet.routes import Joint, Route
from snnet.space import Layer, Space


@pytest.mark.parametrize("method", ["mean", "joint"])
def test_least_squares_equals_a_direct_solution(network, images, method):
    fits = network.initialise(images.split(6), method)
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


@pytest.mark.parametrize(("planar", "largest"), [((), (1000, 100_000)), ((0,), (0, 50))])
def test_starts_stay_small_where_features_lie_on_a_plane(planar, largest):
    """Rounding beside the plane, which is not quite singular, would ask for weights of any size."""
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(200, 7, generator=draw)
    beside = 3e-6 * torch.randn(200, 1, generator=draw)
    front = torch.cat([rows, beside - rows.sum(1, keepdim=True)], 1)
    moments = Moments((Layer(0, 1, ((0, 1),)),), frozenset(planar))
    moments.add({(0, 0): front}, {(1, 1): rows[:, :3] + torch.randn(200, 3, generator=draw)})
    solution, fit = moments.solve(0, "mean")
    assert largest[0] <= solution.abs().max() < largest[1]
    assert fit.ridge == bool(planar)


def test_least_squares_joins_a_network_with_itself_without_loss(images):
    # features after block 0 are those that enter block 1: the solution is the identity
    joint = Joint(0, 0, 1, 1)
    space = Space(((3,), (3,)), (Route(0), Route(0, (joint,))), (Layer(0, 1, ((0, 1),)),))
    twins = StitchedNetwork([tiny_anchor(8, 0), tiny_anchor(8, 0)], space, SHAPE).eval()
    (fit,) = twins.initialise([images])
    assert fit.residual < 1e-3
    with torch.no_grad():
        alone, stitched = (twins(images, stitch_id) for stitch_id in (0, 1))
    torch.testing.assert_close(stitched, alone, rtol=1e-3, atol=1e-4)


def test_least_squares_leaves_the_anchors_as_they_are(network, images):
    before = {k: v.clone() for k, v in network.anchors.state_dict().items()}
    network.train()
    network.initialise([images])
    assert network.training
    assert all(torch.equal(before[k], v) for k, v in network.anchors.state_dict().items())


def test_one_batch_will_do(network, images):
    alone = network.initialise(images)
    assert network.initialise([images]) == alone


def test_what_least_squares_cannot_start(network, images):
    with pytest.raises(TypeError, match="such as a list of tensors, not one int"):
        network.initialise(3)
    network.train()
    with pytest.raises(ValueError, match="there are no calibration images"):
        network.initialise([])
    assert network.training
    with pytest.raises(ValueError, match="a batch of calibration images is empty"):
        network.initialise([images, images[:0]])
    for precision in ("double", "measured"):
        for value in (torch.nan, torch.inf):
            broken = images.clone()
            broken[0, 0, 0, 0] = value
            with pytest.raises(ValueError, match="no finite numbers: look for NaN and infinity in"):
                network.initialise(broken, precision=precision)
