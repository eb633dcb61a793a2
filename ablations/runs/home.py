"""The directory that holds everything: runs (the source of truth), plans, cache, reports.

HOME/runs/KEY/     one run: config, leases, a folder of each attempt; one of them is the result
HOME/studies/      the plan of every study that was asked for
HOME/search/       journals of searches, which Optuna reads
HOME/cache/        what runs share, such as trained anchors
HOME/reports/      drawn pages
HOME/launches/     logs of workers; what was submitted to a cluster
HOME/code/         copies of the code, made at launches
HOME/sources/      users' study files and the modules beside them, as they were at launches
HOME/ledgers/      what tracking stores hold of our runs, remembered
HOME/mlflow.db     the default tracking store, HOME/artifacts its files
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ablations.errors import UserError, cut
from ablations.runs.directory import RunDirectory
from ablations.runs.lease import Observer
from ablations.uris import sqlite_uri

DEFAULT_HOME = Path("outputs")
HOME_VARIABLE = "ABLATE_HOME"  # of the environment: another home by default
OWN_STORE = "mlflow.db"
ARTIFACTS = "artifacts"
# bytes that a file system takes, less what is added at most: the time and a digest of a launch
LONGEST_NAME = 255 - 40
# what lies beside the reports of studies, for all of them
OF_ALL_STUDIES = re.compile(r"index\.html|(claims|scales)\.(csv|md|tex)|forest\.(pdf|png)")


def one_name(name: str) -> str:
    """`name`, of which files below the home are called.

    Raises:
        UserError: it would lead elsewhere, as one that somebody wrote into a file might, or no
            file can be called so.
    """
    if len(os.fsencode(name)) > LONGEST_NAME:
        raise UserError(
            f"the name {cut(name, LONGEST_NAME // 4)!r} is too long for files to be called by it: "
            f"use at most {LONGEST_NAME} bytes"
        )
    if OF_ALL_STUDIES.fullmatch(name):
        raise UserError(f"a report over all studies has a file {name}: call this study otherwise")
    if not name or name in (".", "..") or any(letter in name for letter in "/\\\0\n"):
        raise UserError(f"{name!r} cannot be the name of a study, a search or a run")
    return name


@dataclass(frozen=True)
class Home:
    """All paths, from the root down. Nothing is created before it is needed.

    Raises:
        UserError: the root's path is no text, which records and tracking stores could hold.
    """

    root: Path

    def __post_init__(self) -> None:
        with suppress(FileNotFoundError):  # the working directory is gone
            try:
                str(self._place).encode()
            except UnicodeEncodeError:
                raise UserError(
                    f"home {str(self.root)!r} cannot be used: its path, {str(self._place)!r}, is "
                    "not UTF-8, as what is kept of runs must be: choose another --home"
                ) from None

    @property
    def _place(self) -> Path:
        """The root without links; a loop of them stays as it is, and nothing is found there."""
        return Path(os.path.realpath(self.root))

    @property
    def studies(self) -> Path:
        """Plans of the studies that were asked for, see `ablations.study.plans`."""
        return self.root / "studies"

    @property
    def cache(self) -> Path:
        """What runs share."""
        return self.root / "cache"

    @property
    def launches(self) -> Path:
        """Logs of the workers, as submitit writes them, and what clusters were given to do."""
        return self.root / "launches"

    @property
    def code(self) -> Path:
        """Copies of the code, made at launches."""
        return self.root / "code"

    def sources(self, study: str) -> Path:
        """The user's files of a study: a folder for each state of them at a launch."""
        return self.root / "sources" / one_name(study)

    @property
    def ledgers(self) -> Path:
        """What tracking stores hold of the runs here, remembered."""
        return self.root / "ledgers"

    @property
    def store(self) -> Path:
        """The file of the default tracking store."""
        return self._place / OWN_STORE

    @property
    def tracking_uri(self) -> str:
        """The default tracking store."""
        return sqlite_uri(self.store)

    @property
    def artifacts(self) -> Path:
        """Where the default store keeps files."""
        return self._place / ARTIFACTS

    @property
    def reports(self) -> Path:
        """Where the page over all studies goes."""
        return self.root / "reports"

    def report(self, study: str) -> Path:
        """Where the report of `study` goes."""
        return self.reports / one_name(study)

    def plan(self, study: str) -> Path:
        """The file of a study's plan."""
        return self.studies / f"{one_name(study)}.json"

    def journal(self, search: str) -> Path:
        """What a search asked and was told; absolute, as Optuna's links to it want it."""
        return self._place / "search" / f"{one_name(search)}.journal"

    def check(self) -> None:
        """Refuse where nothing can be found.

        Raises:
            UserError: there is no such home.
        """
        if not self.root.is_dir():
            raise UserError(f"there is no {self.root}; run a study first, or name its --home")

    def prepare(self) -> None:
        """Make the directories in which workers only make others."""
        for path in (self.root / "runs", self.launches):
            path.mkdir(parents=True, exist_ok=True)

    def observer(self) -> Observer:
        """Someone who may write, and so knows immediately what has long been silent elsewhere."""
        return Observer(self.root)

    def run(self, key: str) -> RunDirectory:
        """The directory of a run, there or not yet."""
        return RunDirectory(self.root / "runs" / one_name(key))

    @property
    def own_runs(self) -> Path:
        """The folder of all runs, without links."""
        return Path(os.path.realpath(self.root / "runs"))

    def runs(self) -> Iterator[RunDirectory]:
        """Every run that was ever tried, by key; no copy that somebody put beside them."""
        for path in sorted((self.root / "runs").glob("*/")):
            if path.name.isalnum():
                yield RunDirectory(path)


def home_at(root: str | Path | None) -> Home:
    """The home in a folder; None: $ABLATE_HOME, or `outputs`."""
    return Home(Path(root or os.environ.get(HOME_VARIABLE) or DEFAULT_HOME))
