"""Every level of every axis against the baseline."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.data.levels import Level, NothingToDrawError, common_score, gain
from reports.data.quantities import AREA, quantities
from reports.data.subject import Subject
from reports.drawing.captions import listed, seeds_sentence, with_interval
from reports.drawing.drawing import groups, legend
from reports.drawing.figure import FigureKind
from reports.drawing.style import COLOURS, inches
from reports.drawing.words import plain

BLUE = COLOURS[1]
# of the quantities of a panel: height over the level's line, marker, inside
LOOKS = ((0.12, "o", BLUE), (-0.18, "s", "white"), (-0.3, "^", BLUE), (0.3, "D", "white"))


def data(subject: Subject) -> pd.DataFrame:
    """A row a level and quantity: what it is above the baseline's."""
    compared, rows = quantities(subject.study), []
    for axis in subject.axes() or [subject]:
        baseline, *levels = axis.levels
        for level in levels:
            if not _scored_alike(level, baseline):
                continue
            same = _same_rows(level, baseline, subject)
            for quantity in compared:
                change = gain(level, baseline, quantity.value)
                rows.append(
                    {
                        "axis": level.axis,
                        "level": level.label,
                        "measure": quantity.name,
                        "title": _title(level),
                        "unit": quantity.unit,
                        "digits": quantity.digits,
                        "gain": change.mean,
                        "half_width": change.half_width,
                        "seeds": change.n,
                        "same_stitches": same,
                    }
                )
    rows = [row for row in rows if row["seeds"]]
    if not rows:
        raise NothingToDrawError("no seed of a level and of the baseline is finished")
    return pd.DataFrame(rows).astype({"half_width": float})


def _title(level: Level) -> str:
    """What the rows of its tables are scored by, or nothing."""
    found = common_score(level)
    return found.title if found else ""


def _scored_alike(level: Level, baseline: Level) -> bool:
    """Whether both are scored by the same, so that they can be compared."""
    return not level.runs or common_score(level) == common_score(baseline)


def _same_rows(level: Level, baseline: Level, subject: Subject) -> bool:
    """Whether the tables of both have the same rows."""
    table = subject.study.plan.table
    if table is None:
        return True
    one, other = (
        {row for run in each.runs.values() for row in run.table[table.row]}
        for each in (level, baseline)
    )
    return one == other


def draw(data: pd.DataFrame) -> Figure:
    """A panel for each unit; the numbers beside it are of its first quantity, the filled points."""
    units = _panels(data)
    rows = data[["axis", "level"]].drop_duplicates()
    places = {tuple(row): -number for number, row in enumerate(rows.itertuples(index=False))}
    size = inches()[0], 0.5 + (0.35 + 0.32 * len(rows)) * len(units)
    figure, panels = plt.subplots(len(units), figsize=size, sharey=True, squeeze=False)
    for axes, part in zip(panels.flat, units, strict=True):
        _panel(axes, part, places)
    first = panels.flat[0]
    labels = [
        plain(f"{axis}: {level}" if axis else level) for axis, level in rows.itertuples(index=False)
    ]
    first.set_yticks(list(places.values()), labels)
    first.set_ylim(0.5 - len(rows), 0.5)
    if len(units) == 1:
        names = list(dict.fromkeys(data.measure))
        handles = [
            Line2D([], [], color=COLOURS[1], marker=marker, markerfacecolor=face, linestyle="")
            for (_, marker, face), _ in zip(LOOKS, names, strict=False)
        ]
        legend(figure, handles, names)
    return figure


def _panels(data: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows that one axis can hold: of points all quantities, else each for itself."""
    points = data[data.unit == "points"]
    others = [rows for _, _, rows in groups(data[data.unit != "points"], "measure")]
    return [points, *others] if len(points) else others


def _panel(axes: Axes, data: pd.DataFrame, places: Mapping[tuple[str, str], int]) -> None:
    axes.axvline(0, color=COLOURS[0], linewidth=0.9, zorder=1)
    measures = groups(data, "measure")
    for (number, _, rows), (lift, marker, face) in zip(measures, LOOKS, strict=False):
        for row in rows.to_dict("records"):
            place = places[row["axis"], row["level"]]
            axes.errorbar(
                row["gain"],
                place + (lift if len(measures) > 1 else 0),
                xerr=None if pd.isna(row["half_width"]) else row["half_width"],
                fmt=marker,
                color=COLOURS[1],
                markerfacecolor=face,
                markersize=4.5,
                elinewidth=0.9,
            )
            if number == 0:
                axes.annotate(
                    with_interval(row["gain"], row["half_width"], True, row["digits"]),
                    (1.01, place + (lift if len(measures) > 1 else 0)),
                    xycoords=("axes fraction", "data"),
                    va="center",
                    fontsize="small",
                )
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(7 if len(measures) > 1 else 5))
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(_label(data))


def _label(data: pd.DataFrame) -> str:
    unit, names = data.unit.iloc[0], list(dict.fromkeys(data.measure))
    if {"mean over stitches"} & set(names):
        return f"{data.title.iloc[0]} minus baseline ({unit})"
    what = names[0] if len(names) == 1 else "difference from the baseline"
    against = " minus baseline" if len(names) == 1 else ""
    return f"{what}{against}{f' ({unit})' if unit else ''}"


def caption(data: pd.DataFrame) -> str:
    """What is compared, where the stitches are not the same, and over how many seeds."""
    words = (
        "Each level against the baseline, all else equal"
        if data.axis.all()
        else "What the search found best against its baseline"
    )
    filled = data.measure.nunique() > 1 and len(_panels(data)) == 1
    words += "; the numbers are those of the filled points. " if filled else ". "
    others = data[~data.same_stitches]
    if len(others) and (data.measure == AREA).any():
        names = listed(map(plain, dict.fromkeys(others.axis + " " + others.level)))
        have = "has" if others.level.nunique() == 1 else "have"
        words += (
            f"{names} {have} other stitches than the baseline: there the area under the front "
            "compares what a budget buys (a space with more stitches has more tries at that). "
        )
    return words + seeds_sentence(data.seeds)


FIGURE = FigureKind("Effect of each level", "study", 10, data, draw, caption)
