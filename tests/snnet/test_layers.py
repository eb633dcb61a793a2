"""Stitching layers of every kind: start, cost, merging, and where they fit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from helpers.anchors import SHAPE, tiny_anchor
from helpers.families import family_anchors
from helpers.spaces import routes, space_of
from snnet.costs import _NORMS
from snnet.export import Subnetwork
from snnet.initialisation import Moments
from snnet.layers import KINDS, Bottleneck, Ends, Identity, LayerChoice, grid_of, make_layer
from snnet.network import StitchedNetwork, stitch
from snnet.pieces import LAYERS
from snnet.shared_forward import Merge, run_stitches
from snnet.space import Layer

LAYOUTS = ["tokens", "channels_last", "channels_first"]
kinds = st.sampled_from(list(KINDS))


def make(kind: str, front: str, back: str, channels=(5, 4), prefix=0, rank=4):
    """A layer between grids of 2 x 3, or tokens."""
    channels = (channels[0], channels[0]) if kind == "identity" else channels
    size = (6 + prefix,) if back == "tokens" else (2, 3)
    ends = Ends(channels, (front, back), size, prefix, (2, 3))
    return make_layer(ends, LayerChoice(kind, rank, 1.0), nn.ModuleDict(), "shared")


def images_of(layout: str, channels: int, prefix: int = 0):
    shape = {"tokens": (6 + prefix, channels), "channels_last": (2, 3, channels)}
    return torch.randn(3, *shape.get(layout, (channels, 2, 3)))


def problem(layer, rows: int = 200):
    """Features, Gram matrix [A 1]'[A 1], and a map to reproduce."""
    front, back = layer.ends.channels
    features = torch.randn(rows, front)
    ones = torch.cat([features, torch.ones(rows, 1)], 1).double()
    return features, ones.T @ ones, torch.randn(front + 1, back).double()


def test_settings_and_kinds_have_the_same_names():
    assert LAYERS.built_in == tuple(KINDS)


@settings(deadline=None, max_examples=40)
@given(kind=kinds, front=st.sampled_from(LAYOUTS), back=st.sampled_from(LAYOUTS))
def test_macs_are_those_of_a_whole_analysis(kind, front, back):
    layer = make(kind, front, back).merged().eval()
    with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
        layer(images_of(front, layer.ends.channels[0])[:1])
    assert layer.macs == counter.get_total_flops() // 2
    assert layer.params == sum(p.numel() for p in layer.parameters())


@settings(deadline=None, max_examples=40)
@given(kind=st.sampled_from(["low_rank", "shared_low_rank"]), seed=st.integers(0, 99))
def test_merged_updates_do_what_they_do_unmerged(kind, seed):
    torch.manual_seed(seed)
    layer = make(kind, "tokens", "channels_last")
    features = images_of("tokens", 5)
    with torch.no_grad():
        start = layer(features)
        layer.update.up.normal_()
        trained, merged = layer(features), layer.merged()
        assert not torch.allclose(start, trained)
        torch.testing.assert_close(layer.eval()(features), trained)
        torch.testing.assert_close(merged(features), trained)
    assert layer.params == merged.params == 5 * 4 + 4
    assert sum(p.numel() for p in layer.trained()) == 4 + 4 * (5 + 4)


@settings(deadline=None, max_examples=40)
@given(kind=st.sampled_from([k for k in KINDS if k != "bottleneck"]), prefix=st.integers(0, 2))
def test_layers_start_as_the_solution_as_far_as_they_can(kind, prefix):
    layer = make(kind, "tokens", "tokens", prefix=prefix).eval()
    features = images_of("tokens", 5, prefix)
    _, gram, solution = problem(layer)
    with torch.no_grad():
        started = layer.start(solution, gram)
        found = layer(features)
    seen = torch.nn.functional.layer_norm(features, (5,)) if layer.normed else features
    expected = (seen.double() @ started[:-1] + started[-1]).float()
    if kind == "relu":
        expected = expected.relu()
    torch.testing.assert_close(found, expected)
    assert (started is solution) == (kind != "identity")


