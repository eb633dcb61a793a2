"""A stitching run from outside: what it needs around it, and what it leaves. Torch-free."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

HOME_VARIABLE, DEFAULT_HOME, RUNS = "ABLATE_HOME", "outputs", "runs"  # where `ablate` keeps runs
EXPERIMENT = "stitching"  # the name that stands in CONFIG

CONFIG = "config.json"  # the experiment's name and all settings; whoever starts the run writes it
CHECKPOINT = "checkpoint.safetensors"  # while training goes on
MODEL = "model.safetensors"  # once it has ended
STUDY_FILE = "study_file"  # of CONFIG: the user's file with which the run was made, if there is one
# metadata of MODEL: (channels, height, width), and the class that adapts each anchor
IMAGE_SHAPE, ADAPTERS = "image_shape", "adapters"
ROUTES = "routes"  # metadata of MODEL and CHECKPOINT: the names of the routes that are trained
RESULT = "result"  # the folder in a run's directory with the files of a run that is done
# tables
STITCHES = "stitch"  # a row each sub-network
LAYERS = "layer"  # a row each stitching layer
LATENCIES = "latency"  # a row each sub-network
# folders in the cache: what teachers said; images that are decoded
ANSWERS, DECODED = "answers", "decoded"
RIVALS = "rival"  # a row each sub-network that needs no joint training, where settings ask for them


def files_of(directory: Path) -> Path:
    """The folder with a run's files: of a run that is done, or the directory itself."""
    return directory / RESULT if (directory / RESULT).is_dir() else directory


def find_run(run: str | Path, home: str | Path | None = None) -> Path:
    """The directory of a run.

    Arguments:
        run: the directory, or the beginning of it; without a slash the beginning of a run key.
        home: where keys are looked for; by default $ABLATE_HOME, or `outputs`.

    Raises:
        TypeError: `run` is neither.
        ValueError: there is no such run, or more than one.
    """
    if not isinstance(run, str | Path):
        raise TypeError(f"a run is a directory or the beginning of a key, not {run!r}")
    path, is_key = Path(run), os.sep not in str(run)
    if (path / CONFIG).is_file() and not (is_key and home is not None):
        return path
    folder = path.parent
    if is_key:
        folder = Path(home or os.environ.get(HOME_VARIABLE) or DEFAULT_HOME) / RUNS
    names = sorted(os.listdir(folder)) if folder.is_dir() and path.name else []
    found = [folder / name for name in names if name.startswith(path.name)]
    runs = [one for one in found if one.name == path.name] or [
        one for one in found if (one / CONFIG).is_file()
    ]
    if len(runs) > 1:
        listed = ", ".join(one.name for one in runs[:5]) + (", ..." if len(runs) > 5 else "")
        raise ValueError(f"{len(runs)} runs in {folder} begin with {path.name}: {listed}")
    if not runs:
        raise ValueError(f"there is no run in {folder} whose key begins with {path.name!r}")
    return runs[0]


def table_file(table: str) -> str:
    """The name of the file that holds a table."""
    return f"{table}.parquet"


def validation_file(rung: int) -> str:
    """The name of the file that holds the scores after so many percent of the training."""
    return f"validation-{rung}.parquet"


def validation_files(directory: Path) -> dict[int, Path]:
    """The files named by `validation_file` in a run's directory, by percent of the training."""
    files = directory.glob("validation-*.parquet")
    return {int(file.stem.rpartition("-")[2]): file for file in files}


class RunLike(Protocol):
    """Surroundings of a run: paths to write to, and someone to tell.

    Attributes:
        directory: of this run alone; a checkpoint left there is found by the next attempt.
        cache: shared by all runs.
    """

    directory: Path
    cache: Path

    @property
    def stopping(self) -> bool:
        """Whether an end was asked for, see `deferring_stop`."""
        ...

    def say(self, phase: str) -> None:
        """Tell what is going on."""

    def log(self, step: int, of: int, metrics: dict[str, float]) -> None:
        """Tell that epoch `step` of `of` is done."""

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A temporary path that becomes the file `name` on success."""
        ...

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Keep a table with the result."""

    def deferring_stop(self) -> AbstractContextManager[None]:
        """Inside, a request to stop only sets `stopping`; it takes effect at the end."""
        ...

    def request_stop(self) -> None:
        """Stop at the end of `deferring_stop`, as another process of this run must."""


class Follower:
    """Surroundings of a process that shares a run: it only reads what the first process wrote."""

    def __init__(self, run: RunLike) -> None:
        self.directory, self.cache, self._run = run.directory, run.cache, run

    @property
    def stopping(self) -> bool:
        """Whether an end was asked for."""
        return self._run.stopping

    def say(self, phase: str) -> None:
        """Tells nothing."""

    def log(self, step: int, of: int, metrics: dict[str, float]) -> None:
        """Tells nothing."""

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """Refuse: the first process alone writes.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"only the first process of a run writes {name}")

    def save_table(self, name: str, table: pd.DataFrame) -> None:
        """Keeps nothing."""

    def deferring_stop(self) -> AbstractContextManager[None]:
        """Defers the stop of the run itself."""
        return self._run.deferring_stop()

    def request_stop(self) -> None:
        """Stops the run itself."""
        self._run.request_stop()
