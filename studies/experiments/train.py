"""One run without plan or tracking: `python -m studies.experiments.train CONFIG.json DIRECTORY`.

Alone, or on several processes: `torchrun --nproc-per-node 8 -m studies.experiments.train
CONFIG.json DIRECTORY`. CONFIG.json holds the settings that differ from the defaults. The same
command goes on from the checkpoint that an interrupted one left.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, SupportsFloat

import click

from ablations import Attempt
from ablations.errors import EXIT_FAILED_RUNS, EXIT_USER_ERROR, UserError
from ablations.files import read_json, write_json
from snnet.run import CONFIG
from studies.experiments.stitching import STITCHING


class PrintedAttempt(Attempt):
    """A run that tells the terminal, too."""

    def say(self, phase: str) -> None:
        """Print it."""
        super().say(phase)
        click.echo(phase)

    def log(
        self, step: SupportsFloat, of: SupportsFloat, metrics: Mapping[str, SupportsFloat]
    ) -> None:
        """Print the epoch's metrics in a line."""
        super().log(step, of, metrics)
        click.echo(f"epoch {step}/{of}: " + ", ".join(f"{k} {v:.5g}" for k, v in metrics.items()))


@click.command(help=__doc__)
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def main(config: Path, directory: Path) -> None:
    """Train as the command line says."""
    from snnet.errors import CheckpointError, DivergenceError, MissingDataError

    try:
        resolved = STITCHING.resolve(read_json(config, dict[str, Any]) or {})
        STITCHING.check_ready(resolved)
        directory.mkdir(parents=True, exist_ok=True)
        run = PrintedAttempt(directory, directory / "cache", attempt=1)
        summary = STITCHING.function(resolved, run)
    except DivergenceError as error:
        _leave(str(error), EXIT_FAILED_RUNS)
    except (UserError, CheckpointError, MissingDataError, ValueError) as error:
        _leave(str(error), EXIT_USER_ERROR)
    except KeyboardInterrupt:
        _leave("stopped; the same command goes on", 130)
    if int(os.environ.get("RANK", 0)) == 0:
        content = {"experiment": STITCHING.name, "schema": STITCHING.schema}
        write_json(directory / CONFIG, {**content, "config": STITCHING.dump(resolved)})
        click.echo(json.dumps(summary, indent=1))


def _leave(message: str, code: int) -> None:
    click.echo(f"studies.experiments.train: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
