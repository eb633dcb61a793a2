"""The first phase of a training, in which stitching layers match features."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.anchors import SHAPE, tiny_anchor
from helpers.families import family
from helpers.spaces import network_of, routes
from helpers.texts import network_of as encoders_of
from helpers.texts import some_tokens, write_encoder
from helpers.training import CONFIG, resumed, steady, training, weights
from snnet.anchors import channels_last
from snnet.config import StitchingConfig
from snnet.layers import KINDS, Identity, LayerChoice
from snnet.matching import (
    BUILT_IN,
    Matching,
    Pair,
    matching_epochs,
    pairs_of,
    penultimate_error,
    relative_error,
)
from snnet.network import stitch
from snnet.pieces import MATCHING

MOST_ROUTES = 4


def own_features(anchor, images):
    """What enters block 0, 1, ..., and last the head."""
    features = [anchor.stem(images)]
    for block in anchor.blocks:
        features.append(block(features[-1]))
    return features


def some_images(count=3):
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(0))


def joined(network):
    return [route for route in network.space.routes if route.joints]


@settings(max_examples=15, deadline=None)
@given(
    chosen=st.lists(
        routes(3, 3).filter(lambda route: route.joints), min_size=1, max_size=MOST_ROUTES
    )
)
def test_a_route_is_compared_with_the_anchor_that_it_ends_in(chosen):
    network, images = network_of(chosen, 3), some_images()
    for number, route in enumerate(network.space.routes):
        pairs = list(pairs_of(network, route, images))
        last = route.joints[-1]
        anchor = network.anchor(last.back)
        wanted = own_features(anchor, images)[last.back_block :]
        assert len(pairs) == len(wanted) >= 2
        for pair, features in zip(pairs, wanted, strict=True):
            torch.testing.assert_close(pair.target, features)
            assert not pair.target.requires_grad
        # from the joint on the route is the anchor's own blocks, and ends in the route's outputs
        for before, after, block in zip(
            pairs[:-1], pairs[1:], anchor.blocks[last.back_block :], strict=True
        ):
            torch.testing.assert_close(after.route, block(before.route))
        torch.testing.assert_close(anchor.head(pairs[-1].route), network(images, number))


@pytest.mark.parametrize("name", ["resnet-swin", "levit"])
def test_features_of_every_layout_are_matched(name):
    network = family(name).eval()
    images = torch.randn(2, *network.image_shape)
    for route in joined(network)[::5]:
        anchor = network.anchor(route.joints[-1].back)
        last = list(pairs_of(network, route, images))[-1]
        wanted = channels_last(own_features(anchor, images)[-1], anchor.layout)
        torch.testing.assert_close(last.target, wanted.reshape(last.target.shape))
        assert last.weights.shape == last.target.shape[:2]
        torch.testing.assert_close(last.weights.sum(1), torch.ones(2))


@pytest.mark.parametrize("kind", BUILT_IN)
def test_what_gives_the_anchors_own_features_has_no_loss(kind):
    anchors = [tiny_anchor(8, 0), tiny_anchor(8, 0)]
    network = stitch(anchors, SHAPE, layers=LayerChoice("identity")).eval()
    losses = {}
    for route in joined(network):
        (joint,) = route.joints
        assert isinstance(network.layer(joint), Identity)
        loss = BUILT_IN[kind](list(pairs_of(network, route, some_images())))
        losses[joint.back_block - joint.front_block] = loss.item()
    assert losses[1] == 0  # it goes on with the next block, as the anchor itself does
    assert losses[0] > 0  # it runs a block twice


def test_an_error_is_relative_to_the_spread_of_the_target():
    draws = torch.Generator().manual_seed(0)
    target = 5 + torch.randn(4, 6, 3, generator=draws)
    even = torch.full((4, 6), 1 / 6)
    mean = target.mean((1, 2), keepdim=True).expand_as(target)
    assert relative_error(Pair(mean, target, even)).item() == pytest.approx(1, rel=1e-5)
    halfway = Pair((mean + target) / 2, target, even)
    assert relative_error(halfway).item() == pytest.approx(0.25, rel=1e-5)
    scaled = Pair(7 * halfway.route, 7 * target, even)
    assert relative_error(scaled).item() == pytest.approx(0.25, rel=1e-5)
    # one that is the same everywhere has a finite error
    assert relative_error(Pair(target, torch.zeros_like(target), even)).isfinite()


def test_each_kind_looks_at_its_own_places():
    target = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    mean = target.mean((1, 2), keepdim=True)
    pairs = [
        Pair(target + part**0.5 * (mean - target), target, torch.full((2, 3), 1 / 3))
        for part in (0.5, 0.3, 0.1)  # relative errors
    ]
    found = {kind: loss(pairs).item() for kind, loss in BUILT_IN.items()}
    assert found == pytest.approx({"stitch": 0.5, "penultimate": 0.1, "later": 0.2})


def test_the_error_of_a_batch_is_the_mean_over_its_parts():
    """So that several processes that share a slice do what one does."""
    network, images = network_of(joined_of_two(), 3), some_images(8)
    for loss in BUILT_IN.values():
        whole, *parts = (
            loss(list(pairs_of(network, network.space.routes[0], one)))
            for one in (images, images[::2], images[1::2])
        )
        torch.testing.assert_close(torch.stack(parts).mean(), whole)


def joined_of_two():
    return joined(stitch([tiny_anchor(w, w) for w in (8, 12)], SHAPE))[:1]


def test_padding_of_texts_does_not_count(tmp_path):
    pytest.importorskip("transformers")
    network = encoders_of(write_encoder(tmp_path / "encoder")).eval()
    tokens = some_tokens(5)
    padding = tokens == 0
    assert padding.any()
    for pair in pairs_of(network, joined(network)[0], tokens):
        assert (pair.weights[padding] == 0).all()
        torch.testing.assert_close(pair.weights.sum(1), torch.ones(5))
        other = pair.route.masked_fill(padding[..., None], 1e3)
        target = pair.target.masked_fill(padding[..., None], -1e3)
        assert relative_error(pair) == relative_error(Pair(other, target, pair.weights))
        # and each text counts alike, short or long
        alone = [
            relative_error(Pair(*(part[n, kept][None] for part in pair[:2]), even(kept)))
            for n, kept in enumerate(~padding)
        ]
        torch.testing.assert_close(torch.stack(alone).mean(), relative_error(pair))


def even(kept):
    return torch.full((1, int(kept.sum())), 1 / int(kept.sum()))


@pytest.mark.parametrize("kind", BUILT_IN)
def test_gradients_reach_all_stitching_layers_of_a_route_and_nothing_else(kind):
    anchors = [tiny_anchor(w, w) for w in (8, 12)]
    network = stitch(anchors, SHAPE, positions="aligned", direction="both", returns=1)
    network.anchors.requires_grad_(False)
    number, route = next(
        (n, route) for n, route in enumerate(network.space.routes) if len(route.joints) == 2
    )
    matching = Matching(network, replace(CONFIG, matching=kind), list)
    (loss,) = matching.losses(network, some_images(), [number])
    loss.backward()
    reached = {id(p) for p in network.parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert reached == {id(p) for joint in route.joints for p in network.layer(joint).parameters()}


def test_matching_lasts_its_share_of_the_epochs():
    def epochs(**changes):
        return matching_epochs(replace(CONFIG, **{"matching": "later", **changes}))

    assert epochs(epochs=50) == 15
    assert epochs(epochs=4, matching_share=0.01) == 1
    assert epochs(epochs=4, matching_share=0.99) == 3
    assert epochs(epochs=2) == 1


def test_the_first_phase_changes_stitching_layers_alone_and_the_second_all(data):
    run = training(data, matching="later", matching_share=0.5, weight_decay=0.5)
    started = weights(run)
    metrics = [run.run_epoch() for _ in range(2)]
    matched = weights(run)
    changed = {name for name, value in matched.items() if not torch.equal(started[name], value)}
    assert changed
    assert all(name.startswith("layers.") for name in changed)
    visits = run.visits.clone()
    assert not visits[:2].any()  # anchors alone have nothing to match
    assert visits.sum() == 8 == metrics[-1]["passes"]
    for one in metrics:
        assert one["matching_loss"] > 0
        assert not one.keys() & {"loss", "train_top1"}
    metrics = [run.run_epoch() for _ in range(2)]
    for one in metrics:
        assert one.keys() >= {"loss", "train_top1"}
        assert "matching_loss" not in one
    changed = {n for n, value in weights(run).items() if not torch.equal(matched[n], value)}
    assert any(name.startswith("anchors.") for name in changed)
    assert run.visits.sum() == 16


@pytest.mark.parametrize("kind", BUILT_IN)
def test_matching_lowers_its_loss(data, kind):
    run = training(data, matching=kind, epochs=5, matching_share=0.8, learning_rate=1e-2)
    with torch.no_grad():
        for parameter in run.network.layers.parameters():
            parameter.zero_()
    losses = [run.run_epoch()["matching_loss"] for _ in range(4)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": "sandwich", "sandwich_random": 2},
        {"sampling": "cost_groups", "cost_gap": 1e4},
        {"sampling": "equal_exposure", "subnetworks_per_step": 4},
        {"sampling": "inverse_visits"},
    ],
    ids=lambda changes: changes["sampling"],
)
def test_every_rule_of_sampling_draws_stitches_alone_and_begins_anew_after(data, changes):
    run = training(data, matching="stitch", **changes)
    run.run_epoch()
    assert run.matching is None
    visits = run.visits.clone()
    assert not visits[:2].any()
    if changes["sampling"] == "equal_exposure":
        assert visits[2:].max() - visits[2:].min() <= 1
        run.run_epoch()
        again = run.visits - visits
        assert again.max() - again.min() <= 1  # anchors need not catch up


DEMANDING = {
    "penultimate": {"matching": "penultimate"},
    "everything": {
        "matching": "later",
        "sampling": "sandwich",
        "subnetworks_per_step": 2,
        "drop_path": 0.3,
        "gradient_clip": 1.0,
        "layer": "shared_low_rank",
        "direction": "both",
    },
    "equal exposure": {"matching": "stitch", "sampling": "equal_exposure"},
    "bf16": {"matching": "later", "precision": "bf16"},
    "sgd": {"matching": "later", "optimizer": "sgd", "tuning": "norms"},
}


@pytest.mark.parametrize("changes", DEMANDING.values(), ids=DEMANDING)
def test_a_resumed_training_ends_with_the_same_bits(data, changes, tmp_path):
    """Stopped while it matches features, when that is over, and later."""
    changes = {"epochs": 2, "matching_share": 0.5, **changes}
    whole = training(data, **changes)
    expected = [steady(whole.run_epoch()) for _ in range(2)]
    for stop in (2, 4, 5):  # steps; either phase has four
        second = resumed(stop, data, tmp_path, **changes)
        metrics = [steady(second.run_epoch()) for _ in range(2 - second.epoch)]
        assert metrics == expected[-len(metrics) :]
        found = weights(second)
        assert all(torch.equal(value, found[name]) for name, value in weights(whole).items())
        assert torch.equal(whole.visits, second.visits)


@pytest.mark.parametrize("layer", [kind for kind in KINDS if kind != "identity"])
def test_every_kind_of_stitching_layer_can_match(data, layer):
    run = training(data, matching="later", layer=layer)
    started = weights(run)
    assert run.run_epoch()["matching_loss"] > 0
    changed = {n for n, value in weights(run).items() if not torch.equal(started[n], value)}
    assert {name.partition(".")[0] for name in changed} <= {"layers", "updates"}
    assert changed


@pytest.fixture
def own(request):
    """A loss of a user's, registered for one test."""
    MATCHING.register("own")(request.param)
    yield request.param
    del MATCHING["own"]


