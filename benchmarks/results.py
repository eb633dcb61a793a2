"""What a run of the benchmarks found: kept as JSON, shown as a table."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.table import Table

from ablations.machine import count_cpus
from benchmarks.measure import Result, Timing

HEADERS = ("benchmark", "ratio", "target", "met", "bound", "plain", "ours", "rounds")
BRIEF = 5  # columns that fit a terminal
NUMERIC = {"ratio", "target", "plain", "ours", "rounds"}


def surroundings() -> dict[str, Any]:
    """Machine, threads and versions."""
    return {
        "machine": f"{count_cpus()} cores, {_processor()}",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "cores": count_cpus(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": version("timm"),
    }


def _processor() -> str:
    """The processor's model, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def write_json(results: Iterable[Result], path: Path) -> None:
    """Everything measured, in seconds."""
    rows = [{**asdict(one), "ratio": one.ratio, "met": one.met} for one in results]
    path.write_text(json.dumps({**surroundings(), "results": rows}, indent=1) + "\n")


def rich_table(results: Iterable[Result]) -> Table:
    """Table for the terminal, without the times."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in HEADERS[:BRIEF]:
        table.add_column(
            header,
            justify="right" if header in NUMERIC else "left",
            no_wrap=header != "benchmark",
        )
    for result in results:
        style = "yellow" if result.met is False else None
        table.add_row(*_cells(result)[:BRIEF], style=style)
    return table


def write_markdown(results: Sequence[Result], path: Path) -> None:
    """Write the table for the documentation, under a line that says on what it was measured."""
    around = surroundings()
    lines = [
        f"Measured on {around['cores']} cores, {around['gpu'] or 'CPU'}, {around['threads']} "
        f"threads; torch "
        f"{around['torch']}, timm {around['timm']}. A ratio is the median over rounds in which "
        "both ways run in turn, under it the 95 % interval (with fewer than six rounds, the "
        "extremes); a time is the median, under it the fastest and the slowest round. A bound is "
        "the ratio at which only the work that it names is left.",
        "",
        _line(HEADERS),
        _line(["---:" if header in NUMERIC else "---" for header in HEADERS]),
        *(_line(_cells(result)) for result in results),
    ]
    path.write_text("\n".join(lines) + "\n")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("\n", "<br>") for cell in cells) + " |"


def _cells(result: Result) -> list[str]:
    return [
        "\n".join((result.benchmark, result.case, *_beside(result))),
        _ratio(result),
        f"{_three_digits(result.target)}x" if result.target is not None else "",
        {True: "yes", False: "no", None: ""}[result.met],
        "\n".join(f"{name} {_three_digits(bound)}x" for name, bound in result.bounds.items()),
        _seconds(result.plain),
        _seconds(result.ours),
        str(len(result.ours.rounds)),
    ]


def _beside(result: Result) -> Iterable[str]:
    yield from (f"{name}: {_seconds(Timing((took,)))}" for name, took in result.seconds.items())
    yield from (f"{name}: {fact}" for name, fact in result.facts.items())


def _ratio(result: Result) -> str:
    low, high = (_three_digits(end) for end in result.interval)
    spread = f"\n{low} to {high}" if len(result.ours.rounds) > 1 else ""
    return f"{_three_digits(result.ratio)}x{spread}"


def _seconds(timing: Timing) -> str:
    unit, name = (1e-3, "ms") if timing.median < 1 else (1.0, "s")
    median, fastest, slowest = (
        _three_digits(value / unit)
        for value in (timing.median, min(timing.rounds), max(timing.rounds))
    )
    spread = f"\n{fastest} to {slowest}" if len(timing.rounds) > 1 else ""
    return f"{median} {name}{spread}"


def _three_digits(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"
