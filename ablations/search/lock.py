"""Who may write the journal of a search: one process, whatever killed ones left."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ablations.errors import UserError
from ablations.terminal.activity import activity

PATIENCE = 3.0  # seconds; Optuna holds its lock for the writing of a line


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Keep other searches from the journal `path`, and take over Optuna's lock from a killed one.

    Raises:
        UserError: another process writes it, or the lock cannot be taken.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"another process goes on with {path}; wait for it, or give this search another --name"
        ) from None
    except NotImplementedError as error:
        raise UserError(f"{lock.lock_file} cannot be locked: {error}") from None
    with lock:
        _take_over(path.with_name(f"{path.name}.lock"))
        yield


def _take_over(lock: Path) -> None:
    """Remove Optuna's own lock beside the journal, where whoever made it is gone.

    No other search holds it now; programs like Optuna's dashboard hold it for moments. Optuna
    itself waits for as long as the journal changes, and for ever where the lock is a link to a
    place that is not there any more.
    """
    deadline = time.monotonic() + PATIENCE
    with activity(f"waiting for {lock}, which a killed search seems to have left"):
        while os.path.lexists(lock) and time.monotonic() < deadline:
            time.sleep(0.05)
    if lock.is_dir() and not lock.is_symlink():
        raise UserError(f"{lock} is a directory where Optuna makes its lock; move it away")
    with suppress(FileNotFoundError):
        lock.unlink()
