"""Does the effect of one choice depend on another? The main metric for each pair of axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import combinations, product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablations.study.plan import Plan
from reports.data.levels import NothingToDrawError, baseline_level
from reports.data.quantities import digits, main_metric, main_metrics, main_value
from reports.data.subject import Subject
from reports.drawing.captions import seeds_sentence
from reports.drawing.drawing import (
    LETTERS_AN_INCH,
    colour_of,
    groups,
    marker_of,
    name_ticks,
    panels,
)
from reports.drawing.figure import FigureKind
from reports.drawing.scales import keep_to_percent
from reports.drawing.style import inches
from reports.drawing.words import plain
from reports.statistics.interval import Estimate, estimate


def data(subject: Subject) -> pd.DataFrame:
    """A row a run: a level of either axis, the other axes at the baseline; baselines come first."""
    plan = subject.study.plan
    if plan.design != "factorial" or len(plan.axes) < 2:
        raise NothingToDrawError("it needs a factorial design of two axes or more")
    if not baseline_level(subject.study).runs:
        raise NothingToDrawError("no run of the baseline is finished")
    metric, rows = main_metric(subject.study), []
    mains = main_metrics(subject.study)
    if len({one.unit for one in mains}) > 1:
        raise NothingToDrawError("its runs are told in different units")
    shared = {
        "metric": " or ".join(one.title for one in mains),
        "label": " or ".join(one.title for one in mains) + f" ({metric.unit})" * bool(metric.unit),
        "unit": metric.difference_unit,
        "digits": digits(subject.study, metric),
    }
    for pair in combinations(plan.axes, 2):
        across, lines = sorted(pair, key=lambda axis: len("".join(plan.axes[axis])))
        for line in _baseline_first(plan, lines):
            for level in _baseline_first(plan, across):
                runs = subject.study.replicates({**plan.baseline, across: level, lines: line})
                rows += [
                    {
                        "pair": f"{across} × {lines}",
                        "across": across,
                        "level": level,
                        "lines": lines,
                        "line": line,
                        "seed": seed,
                        "value": main_value(subject.study, run),
                        **shared,
                    }
                    for seed, run in runs.items()
                    if run is not None
                ]
    return pd.DataFrame(rows)


def _baseline_first(plan: Plan, axis: str) -> list[str]:
    return sorted(plan.axes[axis], key=lambda label: label != plan.baseline[axis])


def draw(data: pd.DataFrame) -> Figure:
    """A panel a pair: one axis across, a line for each level of the other."""
    pairs = groups(data, "pair")
    width = inches()[0] / min(len(pairs), 2)
    height = inches()[1] * (1 if len(pairs) == 1 else 0.85)
    figure, axes = panels(len(pairs), height, sharey=True)
    for panel, (number, _, rows) in zip(axes, pairs, strict=True):
        _lines(panel, rows, width)
        if number % 2 == 0:  # the first of a row
            panel.set_ylabel(data.label.iloc[0])
    if data.unit.iloc[0] == "points":
        keep_to_percent(axes[0])  # shared by all
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, width: float) -> None:
    positions = {level: x for x, level in enumerate(in_order(rows.level.drop_duplicates()))}
    lines = groups(rows, "line")
    for number, name, line in lines:
        shift = 0.06 * (number - (len(lines) - 1) / 2)  # so that intervals stand side by side
        means = {
            positions[str(level)]: estimate(list(part.value))
            for level, part in line.groupby("level")
        }
        across = sorted(means)
        widths = [means[x].half_width for x in across]
        axes.errorbar(
            [x + shift for x in across],
            [means[x].mean for x in across],
            [np.nan if width is None else width for width in widths],
            color=colour_of(number),
            marker=marker_of(number),
            markerfacecolor="none",
            markersize=4.5,
            linewidth=0.9,
            elinewidth=0.7,
            capsize=2,
            label=name,
        )
    axes.set_xlabel(plain(rows.across.iloc[0]))
    name_ticks(axes, [plain(level) for level in positions], width)
    _legend(axes, plain(rows.lines.iloc[0]), [name for _, name, _ in lines], width)


def in_order(levels: Iterable[str]) -> list[str]:
    """Levels from left to right: numbers from small to large, others as they come."""
    given = list(levels)
    with suppress(ValueError):
        return sorted(given, key=float)
    return given


def _legend(axes: Axes, title: str, names: Sequence[str], width: float) -> None:
    """Name the lines above the axes, in two columns where they fit."""
    longest = max(len(name) for name in names)
    axes.legend(
        title=title,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=2 if 2 * longest < LETTERS_AN_INCH * (width - 1) else 1,
        columnspacing=1.0,
        title_fontsize="small",
    )


def caption(data: pd.DataFrame) -> str:
    """What two changes do together beyond the sum of what each does alone."""
    found = []
    for _, pair, rows in groups(data, "pair"):
        beyond = _beyond_the_sum(rows)
        if beyond:
            (level, line), strongest = max(beyond.items(), key=lambda item: abs(item[1].mean))
            text = strongest.text(int(rows.digits.iloc[0]), sign=True)
            found.append(f"{pair} {text} {rows.unit.iloc[0]} ({plain(level)} with {plain(line)})")
    counts = data.groupby(["pair", "level", "line"]).seed.nunique()
    return (
        f"{_sentence(data.metric.iloc[0])} for each combination of two axes, other axes at the "
        "baseline; "
        "parallel lines say that choices act on their own. What two changes do beyond the sum of "
        f"each alone, where it is strongest: {'; '.join(found) or 'runs are missing'}. "
        f"{seeds_sentence(counts)}"
    )


def _sentence(label: str) -> str:
    """What a sentence begins with."""
    return label[:1].upper() + label[1:]


def _beyond_the_sum(rows: pd.DataFrame) -> dict[tuple[str, str], Estimate]:
    """What each combination off the baseline adds, in the metric's unit, paired by seed."""
    table = rows.pivot(index="seed", columns=["level", "line"], values="value")
    level0, line0 = rows.level.iloc[0], rows.line.iloc[0]
    found = {}
    for level, line in product(dict.fromkeys(rows.level), dict.fromkeys(rows.line)):
        corners = [(level, line), (level0, line), (level, line0), (level0, line0)]
        if level != level0 and line != line0 and all(c in table.columns for c in corners):
            both, one, other, none = (table[corner] for corner in corners)
            values = (both - one - other + none).dropna()
            if len(values):
                found[level, line] = estimate(list(values))
    return found


FIGURE = FigureKind("Interaction of two axes", "study", 30, data, draw, caption)