@settings(deadline=None, max_examples=30)
@given(rank=st.integers(2, 12), seed=st.integers(0, 99))
def test_a_bottleneck_starts_as_the_best_map_of_half_its_rank(rank, seed):
    torch.manual_seed(seed)
    layer = make("bottleneck", "tokens", "tokens", rank=rank)
    assert isinstance(layer, Bottleneck)
    features, gram, solution = problem(layer)
    with torch.no_grad():
        started = layer.start(solution, gram)
        found = layer.transform(features).double()
    fitted = features.double() @ solution[:-1] + solution[-1]
    centre = fitted.mean(0)
    u, s, v = torch.linalg.svd(fitted - centre, full_matrices=False)
    kept = min(rank // 2, 4)
    best = u[:, :kept] * s[:kept] @ v[:kept] + centre
    torch.testing.assert_close(features.double() @ started[:-1] + started[-1], best)
    torch.testing.assert_close(found, best, rtol=1e-3, atol=1e-3)


def test_a_convolution_looks_at_its_neighbours_and_class_tokens_at_themselves():
    layer = make("conv3x3", "tokens", "tokens", prefix=1)
    features = images_of("tokens", 5, 1)
    changed = features.clone()
    changed[:, 1] += 1  # the first of the grid of 2 x 3
    with torch.no_grad():
        moved = (layer(changed) - layer(features)).abs().sum((0, 2)) > 1e-6
    assert moved.tolist() == [False, True, True, False, True, True, False]


def test_grids_of_positions():
    assert grid_of((4, 5), 0, (3, 8, 10)) == (4, 5)
    assert grid_of((197,), 1, (3, 224, 224)) == (14, 14)
    assert grid_of((8,), 0, (1, 16, 8)) == (4, 2)
    assert grid_of((7,), 0, (1, 8, 8)) is None
    assert grid_of((16,), 0, (16,)) is None
    with pytest.raises(ValueError, match="a convolution needs a grid"):
        ends = Ends((4, 4), ("tokens", "tokens"), (7,))
        make_layer(ends, LayerChoice("conv3x3"), nn.ModuleDict(), "")


def test_layers_between_two_anchors_share_their_update():
    network = two_way("shared_low_rank")
    assert len(network.updates) == 2
    layers = [network.layer(layer.joints[0]) for layer in network.space.layers]
    assert len({id(layer.update) for layer in layers}) == 2
    assert len({id(layer.bias) for layer in layers}) == len(layers)
    held = network.state_dict(keep_vars=True).values()
    assert len(held) == len(set(map(id, held)))  # so that it can be saved


def test_identity_fits_equal_widths_alone():
    anchors = [tiny_anchor(8, 0), tiny_anchor(8, 1), tiny_anchor(12, 2)]
    network = stitch(anchors, SHAPE, layers=LayerChoice("identity"))
    assert {type(layer) is Identity for layer in network.layers} == {True, False}
    with pytest.raises(ValueError, match=r"equal width, and these have \[8, 12\] channels"):
        stitch(anchors[1:], SHAPE, layers=LayerChoice("identity"))


def test_there_is_no_such_layer():
    with pytest.raises(ValueError, match=r"layer is one of linear, .*, not 'cubic'"):
        stitch([tiny_anchor(8, 0), tiny_anchor(12, 1)], SHAPE, layers=LayerChoice("cubic"))


def two_way(kind: str, widths=(8, 12)):
    """Two small anchors, both directions, with returns."""
    widths = (8, 8) if kind == "identity" else widths
    anchors = [tiny_anchor(width, n) for n, width in enumerate(widths)]
    two = {"positions": "aligned", "direction": "both", "returns": 1}
    return stitch(anchors, SHAPE, **two, layers=LayerChoice(kind, 4))


@pytest.mark.parametrize("kind", KINDS)
def test_networks_of_every_kind(kind, images):
    network = two_way(kind)
    fits = network.initialise(images)
    for update in network.updates.values():
        nn.init.normal_(update.up)
    network.eval()
    wanted = range(len(network.space.routes))
    with torch.no_grad():
        together = run_stitches(network, images, wanted, Merge(positions=1000))
        for number, logits in zip(wanted, together, strict=True):
            torch.testing.assert_close(logits, network(images, number))
            alone = Subnetwork(network, number)
            torch.testing.assert_close(alone(images), logits)
            assert sum(p.numel() for p in alone.parameters()) == network.costs()[number][1]
    best = two_way(
        "norm" if kind == "norm" else "linear", (8, 8) if kind == "identity" else (8, 12)
    )
    for fit, least in zip(fits, best.initialise(images), strict=True):
        assert fit.residual >= least.residual - 1e-9
        assert (fit.residual > least.residual + 1e-6) == (kind in ("identity", "bottleneck"))


@pytest.mark.parametrize("kind", KINDS)
def test_trained_parameters_are_those_that_get_gradients(kind, images):
    network = two_way(kind)
    network.anchors[0].requires_grad_(False)
    for update in network.updates.values():
        nn.init.normal_(update.up)
    for number, trained in enumerate(network.trained_params()):
        network.zero_grad(set_to_none=True)
        logits = network.train()(images, number)
        if logits.requires_grad:
            logits.sum().backward()
        got = sum(p.numel() for p in network.parameters() if p.grad is not None)
        assert trained == got


@settings(deadline=None, max_examples=10)
@given(
    kind=st.sampled_from([kind for kind in KINDS if kind != "identity"]),
    chosen=st.lists(routes(anchors=2, depth=3), min_size=2, max_size=5, unique=True),
)
def test_sweeps_over_random_spaces_equal_one_by_one(kind, chosen):
    space = space_of(chosen, depth=3)
    anchors = [tiny_anchor(8, 0), tiny_anchor(12, 1)][: len(space.stages)]
    network = StitchedNetwork(anchors, space, SHAPE, LayerChoice(kind, 4)).eval()
    images = torch.randn(2, *SHAPE)
    with torch.no_grad():
        together = run_stitches(network, images, range(len(chosen)), Merge(positions=1000))
        for number, logits in enumerate(together):
            torch.testing.assert_close(logits, network(images, number))


@settings(deadline=None, max_examples=15)
@given(
    kind=st.sampled_from(["linear", "low_rank", "shared_low_rank", "relu", "conv3x3", "norm"]),
    method=st.sampled_from(["mean", "joint"]),
    chosen=st.lists(routes(anchors=2, depth=3), min_size=2, max_size=5, unique=True),
)
def test_starts_over_random_spaces_equal_a_direct_solution(kind, method, chosen):
    space = space_of(chosen, depth=3)
    anchors = [tiny_anchor(8, 0), tiny_anchor(12, 1)][: len(space.stages)]
    network = StitchedNetwork(anchors, space, SHAPE, LayerChoice(kind, 4)).eval()
    images = torch.randn(12, *SHAPE, generator=torch.Generator().manual_seed(2))
    network.initialise(images.split(5), method)
    with torch.no_grad():
        features = [features_of(anchor, images) for anchor in anchors]
        for layer, module in zip(space.layers, network.layers, strict=True):
            pairs = []
            for i, j in layer.pairs:
                front, back = features[layer.front][i + 1], features[layer.back][j].double()
                seen = torch.nn.functional.layer_norm(front, front.shape[-1:])
                front = (seen if kind == "norm" else front).double()
                rows = torch.cat([front, torch.ones_like(front[..., :1])], -1)
                pairs.append((rows.flatten(0, 1), back.flatten(0, 1)))
            if method == "joint":
                pairs = [tuple(torch.cat(parts) for parts in zip(*pairs, strict=True))]
            direct = torch.stack(
                # what a norm leaves is planar but for rounding, which is not to be fitted
                [torch.linalg.lstsq(*pair, rcond=1e-6, driver="gelsd").solution for pair in pairs]
            ).mean(0)
            front = features[layer.front][layer.pairs[0][0] + 1]
            rows = torch.nn.functional.layer_norm(front, front.shape[-1:])
            rows = (rows if kind == "norm" else front).double()
            expected = (rows @ direct[:-1] + direct[-1]).float()
            expected = expected.relu() if kind == "relu" else expected
            torch.testing.assert_close(module(front), expected, rtol=1e-2, atol=1e-3)


def features_of(anchor, images):
    """Features that enter block 0, 1, ..., and last those that leave the final block."""
    found = [anchor.stem(images)]
    for block in anchor.blocks:
        found.append(block(found[-1]))
    return found


@pytest.mark.parametrize("name", ["swin", "resnet", "deit"])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "identity"])
def test_families_take_every_kind(name, kind):
    anchors, shape, stages = family_anchors(name)
    assert uncounted(stitch(anchors, shape, stages=stages, layers=LayerChoice(kind, 4))) == (
        uncounted(stitch(anchors, shape, stages=stages))
    )


def uncounted(network):
    """What the last route's MACs have beyond those that torch counts: pooling."""
    last = len(network.space.routes) - 1
    alone, images = Subnetwork(network.eval(), last), torch.randn(1, *network.image_shape)
    with FlopCounterMode(display=False, custom_mapping=_NORMS) as counter, torch.no_grad():
        alone(images)
    return network.costs()[last][0] - counter.get_total_flops() // 2


def test_the_gram_matrix_of_a_layer_is_that_of_all_its_pairs():
    rows = [torch.randn(50, 3, generator=torch.Generator().manual_seed(n)) for n in range(2)]
    moments = Moments((Layer(0, 1, ((0, 1), (1, 1))),))
    moments.add({(0, 0): rows[0], (0, 1): rows[1]}, {(1, 1): rows[0]})
    both = torch.cat([torch.cat(rows), torch.ones(100, 1)], 1).double()
    torch.testing.assert_close(moments.gram(0), both.T @ both)
