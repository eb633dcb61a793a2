"""A launch that somebody stays with: refused, or watched until all of its runs are over."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from ablations.file_system import check_space
from ablations.launch.launcher import Launcher, Snapshot, check_ready
from ablations.launch.timing import expected_seconds
from ablations.runs.home import Home
from ablations.study.expansion import Expansion
from ablations.study.plans import save_plan
from ablations.terminal.display import warn
from ablations.terminal.outcome import announce, conclude
from ablations.terminal.progress import LiveProgress
from ablations.tracking.background import collecting


def prepare(home: Home, expansion: Expansion) -> None:
    """Refuse what cannot start, and remember what is asked.

    Raises:
        UserError: the home cannot be written, or a run that is left could not start; says why.
    """
    check_space(home.root)
    for text in check_ready(home, expansion):
        warn(text)
    save_plan(home, expansion.plan)


def watch(
    home: Home,
    launcher: Launcher,
    uri: str,
    ending: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> tuple[Snapshot, bool]:
    """Stay until all runs are over, with live progress.

    Arguments:
        uri: of the tracking store, which is kept up to date.
        ending: a context that says what an interruption means; it is raised again without one,
            when workers that cannot go on alone have stopped.

    Returns:
        How the runs ended, and whether all of them are done and tracked.

    Raises:
        UserError: no worker can work; says why.
    """
    expansion, workers = launcher.work.expansion, launcher.scheduler.workers
    expected = expected_seconds(home, expansion)
    announce(expansion.plan, launcher.snapshot(), expected, workers)
    progress = LiveProgress(home, expansion.plan, expected, workers)
    with collecting(home, uri, warn) as collector, ending(), progress:
        snapshot = launcher.run(progress)
    well = conclude(home, expansion.plan, snapshot) == 0 and collector.error is None
    return snapshot, well
