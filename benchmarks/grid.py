"""The machinery at 10,000 runs: tracking with the ledger against without, and what a run costs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from ablations.launch.launcher import take_snapshot
from ablations.launch.requests import requests_of
from ablations.launch.worker import work
from ablations.runs.home import Home
from ablations.runs.lease import Observer
from ablations.study.catalogue import load_study
from ablations.study.expansion import Expansion, expand
from ablations.study.plans import save_plan
from ablations.terminal.status import study_status
from ablations.tracking.collector import Collector
from benchmarks.measure import Result, Say, side_by_side, timed

STUDY = str(Path(__file__).with_name("parabola.py"))
TARGET = 4.0


def run(quick: bool, say: Say) -> Iterator[Result]:
    """Both ways find nothing to deliver; the other seconds stand beside them."""
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        name, study = load_study(STUDY)
        seconds = {}
        seconds["plan"], expansion = timed(lambda: expand(name, study, seeds=1 if quick else 100))
        home.prepare()
        plan = expansion.plan
        save_plan(home, plan)
        count = len(plan.runs)
        say(f"{count} runs")
        seconds["a packed run, beside itself"] = _overhead(home, expansion)
        seconds["status"], _ = timed(lambda: study_status(home, plan, Observer()))
        say(f"{count} runs: first delivery")
        collector = Collector(home, home.tracking_uri)
        seconds["first delivery"], delivered = timed(collector.sync)
        assert delivered == count
        say(f"{count} runs: nothing new")
        plain, ours, one, other = side_by_side(
            lambda: collector.sync(everything=True), collector.sync, 3 if quick else 7
        )
        yield Result(
            "grid",
            f"nothing new in {count} runs",
            plain,
            ours,
            difference=one + other,
            tolerance=0.0,
            target=None if quick else TARGET,
            seconds=seconds,
        )


def _overhead(home: Home, expansion: Expansion) -> float:
    """Seconds that a worker in this process spends on a run beside the run itself."""
    seen = take_snapshot(home, list(expansion.configs), Observer()).runs
    requests = requests_of(expansion, seen)
    with redirect_stdout(io.StringIO()):  # the worker's log
        whole, _ = timed(lambda: work(str(home.root), STUDY, requests, {}))
    results = [home.run(request.key).result() for request in requests]
    own = sum(result["metrics"]["own_seconds"] for result in results if result)
    return (whole - own) / len(requests)
