"""Which stitches a run keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ablations.runs.attempt import Attempt
from helpers.anchors import SHAPE, tiny_anchor
from helpers.families import family_anchors
from helpers.maps import canvases, dense_network
from helpers.stitching import settings
from snnet.candidates import Candidates
from snnet.checkpoint import save_training
from snnet.config import StitchingConfig
from snnet.data.memory import InMemory
from snnet.evaluation import sweep
from snnet.experiment import prepare
from snnet.export import Subnetwork
from snnet.layers import LayerChoice
from snnet.loading import load
from snnet.network import stitch
from snnet.pieces import SELECTORS
from snnet.run import CHECKPOINT
from snnet.selection import CRITERIA, best_of_groups, select
from snnet.tasks.classification import Classification
from snnet.training import Training
from studies.experiments.stitching import STITCHING

CONFIG = StitchingConfig(positions="every", calibration_images=40)
MATCHING = {"0.0>1.1", "0.1>1.2"}  # of an anchor with itself: what leaves there enters here


def candidates(data, widths=(8, 12), seeds=(0, 1), **changes) -> Candidates:
    config = replace(CONFIG, **changes)
    anchors = [lively_anchor(*each) for each in zip(widths, seeds, strict=True)]
    network = stitch(anchors, SHAPE, positions=config.positions, pairs=config.pairs)
    network.initialise(data.calibration(config.calibration_images, config.seed))
    return Candidates(network, data, config)


def lively_anchor(width: int, seed: int):
    """An anchor whose blocks change what they get; timm's initial weights hardly do."""
    anchor = tiny_anchor(width, seed)
    with torch.no_grad():
        for parameter in anchor.parameters():
            parameter.mul_(10 if parameter.ndim == 2 else 1)
    return anchor


def judged(found: Candidates, criterion: str) -> dict[str, float]:
    routes = found.network.space.routes
    values = found.judged(CRITERIA[criterion])
    return {routes[n].name: value for n, value in zip(found.stitches, values, strict=True)}


@pytest.mark.parametrize(("criterion", "best"), [("residual", 0), ("kl", 0), ("cka", 1)])
def test_an_anchor_is_most_alike_to_itself(data, criterion, best):
    found = judged(candidates(data, (8, 8), (0, 0)), criterion)
    assert len(found) == 9
    for name, value in found.items():
        if name in MATCHING:
            assert value == pytest.approx(best, abs=1e-6)
        else:
            assert value < best - 5e-4


def test_likeness_of_rows_by_hand(data):
    found = candidates(data, calibration_images=20)
    front, back = (found.network.anchor(number) for number in (0, 1))
    images = torch.cat([images for images, _ in found.batches()])
    with torch.no_grad():
        a = front.blocks[0](front.stem(images)).flatten(0, 1).double()
        b = back.blocks[0](back.stem(images)).flatten(0, 1).double()
    ones = torch.cat([a, torch.ones(len(a), 1)], 1)
    mapped = ones @ torch.linalg.lstsq(ones, b).solution
    p, q = b.softmax(1), mapped.softmax(1)
    divergence = (p * (p / q).log()).sum(1).mean().item()
    assert judged(found, "kl")["0.0>1.1"] == pytest.approx(-divergence, rel=1e-3)
    spread = (b - b.mean(0)).norm().item()
    left = (mapped - b).norm().item() / spread
    assert judged(found, "residual")["0.0>1.1"] == pytest.approx(-left, rel=1e-3)
    a, b = a - a.mean(0), b - b.mean(0)
    alike = ((a.T @ b).square().sum() / ((a.T @ a).norm() * (b.T @ b).norm())).item()
    assert judged(found, "cka")["0.0>1.1"] == pytest.approx(alike, rel=1e-6)


def test_a_chain_is_as_good_as_its_worst_joint(data):
    found = candidates(data, (8, 8, 12), (0, 0, 1), pairs="all")
    values = judged(found, "cka")
    both = min(values["0.0>1.1"], values["1.2>2.2"])
    assert values["0.0>1.1 1.2>2.2"] == both == values["1.2>2.2"] < values["0.0>1.1"]


