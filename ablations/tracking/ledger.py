"""What the tracking store holds of our runs, remembered in the home.

A cache, never the truth: without it, or where it is damaged or of another store, all runs of the
store are searched once. It is written as a pass of the collector ends, however it ends; what a
killed pass left out is found again, since the store is asked for every key that is unknown here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter

from ablations.files import writing
from ablations.tracking.names import (
    ATTEMPT_TAG,
    FAILURE_TAGS,
    KEY_TAG,
    PARENT_TAG,
    PROGRESS_TAG,
    SAMPLES_TAG,
    STUDY_TAG,
    is_member_tag,
)
from ablations.tracking.store import open_experiment, search

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Outcome = TypeVar("Outcome")
OWN_FAULT = ("INVALID", "INVALID_PARAMETER_VALUE", "BAD_REQUEST")  # of the run, not of the store
OUTDATED = ("RESOURCE_DOES_NOT_EXIST", *OWN_FAULT)  # may also come of what was deleted meanwhile
FEW = 100  # keys asked for one by one; for more, a search of the whole store is quicker


@dataclass
class Entry:
    """A run of the store, as far as the collector compares it with its directory."""

    run_id: str
    status: str  # MLflow's
    tags: dict[str, str]  # see `compared`


@dataclass
class Page:
    """One experiment of the store; made anew, it has another time of creation."""

    experiment: str
    created: int | None  # ms since 1970
    runs: dict[str, Entry]  # by run key
    artifacts: str = ""  # address of the folder of its files


PAGES: TypeAdapter[dict[str, Page]] = TypeAdapter(dict[str, Page])  # by the experiment's name


def compared(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of an MLflow run that the collector compares; of failures only that they are there."""
    chosen = {name: "" for name in FAILURE_TAGS if name in tags}
    for name, value in tags.items():
        if name in (ATTEMPT_TAG, PROGRESS_TAG, SAMPLES_TAG, PARENT_TAG) or is_member_tag(name):
            chosen[name] = value
    return chosen


class Ledger:
    """Used under the collector's lock, for one pass."""

    def __init__(self, folder: Path, uri: str, client: MlflowClient) -> None:
        """Reads what is remembered of the store at `uri`, and leaves out what is not of it."""
        digest = hashlib.sha256(uri.encode()).hexdigest()[:16]  # a URI may hold a password
        self.path = folder / f"{digest}.json"
        self.client = client
        self._text = self.path.read_bytes() if self.path.exists() else b"{}"
        self._pages: dict[str, Page] = {}
        self._searched: set[str] = set()  # experiments of which this pass has seen all runs
        self._studies: dict[str, dict[str, Run]] = {}  # by experiment, then as `studies` says
        try:
            pages = PAGES.validate_json(self._text)
        except ValueError:  # damaged
            pages = {}
        for name, page in pages.items():
            now = client.get_experiment_by_name(name)
            same = now and (now.experiment_id, now.creation_time) == (page.experiment, page.created)
            if now and same and now.lifecycle_stage == "active":
                page.artifacts = now.artifact_location  # they may have been moved
                self._pages[name] = page
        self._unproved = self.keys()

    def keys(self, status: str | None = None) -> set[str]:
        """Keys of all runs, or of those with a status."""
        return {
            key
            for page in self._pages.values()
            for key, entry in page.runs.items()
            if status in (None, entry.status)
        }

    def clear(self) -> None:
        """Remember nothing: the store is searched instead."""
        self._pages.clear()
        self._unproved.clear()

    def page(self, name: str, artifacts: Path | None) -> Page:
        """The experiment `name`; see `open_experiment`."""
        if name not in self._pages:
            found = open_experiment(self.client, name, artifacts)
            page = Page(found.experiment_id, found.creation_time, {}, found.artifact_location)
            page.runs = {key: _entry(run) for key, run in self._runs(page, KEY_TAG, "").items()}
            self._pages[name] = page
            self._searched.add(page.experiment)
        return self._pages[name]

    def find(self, page: Page, key: str) -> Entry | None:
        """The run `key`; where it is unknown, the store is asked."""
        if key not in page.runs and page.experiment not in self._searched:
            run = self._runs(page, KEY_TAG, f"tags.{KEY_TAG} = '{key}'").get(key)
            if run:
                page.runs[key] = _entry(run)
        return page.runs.get(key)

    def add(self, page: Page, key: str, run: Run) -> Entry:
        """Remember a run that was made."""
        return page.runs.setdefault(key, _entry(run))

    def forget(self, page: Page, key: str) -> bool:
        """Let the store be asked for a run; False where what is known is not only remembered."""
        if key not in self._unproved:
            return False
        self._unproved.discard(key)
        page.runs.pop(key, None)
        return True

    def studies(self, page: Page) -> dict[str, Run]:
        """The runs that stand for studies and their seeds, by name; see `seed_name`.

        They are few: the store is asked anew by each ledger, that is in each pass, but only once
        for all studies. Whoever makes one adds it.
        """
        if page.experiment not in self._studies:
            condition = f"tags.`{STUDY_TAG}` LIKE '%'"
            self._studies[page.experiment] = self._runs(page, STUDY_TAG, condition)
        return self._studies[page.experiment]

    def save(self) -> None:
        """Write what changed, atomically."""
        text = PAGES.dump_json(self._pages)
        if text != self._text:
            self.path.parent.mkdir(exist_ok=True)
            with writing(self.path) as temporary:
                temporary.write_bytes(text)

    def _runs(self, page: Page, tag: str, condition: str) -> dict[str, Run]:
        """Those that meet MLflow's filter, by `tag`; runs of others have none. Doubles go."""
        runs: dict[str, Run] = {}
        found = search(self.client, page.experiment, condition)
        for run in sorted(found, key=lambda run: run.info.start_time):
            name = run.data.tags.get(tag)
            if name in runs:  # a repeated request made it twice
                self.client.delete_run(run.info.run_id)
            elif name is not None:
                runs[name] = run
        return runs


def _entry(run: Run) -> Entry:
    return Entry(run.info.run_id, run.info.status, compared(run.data.tags))


def trusting(ledger: Ledger, page: Page, key: str, action: Callable[[], Outcome]) -> Outcome:
    """Act on what is remembered of a run, and where it proves wrong, on what the store says."""
    from mlflow.exceptions import MlflowException

    try:
        return action()
    except MlflowException as error:
        if error.error_code not in OUTDATED or not ledger.forget(page, key):
            raise
        return action()
