"""What clusters were given to do.

A launch is a directory, HOME/launches/NAME, with what is to be done (`launch.json`,
`requests.json`) and the logs. Its jobs bear NAME. By that name
they are found again, so that nothing needs to be remembered between a submission and a crash, and
nobody else's jobs are ever touched.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import NotRequired

from typing_extensions import TypedDict

from ablations.errors import UserError
from ablations.files import DamagedError, read_json, write_json
from ablations.launch.code_copy import keep_study
from ablations.launch.requests import Request
from ablations.launch.scheduler import Work
from ablations.runs import layout
from ablations.runs.home import Home
from ablations.runs.records import Begun, Moment
from ablations.study.catalogue import own_file
from ablations.study.limits import UNLIMITED, Limits

CONTENT, REQUESTS = "launch.json", "requests.json"
TROUBLE = "trouble.txt"  # why a worker ended before the work was done


class Named(TypedDict):
    """What tells whose launch it is: the study's name."""

    name: str


class Content(Named):
    """What is to be done: `study` as `load_study` takes it, of a user's file the copy of then.

    `file` is the user's own, of which `study` is a copy. `code` is put first on the path of Python.
    Launches of earlier versions tell neither.
    """

    study: str
    file: NotRequired[str | None]
    provenance: dict[str, str]
    limits: NotRequired[Limits]
    code: NotRequired[str | None]
    submitted: Moment


class Asked(TypedDict):
    """What every request tells, whichever version wrote it."""

    key: str


@dataclass(frozen=True)
class Launch:
    """One submission: a directory of HOME/launches, whose name its jobs bear."""

    path: Path

    @property
    def name(self) -> str:
        """The name of its jobs."""
        return self.path.name

    @property
    def record(self) -> Path:
        """The file that tells what is to be done, or what `ablate repair` left of it."""
        path = self.path / CONTENT
        return path if path.exists() else layout.damaged(path)

    @cached_property
    def content(self) -> Content:
        """What is to be done.

        Raises:
            DamagedError: the file tells something else.
            UserError: `ablate repair` set it aside.
        """
        path = self.path / CONTENT
        found = read_json(path, Content)
        if found is None:
            raise UserError(f"there is no {path} any more; submit the study anew")
        return found

    @cached_property
    def study(self) -> str:
        """The study's name; where nothing else tells it, as the name of the jobs has it."""
        with suppress(DamagedError):
            if named := read_json(self.path / CONTENT, Named):
                return named["name"]
        return self.name.rsplit("-", 3)[0]

    @property
    def limits(self) -> Limits:
        """Limits of each run."""
        return self.content.get("limits", UNLIMITED)

    @property
    def damage(self) -> DamagedError | None:
        """Why nobody can tell whose it is, or what it is to do; None where that is told."""
        try:
            read_json(self.path / CONTENT, Named)
            read_json(self.path / REQUESTS, list[Asked])
        except DamagedError as error:
            return error
        return None

    @property
    def trouble(self) -> str | None:
        """Why workers ended before the work was done, if some did; each reason once."""
        path = self.path / TROUBLE
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        return "; ".join(dict.fromkeys(line for line in lines if line)) or None

    @property
    def requests(self) -> list[Request]:
        """The runs that it is to do."""
        return read_json(self.path / REQUESTS, list[Request]) or []

    @property
    def keys(self) -> set[str]:
        """The keys of these runs."""
        return {one["key"] for one in read_json(self.path / REQUESTS, list[Asked]) or []}


def launches_of(home: Home, study: str | None = None) -> list[Launch]:
    """Those of a study, or all, that were submitted from this home, the last one last."""
    names = (CONTENT, layout.damaged(Path(CONTENT)))  # the jobs of a damaged one go on
    paths = sorted({path.parent for name in names for path in home.launches.glob(f"*/{name}")})
    found = [Launch(path) for path in paths]
    return [launch for launch in found if study in (None, launch.study)]


def make_launch(home: Home, work: Work, requests: Sequence[Request], code: Path | None) -> Launch:
    """The directory of a launch, with all that its workers read.

    Arguments:
        code: see `copy_code`.
    """
    name = work.expansion.plan.study
    # of jobs, scripts and lists of names: nothing that any of them would read as something else
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    launch = Launch(home.launches / f"{plain}-{stamp}-{uuid.uuid4().hex[:6]}")
    launch.path.mkdir(parents=True)
    file, study = own_file(work.study), keep_study(home, name, work.study)
    write_json(launch.path / REQUESTS, [asdict(one) for one in requests])
    content = {
        "name": name,
        "provenance": dict(work.provenance),
        "study": study,
        "file": file and str(file),
        "limits": asdict(work.limits),
        "code": code and str(code),
        "submitted": time.time(),
    }
    write_json(launch.path / CONTENT, content)
    return launch


def launch_of(attempt: Begun) -> str | None:
    """The name of the launch in which an attempt ran; None where it was no job of a cluster's.

    Arguments:
        attempt: see `RunDirectory.attempt`.
    """
    # HOME/launches/NAME/JOB_log.out there, HOME/launches/JOB_log.out with the local executor
    name = Path(attempt.get("log") or "").parent.name
    return name if name not in ("", "launches") else None