class Errors(Classification):
    """Classification by a score of which less is better."""

    score = replace(Classification.score, goal="minimize")


@dataclass(frozen=True)
class Wrong(InMemory):
    task = Errors()


@pytest.mark.parametrize(("kind", "sign"), [(InMemory, 1), (Wrong, -1)])
def test_the_score_is_that_of_each_stitch_as_it_starts(data, kind, sign):
    found = candidates(kind(**vars(data)))
    network = found.network.eval()
    batches = list(found.batches())
    images, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
    assert len(images) == CONFIG.calibration_images
    with torch.no_grad():
        right = [network(images, n).argmax(1).eq(labels).float().mean() for n in found.stitches]
    values = found.judged(CRITERIA["start_score"])
    assert values == pytest.approx([sign * one.item() for one in right])
    assert len(set(values)) > 1


def test_random_choices_differ_by_seed_alone(data):
    config = {"selection": "random", "kept": 4}
    one, same, other = (
        select(candidates(data, seeds=seeds, seed=seed, **config))
        for seed, seeds in ((0, (0, 1)), (0, (2, 3)), (1, (0, 1)))
    )
    assert one == same
    assert set(one) != set(other)


values_and_macs = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=12)


@given(found=values_and_macs, data=st.data())
def test_the_best_of_each_group_of_equal_cost_is_kept(found, data):
    groups = data.draw(st.integers(1, len(found)))
    values, macs = zip(*found, strict=True)
    chosen = best_of_groups(values, macs, groups)
    assert len(chosen) == groups == len(set(chosen))
    order = sorted(range(len(macs)), key=lambda n: (macs[n], n))
    small, larger = divmod(len(found), groups)
    for number, one in enumerate(chosen):
        group, order = order[: small + (number < larger)], order[small + (number < larger) :]
        assert one == next(n for n in group if values[n] == max(values[m] for m in group))
    assert best_of_groups(values, macs, len(macs)) == sorted(range(len(macs)), key=macs.__getitem__)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_anchors_are_kept_and_as_many_stitches_as_asked(data, criterion):
    for kept in (1, 4):
        found = candidates(data, selection=criterion, kept=kept)
        found.network.train()
        names = select(found)
        assert found.network.training
        assert names[:2] == ["0", "1"]
        assert len(names) == len(set(names)) == 2 + kept
        found.network.restricted(names)


def test_with_one_kept_it_is_the_best_of_all(data):
    found = candidates(data, (8, 12), selection="cka", kept=1)
    values = judged(found, "cka")
    assert select(found)[2] == max(values, key=values.__getitem__)


def test_a_criterion_of_ones_own(data, monkeypatch):
    for name in ("latest", "half"):  # none afterwards
        monkeypatch.setitem(SELECTORS, name, None)
        del SELECTORS[name]

    @SELECTORS.register("latest")
    def latest(given: Candidates) -> list[float]:
        routes = given.network.space.routes
        return [routes[n].joints[0].front_block for n in given.stitches]

    assert select(candidates(data, selection="latest", kept=1))[2].startswith("0.2>1.")
    SELECTORS.register("half")(lambda given: [1.0, float("nan")])
    with pytest.raises(ValueError, match="a finite number for each of 9 stitches, and finds 1 of"):
        select(candidates(data, selection="half", kept=1))


