"""The tables that a run leaves, and its numbers in a line."""

from __future__ import annotations

import pandas as pd
from torch import Tensor

from snnet.costs import count_params
from snnet.evaluation import Scores
from snnet.front import held_out
from snnet.initialisation import Fit
from snnet.latency import Latency
from snnet.network import StitchedNetwork
from snnet.rivals import kind_of
from snnet.tasks.scores import Score
from snnet.training import Training


def stitch_table(
    network: StitchedNetwork,
    before: list[Scores],
    after: list[Scores],
    visits: list[int],
    trained: list[int],
    images: Tensor,
) -> pd.DataFrame:
    """One row a sub-network (index = stitch id): route, cost, visits, and scores.

    Arguments:
        before, after: scores on the test images, before and after training.
        visits: how often each was trained.
        trained: how many parameters of each training changed.
        images: which the bits of scores are of (`Data.test_ids`); each row has all of them, as
            bytes of 32-bit integers.
    """
    routes, costs = network.space.routes, network.costs()
    layer_of = network.space.layer_of()
    layers = [" ".join(str(layer_of[joint]) for joint in route.joints) for route in routes]
    columns = {
        "route": [route.name for route in routes],
        "anchors": ["-".join(map(str, route.anchors)) for route in routes],
        "is_anchor": [route.is_anchor for route in routes],
        "layers": layers,
        "macs": [macs for macs, _ in costs],
        "params": [params for _, params in costs],
        "trained_params": trained,
        "visits": visits,
    }
    table = pd.DataFrame(columns, _ids("stitch", len(routes)))
    for suffix, scores in (("_before", before), ("", after)):
        for name in scores[0]:
            table[name + suffix] = [one[name] for one in scores]
    table["images"] = [images.numpy().astype("<i4").tobytes()] * len(routes)
    return table


def validation_table(network: StitchedNetwork, scores: list[float], name: str) -> pd.DataFrame:
    """One row a sub-network (index = stitch id): what choosing by validation needs.

    Arguments:
        scores: on the images held back.
        name: what the score is called.
    """
    routes = network.space.routes
    columns = {
        "route": [route.name for route in routes],
        "is_anchor": [route.is_anchor for route in routes],
        "macs": [macs for macs, _ in network.costs()],
        held_out(name): scores,
    }
    return pd.DataFrame(columns, _ids("stitch", len(routes)))


def layer_table(network: StitchedNetwork, fits: list[Fit]) -> pd.DataFrame:
    """One row a stitching layer: which pairs it serves, and how well its start fits them."""
    layers = network.space.layers
    columns = {
        "front": [layer.front for layer in layers],
        "back": [layer.back for layer in layers],
        "pairs": [" ".join(f"{i}>{j}" for i, j in layer.pairs) for layer in layers],
        "residual": [fit.residual for fit in fits],
        "ridge": [int(fit.ridge) for fit in fits],
    }
    return pd.DataFrame(columns, _ids("layer", len(layers)))


def rival_table(network: StitchedNetwork, scores: list[Scores]) -> pd.DataFrame:
    """One row a rival (index = its number): kind, route, cost, and scores on the test images.

    Arguments:
        network: what `rivals_of` made.
    """
    routes, costs = network.space.routes, network.costs()
    columns = {
        "kind": [kind_of(route) for route in routes],
        "route": [route.name for route in routes],
        "macs": [macs for macs, _ in costs],
        "params": [params for _, params in costs],
        **{name: [one[name] for one in scores] for name in scores[0]},
    }
    return pd.DataFrame(columns, _ids("rival", len(routes)))


def latency_table(latencies: list[Latency], batch_size: int) -> pd.DataFrame:
    """One row a sub-network (index = stitch id): milliseconds of a batch, median, 10 and 90 %."""
    columns = {
        "batch_size": batch_size,
        "latency": [latency.median for latency in latencies],
        "latency_low": [latency.low for latency in latencies],
        "latency_high": [latency.high for latency in latencies],
    }
    return pd.DataFrame(columns, _ids("stitch", len(latencies)))


def _ids(name: str, count: int) -> pd.RangeIndex:
    return pd.RangeIndex(count, name=name)


def summary(table: pd.DataFrame, training: Training, score: Score) -> dict[str, float]:
    """The numbers that tell a run in a line.

    Arguments:
        table: what `stitch_table` made.
        score: of the task.
    """
    anchors = table[table.is_anchor]
    steps = training.epoch * training.steps_per_epoch
    name, before = score.name, f"{score.name}_before"
    kept = float((anchors[name] - anchors[before]).mean())
    worst = table[name].min() if score.goal == "maximize" else table[name].max()
    return {
        "stitches": float(len(table)),
        f"mean_{name}": float(table[name].mean()),
        f"mean_{name}_before": float(table[before].mean()),
        f"worst_{name}": float(worst),
        **({f"anchor_change_{name}": kept} if len(anchors) else {}),
        "train_seconds": training.seconds,
        "images_per_second": steps * training.config.batch_size / training.seconds,
        "passes": float(training.visits.sum()),
        "stored_params": float(count_params(training.network)),
        "trained_params": float(training.all_trained_params),
    }
