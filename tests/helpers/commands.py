"""The command line, as tests call it, and the studies that they call it with."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from click.testing import CliRunner

from ablations.cli.main import main
from ablations.tracking import store

STUDIES = Path(__file__).parents[1] / "example_studies"
TOY = str(STUDIES / "toy.py")
MAKE_TABLES = store._make_tables
TINY = str(STUDIES / "tiny.py")
LAUNCHES = (("run",), ("search",))


def run_ablate(
    home: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A whole command in this process, which has imported MLflow and torch; nobody answers it.

    By one worker, if it does not say how many: each takes seconds to start.
    """
    told = ["--home", str(home), *arguments]
    given = {argument.partition("=")[0] for argument in arguments}
    if arguments[:1] in LAUNCHES and not {"--workers", "--per-gpu", "--cluster"} & given:
        told += ["--workers", "1"]
    with (
        mock.patch.dict(os.environ, env or os.environ, clear=True),
        mock.patch.object(store, "_make_tables", copy_tables),
    ):
        forget_stores()  # that the test has looked into, and perhaps replaced
        done = CliRunner().invoke(main, told, prog_name="ablate")
        forget_stores()
    error = done.stderr
    if done.exception and not isinstance(done.exception, SystemExit):
        error += "".join(traceback.format_exception(done.exception))
    return subprocess.CompletedProcess(told, done.exit_code, done.stdout, error)


def copy_tables(path: Path) -> None:
    """What MLflow makes in an empty file, without the seconds that it takes: made but once."""
    path.write_bytes(_tables())


@cache
def _tables() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mlflow.db"
        MAKE_TABLES(path)
        forget_stores()
        return path.read_bytes()


def forget_stores() -> None:
    """Close what MLflow keeps open of stores, as the end of a command would."""
    with suppress(KeyError):  # it was not imported
        service = sys.modules["mlflow.tracking._tracking_service.utils"]
        service._tracking_store_registry._get_store_with_resolved_uri.cache_clear()
        service._artifact_repos_cache.clear()
        engines = sys.modules["mlflow.store.tracking.sqlalchemy_store"].SqlAlchemyStore._engine_map
        for engine in engines.values():
            engine.dispose()
        engines.clear()


def command(home: Path, *arguments: str) -> list[str]:
    """The real console script, for a process of its own."""
    script = Path(sys.executable).with_name("ablate")
    return [str(script), "--home", str(home), *arguments]


def run_script(home: Path, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    """The console script to its end."""
    return subprocess.run(
        command(home, *arguments), capture_output=True, text=True, timeout=300, **options
    )


SLOW = ("run", TOY, "--workers", "2", "--set", "pause=0.1", "--set", "steps=5")  # 6 runs
SLOW += ("--name", "slow")