@pytest.mark.parametrize("kind", ["linear", "low_rank", "shared_low_rank", "bottleneck"])
def test_layers_come_over_to_the_bit_and_the_sweep_equals_one_by_one(kind, images):
    anchors = [tiny_anchor(width, width) for width in (8, 12, 16)]
    whole = stitch(anchors, SHAPE, positions="every", pairs="all", layers=LayerChoice(kind, 4))
    whole.initialise(images)
    with torch.no_grad():
        for parameter in [*whole.layers.parameters(), *whole.updates.parameters()]:
            parameter.add_(0.01 * torch.randn_like(parameter))
    names = ["0", "1", "2", "0.0>1.2", "0.2>2.0", "0.0>1.2 1.2>2.1"]
    part = whole.eval().restricted(names)
    assert [route.name for route in part.space.routes] == names
    assert len(part.layers) == 3
    assert not part.training
    numbers = {route.name: n for n, route in enumerate(whole.space.routes)}
    with torch.no_grad():
        swept = sweep(part, images)
        for number, name in enumerate(names):
            alone = part(images, number)
            assert torch.equal(alone, whole(images, numbers[name]))
            torch.testing.assert_close(swept[number], alone, rtol=1e-4, atol=1e-5)
    whole_costs, costs = whole.costs(), part.costs()
    assert costs == [whole_costs[numbers[name]] for name in names]


def of_grids() -> Candidates:
    anchors, shape, stages = family_anchors("convnext")
    images, labels = torch.rand(16, *shape), torch.arange(16) % 10
    data = InMemory(images, labels, images, labels, labels, 10)
    network = stitch(anchors, shape, stages=stages, positions="every")
    return Candidates(network, data, replace(CONFIG, calibration_images=8))


def of_maps() -> Candidates:
    config = replace(CONFIG, calibration_images=16)
    return Candidates(dense_network(positions="every"), canvases(), config)


@pytest.mark.parametrize("make", [of_grids, of_maps])
def test_criteria_know_neither_layouts_nor_tasks(make):
    found = make()
    for criterion in CRITERIA.values():
        assert len(set(found.judged(criterion))) > 1


def keep_settings(place, config) -> None:
    content = {"experiment": "stitching", "schema": STITCHING.schema}
    record = pd.Series({**content, "config": STITCHING.dump(config)}).to_json()
    (place / "config.json").write_text(record)


@pytest.mark.parametrize(
    "changes",
    [{"selection": "kl", "kept": 3}, {"selection": "importance", "init": "kaiming"}],
    ids=["kl", "importance"],
)
def test_a_run_trains_scores_and_keeps_what_it_selected(changes, tmp_path):
    config = settings(positions="every", pretrained=False, **changes)
    run = Attempt(tmp_path, tmp_path / "cache", 1)
    metrics = STITCHING.function(config, run)
    keep_settings(tmp_path, config)
    table = pd.read_parquet(tmp_path / "stitch.parquet")
    kept = changes.get("kept", 7)  # as many as windows of two of three blocks
    assert len(table) == metrics["stitches"] == 2 + kept
    assert table.visits.sum() == metrics["passes"]
    if config.init == "least_squares":
        assert len(pd.read_parquet(tmp_path / "layer.parquet")) == kept
    loaded = load(tmp_path)
    assert [route.name for route in loaded.network.space.routes] == table.route.tolist()
    images = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        loaded.subnetwork(len(table) - 1)(images), loaded.network(images, len(table) - 1)
    )
    again = STITCHING.function(config, run)  # goes on from the network that is trained
    assert again["mean_top1"] == metrics["mean_top1"]


def test_what_was_selected_stays_when_a_run_goes_on(tmp_path):
    config = settings(positions="every", pretrained=False, selection="residual", kept=2)
    run = Attempt(tmp_path, tmp_path / "cache", 1)
    data, network = prepare(config, run)
    names = ["0", "1", "0.0>1.2", "0.2>1.2"]
    network.initialise(data.calibration(config.calibration_images, config.seed))
    assert select(Candidates(network, data, config)) != names
    training = Training(network.restricted(names), data, config)
    save_training(training, training.state(), tmp_path / CHECKPOINT)
    STITCHING.function(config, run)
    assert pd.read_parquet(tmp_path / "stitch.parquet").route.tolist() == names


def test_a_selected_stitch_is_exported_alone(data):
    found = candidates(data, selection="cka", kept=3)
    part = found.network.restricted(select(found)).eval()
    images = torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(Subnetwork(part, 4)(images), part(images, 4))
