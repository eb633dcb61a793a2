"""What one stitched network saves: storage and training, against a network for each stitch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from ablations.tracking.reader import TrackedRun
from reports.data.levels import Level, NothingToDrawError
from reports.data.subject import Subject
from reports.drawing.captions import seeds_sentence
from reports.drawing.drawing import colour_of, groups, panels
from reports.drawing.figure import FigureKind
from reports.statistics.interval import number

PRETRAINING_EPOCHS = 300  # of an anchor that was not trained here: DeiT's, as the paper counts
JOINT, ALONE = "one SN-Net", "each alone"


def data(subject: Subject) -> pd.DataFrame:
    """Two rows a quantity: what it takes jointly (anchors included), and for each network alone."""
    levels = [level for axis in subject.axes() for level in axis.levels]
    alone = _alone(levels)
    joint = next(level for level in levels if level.is_baseline)
    count = len(joint.stitches)
    rows = [
        {"quantity": quantity, "unit": unit, "of": of, "value": value, "networks": count}
        for quantity, unit, values in _quantities(subject.study.plan.settings, joint, alone)
        for of, value in zip((JOINT, ALONE), values, strict=True)
    ]
    return pd.DataFrame(rows).assign(
        seeds=len(joint.runs),
        measured=len(alone),
        worse=_worse(joint, alone),
        lost=f"{joint.score.difference_unit} of {joint.score.title}",
    )


def _worse(joint: Level, alone: list[TrackedRun]) -> float:
    """What the networks that were trained alone are better by, in points; paired by seed."""
    score, gaps = joint.score, []
    sign = -1 if score.goal == "minimize" else 1
    for seed, run in joint.runs.items():
        theirs = [one.table for one in alone if one.params.get("seed") == str(seed)]
        mine = run.table.set_index("route")[score.name]
        gaps += [
            sign * float(table[score.name].iloc[0] - mine[table.route.iloc[0]]) for table in theirs
        ]
    return score.factor * sum(gaps) / len(gaps) if gaps else float("nan")


def _alone(levels: Sequence[Level]) -> list[TrackedRun]:
    """The runs that train one sub-network."""
    runs = [run for level in levels for run in level.runs.values()]
    alone = [run for run in runs if run.params.get("only", "null") != "null"]
    if not alone:
        raise NothingToDrawError("no run trains one sub-network alone (setting `only`)")
    return alone


def _quantities(
    settings: Mapping[str, Any], joint: Level, alone: list[TrackedRun]
) -> Iterator[tuple[str, str, tuple[float, float]]]:
    networks = joint.stitches
    anchors = networks[networks.is_anchor]
    stored = [run.metrics["stored_params"] for run in joint.runs.values()]
    yield (
        "parameters stored",
        "millions",
        (sum(stored) / len(stored) / 1e6, networks.params.sum() / 1e6),
    )
    pretraining = [_pretraining_epochs(anchor) for anchor in settings["anchors"]]
    each = sum(float(run.params["epochs"]) for run in alone) / len(alone)
    yield (
        "training",
        "epochs",
        (sum(pretraining) + settings["epochs"], each * len(networks)),
    )
    a_run = sum(_images(run, float(run.metrics["passes"])) for run in alone) / len(alone)
    an_epoch = a_run / each
    before = an_epoch * sum(
        epochs * macs for epochs, macs in zip(pretraining, anchors.macs, strict=True)
    )
    together = [
        _images(run, float((run.table.visits * run.table.macs).sum()))
        for run in joint.runs.values()
    ]
    yield (
        "forward passes in training",
        "10¹² MACs",
        (
            (before + sum(together) / len(together)) / 1e12,
            a_run * float(networks.macs.sum()) / 1e12,
        ),
    )


def _images(run: TrackedRun, passes: float) -> float:
    """Passes times the images in each."""
    return passes * int(run.params["batch_size"]) / int(run.params["subnetworks_per_step"])


def _pretraining_epochs(anchor: dict[str, Any]) -> int:
    trained_here = anchor["weights"] == "recipe"
    return int(anchor["recipe"]["epochs"]) if trained_here else PRETRAINING_EPOCHS


def draw(data: pd.DataFrame) -> Figure:
    """A panel a quantity, a bar each way; what alone takes more stands at its end."""
    quantities = groups(data, "quantity")
    figure, axes = panels(len(quantities), 1.0, columns=1)
    for panel, (_, name, rows) in zip(axes, quantities, strict=True):
        ours, theirs = rows.value
        bars = panel.barh([JOINT, ALONE], [ours, theirs], color=[colour_of(1), colour_of(2)])
        bars[1].set_hatch("///")
        bars[1].set_edgecolor("white")
        texts = [f"{ours:.4g}", f"{theirs:.4g} ({theirs / ours:.3g} times)"]
        panel.bar_label(bars, texts, padding=3, fontsize="small")
        panel.invert_yaxis()
        panel.set_xlim(0, 1.35 * max(ours, theirs))
        panel.set_title(f"{name} ({rows.unit.iloc[0]})", loc="left")
        panel.grid(axis="y", visible=False)
    return figure


def caption(data: pd.DataFrame) -> str:
    """How many networks, and what was counted and measured."""
    times = "; ".join(
        f"{name}: {rows.value.iloc[1] / rows.value.iloc[0]:.3g} times"
        for _, name, rows in groups(data, "quantity")
    )
    count = data.networks.iloc[0]
    return (
        f"What {count} sub-networks take as one SN-Net, its anchors' own training included, and "
        f"what a network for each of them takes. {times}. "
        f"{_quality(data.worse.iloc[0], data.lost.iloc[0])}Epochs and passes of one network alone "
        f"come from {data.measured.iloc[0]} runs that trained one, and count for all {count}. "
        f"{seeds_sentence(data.seeds, bars=False)}"
    )


def _quality(worse: float, lost: str) -> str:
    """What is lost for what is saved."""
    if pd.isna(worse):
        return ""
    end = "better alone: what is saved is not for nothing. " if worse > 0 else "worse alone. "
    return f"The same networks are {number(abs(worse))} {lost} {end}"


FIGURE = FigureKind("Storage and training cost", "study", 15, data, draw, caption)
