"""The collector: projects run directories into MLflow.

Idempotent: an MLflow run is found by its tag `run_key`, so collecting twice changes nothing, and
what one pass could not deliver the next one does. MLflow never holds anything that the run
directories do not. What it holds is remembered (`ledger.py`), so that it need not be searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ablations.errors import UserError
from ablations.refused import Refused
from ablations.runs.directory import RunDirectory
from ablations.runs.home import Home
from ablations.runs.records import Setup
from ablations.study.plan import Cell, Plan
from ablations.study.plans import plans_of
from ablations.tracking.artifacts import holds_files
from ablations.tracking.contact import reaching
from ablations.tracking.delivery import STATUS, deliver
from ablations.tracking.headings import Headings
from ablations.tracking.ledger import FEW, OWN_FAULT, Ledger, Page, trusting
from ablations.tracking.names import (
    ATTEMPT_TAG,
    FAMILY_TAG,
    KEY_TAG,
    SCALE_TAG,
    SCHEMA_TAG,
)
from ablations.tracking.series import Series
from ablations.tracking.store import connect
from ablations.uris import sqlite_path

if TYPE_CHECKING:
    from mlflow.entities import Run

LOCK_SECONDS = 60
Cells = Mapping[str, tuple[Plan, Cell]]  # by run key: the last plan that asks for it


class RefusedError(UserError):
    """Some runs or studies cannot be tracked, by their own fault; all others are."""


def _silent(text: str) -> None:
    pass


@contextmanager
def _by_itself(name: str, refused: Refused) -> Iterator[None]:
    """Note what is refused by its own fault, so that all others go on."""
    try:
        yield
    except Exception as error:
        if not _is_own_fault(error):
            raise
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        refused.errors.append(RefusedError(f"{name} is not tracked: {reason}"))


def _is_own_fault(error: BaseException) -> bool:
    """Whether what was delivered is to blame, not the store.

    MLflow wraps what its database's driver refuses, such as a number of too many bits, as an error
    of its own that could be any.
    """
    from mlflow.exceptions import MlflowException

    if isinstance(error, MlflowException) and error.error_code in OWN_FAULT:
        return True
    cause = error.__cause__ if isinstance(error, MlflowException) else error
    return isinstance(cause, UserError | ValueError | TypeError | ArithmeticError)


class Collector:
    """Projects what is on disk into one tracking store.

    Attributes:
        changed: the keys of the runs that it brought up to date so far.
    """

    def __init__(
        self, home: Home, uri: str, create: bool = True, tell: Callable[[str], None] = _silent
    ) -> None:
        """Arguments and errors as those of `connect`; `tell` hears how far a pass is."""
        self.home, self.uri, self.tell = home, uri, tell
        self.changed: set[str] = set()
        self.client = connect(uri, create)
        self.observer = home.observer()

    def sync(self, everything: bool = False) -> int:
        """Deliver what is new; returns how many runs changed.

        Arguments:
            everything: search the store for all runs, whatever the ledger remembers of it.

        Raises:
            RefusedError: a run or a study cannot be delivered (the others are).
            UserError: the store does not answer. Nothing is lost: the next sync tries again.
        """
        lock = FileLock(self.home.root / "collector.lock", timeout=LOCK_SECONDS)
        try:
            # two collectors side by side would both create what neither finds
            with lock, reaching(self.uri):
                ledger = Ledger(self.home.ledgers, self.uri, self.client)
                try:
                    return self._pass(ledger, everything)
                finally:
                    ledger.save()
        except Timeout:
            raise UserError(f"another collector holds {lock.lock_file}; try again later") from None

    def _pass(self, ledger: Ledger, everything: bool) -> int:
        changed, refused = 0, Refused()
        plans = plans_of(self.home, refused)
        cells = {cell.key: (plan, cell) for plan in plans for cell in plan.cells}
        runs = {run.key: run for run in self.home.runs()}
        if everything or len(runs.keys() - ledger.keys()) > FEW:
            ledger.clear()
        due = [runs[key] for key in sorted(runs.keys() - ledger.keys("FINISHED"))]
        for number, run in enumerate(due, start=1):
            self.tell(f"looking at run {number} of {len(due)}, {changed} brought up to date")
            with _by_itself(f"run {run.key}", refused):
                if self._sync_run(ledger, run, cells, everything):
                    self.changed.add(run.key)
                    changed += 1
        for plan in plans:
            self.tell(f"{changed} runs brought up to date; arranging those of {plan.study}")
            with _by_itself(f"study {plan.study}", refused):
                page = self._page(ledger, plan.experiment)
                sources = self.home.sources(plan.study)
                Headings(self.client, ledger, page, plan, sources, anew=everything).sync()
        refused.check(RefusedError)
        return changed

    def _page(self, ledger: Ledger, experiment: str) -> Page:
        return ledger.page(experiment, self.home.artifacts if sqlite_path(self.uri) else None)

    def _sync_run(
        self, ledger: Ledger, directory: RunDirectory, cells: Cells, everything: bool
    ) -> bool:
        content = directory.config()
        if content is None:
            return False
        page = self._page(ledger, content["experiment"])

        def project() -> bool:
            run = ledger.find(page, directory.key)
            if run and run.status == "FINISHED":
                if not everything or holds_files(self.client, page.artifacts, run, directory):
                    return False
                run.status = ""  # delivered anew
            seen = directory.inspect(self.observer)
            if seen.damage:
                raise seen.damage
            if seen.lease is None:
                return False
            progress = directory.progress()
            if run is None:
                new = self._create(page, directory.key, content, progress, cells)
                run = ledger.add(page, directory.key, new)
            series = Series(progress, directory.samples(), run.tags)
            tags = {ATTEMPT_TAG: str(seen.attempt), **series.tags}
            if run.status == STATUS[seen.state] and tags.items() <= run.tags.items():
                return False
            asked = cells.get(directory.key)
            deliver(self.client, run, directory, seen, series.points(), tags, asked)
            return True

        return trusting(ledger, page, directory.key, project)

    def _create(
        self,
        page: Page,
        key: str,
        content: Setup,
        progress: list[dict[str, Any]],
        cells: Cells,
    ) -> Run:
        plan, cell = cells.get(key, (None, None))
        tags = {
            KEY_TAG: key,
            SCHEMA_TAG: str(content["schema"]),
            SCALE_TAG: plan.scale if plan else "",
            FAMILY_TAG: plan.family if plan else "",
        }
        start = int(progress[0]["time"] * 1000) if progress else None
        name = cell.name if cell else key
        return self.client.create_run(page.experiment, start, tags=tags, run_name=name)