def cosine(pairs):
    similar = torch.cosine_similarity(pairs[-1].route, pairs[-1].target, dim=2)
    return (1 - (similar * pairs[-1].weights).sum(1)).mean()


def blind(pairs):
    return penultimate_error(pairs).detach()


@pytest.mark.parametrize("own", [cosine], indirect=True)
def test_a_loss_of_the_users_own_is_matched_by(data, own):
    run = training(data, matching="own", epochs=2)
    assert 0 < run.run_epoch()["matching_loss"] < 2


@pytest.mark.parametrize("own", [blind, lambda pairs: 1.0], indirect=True)
def test_a_loss_that_teaches_nothing_is_refused(data, own):
    run = training(data, matching="own", epochs=2)
    with pytest.raises(ValueError, match="matching own should give a tensor of one number"):
        run.run_epoch()


def test_a_network_without_layers_that_learn_is_refused():
    anchors = [tiny_anchor(8, 0), tiny_anchor(8, 1)]
    network = stitch(anchors, SHAPE, layers=LayerChoice("identity"))
    with pytest.raises(ValueError, match="no route has one that learns"):
        Matching(network, replace(CONFIG, matching="stitch"), list)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"matching": "last"}, "matching is one of none, stitch, penultimate, later, not 'last'"),
        ({"epochs": 1, "warmup_epochs": 0}, r"epochs \(1\) must be at least 2"),
        ({"layer": "identity"}, "layer identity has nothing to match"),
        ({"only": "0"}, "route 0 has no stitching layer to match"),
        ({"sampling": "sandwich", "sandwich_random": 0}, "set sandwich_random to 1 or more"),
    ],
)
def test_what_cannot_be_matched_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        StitchingConfig(**{"matching": "later", **changes})
    if changes.get("matching") is None:
        StitchingConfig(**changes)  # without matching it can
