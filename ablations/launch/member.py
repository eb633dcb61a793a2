"""A process that does runs for a worker: calls the experiment's function, and tells the outcome.

It has an interpreter of its own, so that whatever a run does to it, the worker lives. Started by
`ablations.launch.crew`; what it prints goes into the worker's log.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from ablations.errors import UserError
from ablations.file_system import UNWRITABLE
from ablations.launch.task import MEND, Outcome, Task, changed, failed
from ablations.runs.attempt import (
    Attempt,
    Stopped,
    ignoring_stop,
    stopping_on_signals,
)
from ablations.runs.home import Home
from ablations.runs.metrics import plain_metrics
from ablations.study.catalogue import load_study
from ablations.study.code import code_of
from ablations.study.experiment import Experiment

READY = "ready"
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG, prctl(2)


def serve(connection: Connection, home: Home, study: str, worker: int) -> None:
    """Do one task after the other, until the worker says that there is none, or is gone.

    Arguments:
        study: name or path; its experiment runs.
        worker: number of the process that asks.
    """
    itself = os.getpid()
    faulthandler.enable()  # a crash leaves a traceback in the log
    _die_with(worker)
    experiment = load_study(study)[1].experiment
    intact: bool | None = None
    place, streams = os.open(".", os.O_RDONLY), _streams()
    with ignoring_stop():
        connection.send(READY)
        while (task := connection.recv()) is not None:
            # the first run imports what the function does, which may be other files by then
            if intact is None:
                intact = experiment.code == code_of(experiment.function, experiment.config)
            if not (intact and experiment.still_has(task.code, task.config)):
                connection.send(Outcome(trouble=changed(study)))
                continue
            try:
                with stopping_on_signals():
                    outcome = perform(experiment, home, task)
            except Stopped:
                outcome = Outcome(stopped=True)
            if os.getpid() != itself:  # forked by the run: its answer would pass for the next run's
                os._exit(0 if outcome.well else 1)
            sound = _goes_back(place) and _streams() == streams
            connection.send(replace(outcome, spoiled=not sound))


def perform(experiment: Experiment, home: Home, task: Task) -> Outcome:
    """Call the experiment's function.

    Raises:
        Stopped: one of `STOP_SIGNALS` came.
    """
    address, port = task.meeting
    os.environ |= {"MASTER_ADDR": address, "MASTER_PORT": str(port)}
    run = Attempt(task.folder, home.cache, task.attempt)
    try:
        returned = experiment.function(experiment.resolve(task.config), run)
        giver = f"the function of experiment {experiment.name} should return"
        metrics = plain_metrics(returned, giver, "it returned")
        if _is_removed(task.folder):
            raise UserError(f"the run removed its own folder {task.folder}: leave it where it is")
    except Stopped:
        raise
    except OSError as error:
        if _is_of_the_disk(error, task.folder):
            return Outcome(trouble=f"cannot write {error.filename}: {error.strerror}; {MEND}")
        return failed(error)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return failed(error)
    return Outcome(metrics, tuple(run.tables))


def _is_of_the_disk(error: OSError, path: Path) -> bool:
    """Whether the disk of the folder `path` is to blame."""
    inside = error.filename is not None and Path(str(error.filename)).is_relative_to(path)
    refused = inside and error.errno in (errno.EACCES, errno.EPERM)
    gone = not path.is_dir() and not _is_removed(path)
    return refused or error.errno in UNWRITABLE or gone


def _is_removed(path: Path) -> bool:
    """Whether a run removed its folder: a disk that is gone takes what is around it along."""
    return not path.is_dir() and path.parent.is_dir()


def _goes_back(place: int) -> bool:
    """Whether the next run begins in the folder in which the process began, open as `place`."""
    try:
        os.fchdir(place)
    except OSError:  # the run closed it
        return False
    return True


def _streams() -> list[tuple[int, int]] | None:
    """Which files the output goes to; None where a run closed it."""
    if any(one is None or getattr(one, "closed", False) for one in (sys.stdout, sys.stderr)):
        return None
    try:
        return [(file.st_dev, file.st_ino) for file in map(os.fstat, (1, 2))]
    except OSError:
        return None


def _die_with(worker: int) -> None:
    """End when the worker does, however it does: nobody would hear the answer."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != worker:  # it was gone before that
        sys.exit(1)


if __name__ == "__main__":
    descriptor, root, study_name, parent = sys.argv[1:]
    with suppress(EOFError, BrokenPipeError):
        serve(Connection(int(descriptor)), Home(Path(root)), study_name, int(parent))
