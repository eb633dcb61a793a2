"""Training curves: the loss over epochs."""

from __future__ import annotations

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.data.subject import NothingToDrawError, Subject
from reports.drawing.drawing import colour_of, groups, handle_of, legend, marker_of
from reports.drawing.figure import FigureKind
from reports.drawing.style import COLUMN_INCHES


def data(subject: Subject) -> pd.DataFrame:
    """A row an epoch, seed and level."""
    rows = [
        {"level": level.name, "seed": seed, "epoch": epoch, "loss": loss}
        for level in subject.levels
        for seed, run in level.runs.items()
        for epoch, loss in run.read_curve("loss").items()
    ]
    if len({row["epoch"] for row in rows}) < 2:
        raise NothingToDrawError("its runs logged no loss over two epochs or more")
    return pd.DataFrame(rows)


def draw(data: pd.DataFrame) -> Figure:
    """Seeds as thin lines, their mean as a thick one with markers."""
    figure, axes = plt.subplots(figsize=COLUMN_INCHES)
    levels = groups(data)
    for level, _, rows in levels:
        seeds = rows.pivot(index="epoch", columns="seed", values="loss")
        if seeds.shape[1] > 1:
            axes.plot(seeds.index, seeds, color=colour_of(level), linewidth=0.5, alpha=0.5)
        mean = seeds.mean(axis=1)
        axes.plot(
            mean.index,
            mean,
            color=colour_of(level),
            linewidth=1.2,
            marker=marker_of(level),
            markerfacecolor="none",
            markersize=4,
            markevery=max(1, len(mean) // 8),
        )
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss")
    legend(figure, [handle_of(n) for n, _, _ in levels], [name for _, name, _ in levels])
    return figure


def caption(data: pd.DataFrame) -> str:
    """Where each level's loss ends, over how many epochs and seeds."""
    ends = "; ".join(
        f"{name}: {rows[rows.epoch == rows.epoch.max()].loss.mean():.3g} after "
        f"{rows.epoch.max()} epochs, {rows.seed.nunique()} seed{'s' * (rows.seed.nunique() > 1)}"
        for _, name, rows in groups(data)
    )
    lines = "Thin lines are seeds, thick ones their means. " if data.seed.nunique() > 1 else ""
    return (
        f"Mean loss of each epoch, of the sub-networks that learn from labels. {lines}It ends at: "
        f"{ends}."
    )


FIGURE = FigureKind("Training curves", "axis", 40, data, draw, caption)
