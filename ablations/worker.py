"""A worker: claims runs one after the other until none is left, and commits their results."""

from __future__ import annotations

import errno
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

from ablations.catalogue import load_study
from ablations.claim import Claim, Observer, take_claim
from ablations.experiment import Experiment
from ablations.files import write_json, writing
from ablations.home import Home, Inspection, RunDirectory, State
from ablations.plan import Plan
from ablations.provenance import DIFF, current_job
from ablations.run import Run, check_metrics

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE, errno.EIO)
MAX_LOST = 3  # a run whose worker dies so often in one launch is given up


@dataclass(frozen=True)
class Request:
    """A run that a launch wants done."""

    key: str
    config: dict[str, Any]  # plain values, see `Experiment.dump`
    attempts_before: int  # when the launch began
    lost_before: int = 0  # of these, those whose worker died

    def may_try(self, seen: Inspection) -> bool:
        """Whether another attempt is due: failed runs once a launch, lost ones a few times."""
        if seen.state is State.FAILED:
            return seen.attempt <= self.attempts_before
        if seen.state is State.LOST:
            return seen.lost < self.lost_before + MAX_LOST
        return seen.state is State.WAITING


def requests_of(plan: Plan, seen: Mapping[str, Inspection]) -> list[Request]:
    """Every run of the plan, the longest first: no worker is left alone with one at the end.

    Arguments:
        seen: where the runs stand, by key.
    """
    runs = plan.runs
    guesses = {key: plan.experiment.expected_seconds(run.config) for key, run in runs.items()}
    order = sorted(guesses, key=lambda key: 0 if isnan(guesses[key]) else -guesses[key])
    return [
        Request(key, plan.experiment.dump(runs[key].config), seen[key].attempt, seen[key].lost)
        for key in order
    ]


def work(
    root: str,
    study: str,
    requests: Sequence[Request],
    provenance: dict[str, Any],
    most: int | None = None,
) -> None:
    """Do every request that nobody else does; returns when none is left to claim.

    Arguments:
        root: the home directory.
        study: name or path; its experiment runs (see `load_study`).
        provenance: kept with every result, as tags.
        most: how many to do, or None for all.
    """
    done = 0
    home, observer = Home(Path(root)), Observer()
    experiment = load_study(study)[1].experiment
    for request in requests:
        directory = home.run(request.key)
        seen = directory.inspect(observer)
        if done == most:
            return
        if not request.may_try(seen):
            continue
        directory.path.mkdir(parents=True, exist_ok=True)
        claim = take_claim(directory.path, seen.attempt + 1)
        # another attempt may have ended well between the look and the claim
        if claim is not None and directory.result() is None:
            with claim.heartbeat():
                execute(experiment, request, directory, claim, home.cache, provenance)
            done += 1


def execute(
    experiment: Experiment,
    request: Request,
    directory: RunDirectory,
    claim: Claim,
    cache: Path,
    provenance: dict[str, Any],
) -> None:
    """Run one claimed request. A failure is recorded, not raised.

    Raises:
        OSError: nothing can be written.
        KeyboardInterrupt: it was told to stop.
    """
    path, attempt, start = directory.path, claim.attempt, time.time()
    write_json(
        path / "config.json",
        {"experiment": experiment.name, "schema": experiment.schema, "config": request.config},
    )
    tags = _record_attempt(path, claim, start, provenance)
    run = Run(path, cache, attempt)
    print(f"{path.name}: attempt {attempt} begins", flush=True)  # into the worker's log
    try:
        metrics = experiment.function(experiment.resolve(request.config), run)
        check_metrics(metrics)
        result = {
            "metrics": metrics,
            "tables": run.tables,
            "attempt": attempt,
            "started": start,
            "ended": time.time(),
            "provenance": tags,
        }
        write_json(path / "result.json", result, exclusive=True)
    except FileExistsError:
        pass  # another attempt committed first: equal settings, equal result
    except Exception as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:  # not the run's fault
            with suppress(OSError):
                (path / f"released-{attempt}").touch()
            raise
        failure = {
            "error": f"{type(error).__name__}: {error}",
            "traceback": traceback.format_exc(),
            "started": start,
            "ended": time.time(),
        }
        write_json(path / f"failure-{attempt}.json", failure)
    except BaseException:
        (path / f"released-{attempt}").touch()
        raise


def _record_attempt(
    path: Path, claim: Claim, start: float, provenance: dict[str, Any]
) -> dict[str, str]:
    """Keep where and with what code this attempt runs; returns what becomes tags of the run."""
    for half_written in path.glob(".*.tmp"):  # by an attempt that was killed
        if not half_written.name.startswith(".claim-"):  # others may be trying to get one just now
            half_written.unlink(missing_ok=True)
    around = {"host": claim.owner.host, **current_job()}
    write_json(path / f"attempt-{claim.attempt}.json", {"started": start, **around})
    diff = path / "code.diff"
    diff.unlink(missing_ok=True)  # of an earlier attempt
    if DIFF in provenance:
        with writing(diff) as temporary:
            temporary.write_text(provenance[DIFF])
    return {**{name: text for name, text in provenance.items() if name != DIFF}, **around}
