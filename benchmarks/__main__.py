"""The command line: `python -m benchmarks`."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ablations.machine import count_cpus
from benchmarks.catalogue import BENCHMARKS

if TYPE_CHECKING:
    from benchmarks.measure import Result

WHOLE, PART = Path("docs/benchmarks"), Path("outputs/benchmarks")

HELP = f"""Measure how much faster the project's ways are than the plain ones.

Both ways run in turn in one process; the ratio is the median over rounds. What they give is
compared, and a benchmark fails where it differs. All benchmarks together take about an hour
on two cores: leave the machine alone meanwhile.

\b
The benchmarks:
{os.linesep.join(f"  {name:15} {about}" for name, about in BENCHMARKS.items())}

Writes results.json, results.md (the table), results.png and results.pdf.

Exits with 0 even where a target is missed (the table says so), with 1 where outputs differ.
"""


@click.command(help=HELP)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(BENCHMARKS)),
    metavar="NAME",
    help="One of the benchmarks; repeat it for several.",
)
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that all works, in a minute.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where to write.  [default: {WHOLE}, or {PART} for --only and --quick]",
)
def main(only: tuple[str, ...], quick: bool, output: Path | None) -> None:
    """See HELP."""
    import torch

    torch.set_num_threads(count_cpus())
    console = Console()
    names = [name for name in BENCHMARKS if name in only] or list(BENCHMARKS)
    results, problems = measure(names, quick, console)
    save(results, output or (PART if only or quick else WHOLE), console)
    for problem in problems:
        console.print(f"[red]failed:[/red] {problem}")
    sys.exit(1 if problems else 0)


def measure(names: list[str], quick: bool, console: Console) -> tuple[list[Result], list[str]]:
    """Run the benchmarks one after the other; results, and where outputs differed."""
    from benchmarks.measure import OutputsDifferError

    results, problems = [], []
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=len(names))
        for name in names:

            def say(text: str, name: str = name) -> None:
                progress.update(task, description=f"{name}: {text}")

            try:
                for result in import_module(f"benchmarks.{name}").run(quick, say):
                    results.append(result)
                    console.print(f"{result.benchmark}, {result.case}: {result.ratio:.2f}x")
            except OutputsDifferError as error:
                problems.append(str(error))
            progress.advance(task)
    return results, problems


def save(results: list[Result], output: Path, console: Console) -> None:
    """Show the table; write it, the numbers and the figure."""
    from benchmarks.figure import draw
    from benchmarks.results import rich_table, write_json, write_markdown
    from reports.drawing.style import figure_style
    from reports.drawing.style import save as save_figure

    console.print(rich_table(results))
    output.mkdir(parents=True, exist_ok=True)
    write_json(results, output / "results.json")
    write_markdown(results, output / "results.md")
    if results:
        with figure_style():
            save_figure(draw(results), output / "results")
    console.print(f"written to {output}")


if __name__ == "__main__":
    main()
