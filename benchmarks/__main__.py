"""The command line: `python -m benchmarks`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ablations.files import DamagedError
from ablations.machine import count_cpus
from benchmarks.catalogue import BENCHMARKS
from benchmarks.gpu.catalogue import GPU_BENCHMARKS

if TYPE_CHECKING:
    from benchmarks.measure import Result, Say
    from benchmarks.results import Measured

    Run = Callable[[bool, Say], Iterator[Result]]

WHOLE, PART = Path("docs/benchmarks"), Path("outputs/benchmarks")
WHOLE_GPU, PART_GPU = WHOLE / "gpu", PART / "gpu"

HELP = f"""Measure how much faster the project's ways are than the plain ones.

Both ways run in turn in one process; the ratio is the median over rounds. What they give is
compared, and a benchmark fails where it differs. All benchmarks together take an hour and forty
minutes on two cores: leave the machine alone meanwhile. Each is written when it is done, and takes
the place of what the same folder had of it: --only with --output {WHOLE} measures one anew.

\b
The benchmarks:
{os.linesep.join(f"  {name:15} {about}" for name, about in BENCHMARKS.items())}

\b
With --gpu, on the GPU that torch sees; --device cpu tries them without one:
{os.linesep.join(f"  {name:15} {about}" for name, about in GPU_BENCHMARKS.items())}

Writes results.json, results.md (the table), results.png and results.pdf: all that the folder has.

Exits with 0 even where a target is missed (the table says so), with 1 where outputs differ.
"""


@click.command(help=HELP)
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([*BENCHMARKS, *GPU_BENCHMARKS]),
    metavar="NAME",
    help="One of the benchmarks; repeat it for several.",
)
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that all works, in a minute.")
@click.option("--gpu", is_flag=True, help="Those for a GPU.")
@click.option("--device", default="cuda", metavar="NAME", help="Of --gpu.  [default: cuda]")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where to write.  [default: {WHOLE}, or {PART} for --only and --quick]",
)
def main(only: tuple[str, ...], quick: bool, gpu: bool, device: str, output: Path | None) -> None:
    """See HELP."""
    import torch

    if gpu and device.startswith("cuda") and not torch.cuda.is_available():
        click.echo(
            f"torch {torch.__version__} sees no GPU here, so none was measured; --device cpu tries "
            "these benchmarks without one"
        )
        return
    known = GPU_BENCHMARKS if gpu else BENCHMARKS
    unknown = [name for name in only if name not in known]
    if unknown:
        raise click.UsageError(f"{unknown[0]} is measured {'without' if gpu else 'with'} --gpu")
    torch.set_num_threads(count_cpus())
    console = Console()
    runs = {name: _bound(name, device if gpu else None) for name in only or known}
    whole, part = (WHOLE_GPU, PART_GPU) if gpu else (WHOLE, PART)
    partial_run = only or quick or (gpu and device == "cpu")
    problems = measure(runs, quick, console, output or (part if partial_run else whole))
    for problem in problems:
        console.print(f"[red]failed:[/red] {problem}")
    sys.exit(1 if problems else 0)


def _bound(name: str, device: str | None) -> Run:
    """The function of a benchmark; on that device, where it is one for a GPU."""
    if device is None:
        run: Run = import_module(f"benchmarks.{name}").run
        return run
    import torch

    on_device: Callable[..., Iterator[Result]] = import_module(f"benchmarks.gpu.{name}").run
    return partial(on_device, device=torch.device(device))


def measure(runs: dict[str, Run], quick: bool, console: Console, folder: Path) -> list[str]:
    """Run benchmarks, by name, one after the other, each saved when it is done.

    Returns:
        Where outputs differed.
    """
    from benchmarks.measure import OutputsDifferError
    from benchmarks.results import Measured, read_measured, rich_table, surroundings

    problems = []
    try:
        measured = read_measured(folder / "results.json")
    except DamagedError as error:
        raise click.UsageError(
            f"{error.path} is damaged: remove it, or give another --output"
        ) from None
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=len(runs))
        for name, run in runs.items():

            def say(text: str, name: str = name) -> None:
                progress.update(task, description=f"{name}: {text}")

            around, start, results = surroundings(quick), time.monotonic(), []
            try:
                for result in run(quick, say):
                    results.append(result)
                    console.print(f"{result.benchmark}, {result.case}: {result.ratio:.2f}x")
            except OutputsDifferError as error:
                problems.append(str(error))
            around["minutes"] = (time.monotonic() - start) / 60
            measured[name] = Measured(around, tuple(results))
            save(measured, folder)
            progress.advance(task)
    console.print(rich_table(one for name in runs for one in measured[name].results))
    console.print(f"written to {folder}")
    return problems


def save(measured: dict[str, Measured], folder: Path) -> None:
    """Write the numbers, the table and the figure."""
    from benchmarks.figure import draw
    from benchmarks.results import write_markdown, write_measured
    from reports.drawing.style import figure_style
    from reports.drawing.style import save as save_figure

    folder.mkdir(parents=True, exist_ok=True)
    write_measured(measured, folder / "results.json")
    write_markdown(measured, folder / "results.md")
    results = [one for each in measured.values() for one in each.results]
    if results:
        with figure_style():
            save_figure(draw(results), folder / "results")


if __name__ == "__main__":
    main()
