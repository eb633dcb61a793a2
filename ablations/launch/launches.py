"""What clusters were given to do.

A launch is a directory, HOME/launches/NAME, with what is to be done (`launch.json`,
`requests.json`, a copy of the user's study file) and the logs. Its jobs bear NAME. By that name
they are found again, so that nothing needs to be remembered between a submission and a crash, and
nobody else's jobs are ever touched.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ablations.files import read_json, write_json
from ablations.launch.code_copy import copy_study
from ablations.launch.requests import Request
from ablations.launch.scheduler import Work
from ablations.runs.home import Home
from ablations.study.limits import Limits

CONTENT, REQUESTS = "launch.json", "requests.json"
TROUBLE = "trouble.txt"  # why a worker ended before the work was done


@dataclass(frozen=True)
class Launch:
    """One submission: a directory of HOME/launches, whose name its jobs bear."""

    path: Path

    @property
    def name(self) -> str:
        """The name of its jobs."""
        return self.path.name

    @cached_property
    def content(self) -> dict[str, Any]:
        """`study` (as `load_study` takes it), its `name`, `provenance`, `code`, `submitted`."""
        found: dict[str, Any] = read_json(self.path / CONTENT)
        return found

    @property
    def study(self) -> str:
        """The study's name."""
        return str(self.content["name"])

    @property
    def limits(self) -> Limits:
        """Limits of each run."""
        return Limits(**self.content.get("limits", {}))

    @property
    def trouble(self) -> str | None:
        """Why workers ended before the work was done, if some did; each reason once."""
        path = self.path / TROUBLE
        lines = path.read_text().splitlines() if path.exists() else []
        return "; ".join(dict.fromkeys(line for line in lines if line)) or None

    @property
    def requests(self) -> list[Request]:
        """The runs that it is to do."""
        return [Request(**one) for one in read_json(self.path / REQUESTS)]

    @property
    def keys(self) -> set[str]:
        """The keys of these runs."""
        return {str(one["key"]) for one in read_json(self.path / REQUESTS)}


def launches_of(home: Home, study: str | None = None) -> list[Launch]:
    """Those of a study, or all, that were submitted from this home, the last one last."""
    found = [Launch(path.parent) for path in sorted(home.launches.glob(f"*/{CONTENT}"))]
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
    study = copy_study(work.study, launch.path)
    write_json(launch.path / REQUESTS, [asdict(one) for one in requests])
    content = {
        "name": name,
        "provenance": dict(work.provenance),
        "study": study,
        "limits": asdict(work.limits),
        "code": code and str(code),
        "submitted": time.time(),
    }
    write_json(launch.path / CONTENT, content)
    return launch


def launch_of(attempt: Mapping[str, Any]) -> str | None:
    """The name of the launch in which an attempt ran; None where it was no job of a cluster's.

    Arguments:
        attempt: see `RunDirectory.attempt`.
    """
    # HOME/launches/NAME/JOB_log.out there, HOME/launches/JOB_log.out with the local executor
    name = Path(attempt.get("log") or "").parent.name
    return name if name not in ("", "launches") else None
