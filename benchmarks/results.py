"""What benchmarks found: kept as JSON, each with what it was measured on, shown as a table."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.table import Table

from ablations.files import read_json, write_json
from ablations.machine import count_cpus
from ablations.runs.provenance import GIT_DIRTY, GIT_SHA, git_state
from benchmarks.measure import Result, Timing

HEADERS = ("benchmark", "ratio", "target", "met", "bound", "plain", "ours", "rounds")
BRIEF = 5  # columns that fit a terminal
NUMERIC = {"ratio", "target", "plain", "ours", "rounds"}


@dataclass(frozen=True)
class Measured:
    """One benchmark.

    Attributes:
        around: see `surroundings`, and the minutes it took.
        results: of its cases.
    """

    around: dict[str, Any]
    results: tuple[Result, ...]


def surroundings(quick: bool) -> dict[str, Any]:
    """Machine, threads, versions, commit, day, and whether sizes are tiny."""
    state = git_state(Path(__file__))
    return {
        "machine": f"{count_cpus()} cores, {_processor()}",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "cores": count_cpus(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": version("timm"),
        "commit": state.get(GIT_SHA, "")[:7],
        "changed": state.get(GIT_DIRTY) == "true",
        "quick": quick,
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def _processor() -> str:
    """The processor's model, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def read_measured(path: Path) -> dict[str, Measured]:
    """What `write_measured` wrote, by benchmark; nothing where no file is, or one of another form.

    Raises:
        DamagedError: it is no JSON.
    """
    content = read_json(path, dict[str, Any]) or {}
    return {name: _measured(kept) for name, kept in content.items() if isinstance(kept, dict)}


def _measured(kept: dict[str, Any]) -> Measured:
    around = {name: value for name, value in kept.items() if name != "results"}
    return Measured(around, tuple(map(_result, kept["results"])))


def _result(row: dict[str, Any]) -> Result:
    fields = {name: value for name, value in row.items() if name not in ("ratio", "met")}
    timings = {name: Timing(tuple(fields[name]["rounds"])) for name in ("plain", "ours")}
    return Result(**(fields | timings))


def write_measured(measured: dict[str, Measured], path: Path) -> None:
    """Everything measured, in seconds, by benchmark."""
    content = {
        name: {
            **each.around,
            "results": [
                {**asdict(one), "ratio": one.ratio, "met": one.met} for one in each.results
            ],
        }
        for name, each in measured.items()
    }
    write_json(path, content)


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


def write_markdown(measured: dict[str, Measured], path: Path) -> None:
    """Write the table for the documentation, under lines that say on what it was measured."""
    results = [one for each in measured.values() for one in each.results]
    lines = [
        *(f"- {line}" for line in _measured_on(measured)),
        "",
        "A ratio is the median over rounds in which both ways run in turn, under it the 95 % "
        "interval (with fewer than six rounds, the extremes); a time is the median, under it the "
        "fastest and the slowest round. A bound is the ratio at which only the work that it names "
        "is left.",
        "",
        _line(HEADERS),
        _line(["---:" if header in NUMERIC else "---" for header in HEADERS]),
        *(_line(_cells(result)) for result in results),
    ]
    path.write_text("\n".join(lines) + "\n")


def _measured_on(measured: dict[str, Measured]) -> list[str]:
    """A line for all benchmarks that share a machine, versions, a commit and a day."""
    alike: dict[str, list[str]] = {}
    for name, each in measured.items():
        around = each.around
        commit = around["commit"] + (" with changes" if around["changed"] else "")
        told = (
            f"{around['machine']}, {around['gpu'] or 'no GPU'}, {around['threads']} threads; torch "
            f"{around['torch']}, timm {around['timm']}; commit {commit or 'unknown'}, "
            f"{around['day']}"
        )
        told += ", tiny sizes" if around["quick"] else ""
        alike.setdefault(told, []).append(name)
    return [f"{told}: {', '.join(names)}" for told, names in alike.items()]


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
