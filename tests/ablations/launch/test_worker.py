"""A worker: an attempt that lost its run changes nothing, and a bad run costs no other."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import redirect_stdout
from dataclasses import replace
from threading import Timer

import numpy as np
import pandas as pd
import pytest

import ablations.launch.worker
from ablations.errors import UserError
from ablations.launch.crew import CannotStartError
from ablations.launch.requests import MAX_LOST, Request
from ablations.launch.task import Outcome, changed, ended
from ablations.launch.worker import Worker, work
from ablations.runs import lease
from ablations.runs.attempt import Stopped
from ablations.runs.directory import Inspection, RunDirectory, State
from ablations.runs.home import Home
from ablations.runs.lease import Observer, Owner, latest_lease
from ablations.study.limits import Limits
from helpers.commands import TOY
from helpers.doers import Here
from helpers.states import disown
from helpers.toy import STUDY, TWO_SEEDS
from helpers.tracking import begin, do, tracked

KEY = next(iter(TWO_SEEDS.plan.runs))
WRITES = ("os.rename", "os.link", "os.mkdir", "os.remove", "os.utime", "os.rmdir")


def request(key: str = KEY, **changes) -> Request:
    return Request(key, STUDY.experiment.dump(TWO_SEEDS.configs[key]) | changes, 0)


def worker(home: Home, doers=None, **options) -> Worker:
    experiment = STUDY.experiment
    return Worker(home, experiment, {}, doers or Here(home, experiment), **options)


def lead(made: Worker, *requests: Request) -> int:
    made.home.prepare()
    with redirect_stdout(io.StringIO()):
        return made.lead(requests)


# an attempt that lost its run


def stopping_worker(home: Home, number: int) -> int:
    """A worker in a process of its own that stops itself before its write of this number."""
    home.prepare()
    child = os.fork()
    if child:
        return child
    left = number

    def watch(event, arguments):
        nonlocal left
        writes = event in WRITES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if writes and str(arguments[0]).startswith(str(home.root / "runs")):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGSTOP)

    sys.addaudithook(watch)
    code = 1
    try:
        lead(worker(home), request())
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def content(directory: RunDirectory) -> dict[str, str]:
    """All that counts of a run: the result, and who has it."""
    paths = [*directory.files.rglob("*"), *directory.path.glob("claim-2*")]
    return {
        str(path.relative_to(directory.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file()
    }


def take_over(home: Home, directory: RunDirectory) -> bool:
    """As a worker of another host does that saw no sign of life; whether there was any need."""
    lease = latest_lease(directory.path)
    seen = Inspection(State.LOST, lease, 1) if lease else Inspection(State.WAITING)
    taken = directory.take(seen)
    if taken is None:
        return False
    with taken.heartbeat(), redirect_stdout(io.StringIO()):
        worker(home).execute(request(), taken)
    return True


@pytest.mark.skipif(not hasattr(os, "WUNTRACED"), reason="needs SIGSTOP")
def test_a_worker_that_is_stopped_at_any_write_and_wakes_changes_nothing(tmp_path):
    """Whatever it was about to write: its run was taken over and done meanwhile."""
    number, superseded = 0, 0
    while True:
        number += 1
        home = Home(tmp_path / str(number))
        child = stopping_worker(home, number)
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):  # it has no write of this number
            break
        directory = home.run(KEY)
        superseded += take_over(home, directory)
        before = content(directory)
        assert directory.inspect(Observer()).state is State.DONE
        os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, number
        after = content(directory)
        assert after == before, number
        assert directory.damaged_files() == []
        assert directory.inspect(Observer()).state is State.DONE
        assert len(list(directory.path.glob("result"))) == 1
        assert not list(directory.path.glob("files-*")), number
    assert number > 20
    assert superseded > 15


def test_a_worker_that_wakes_before_the_other_has_ended_stops_and_leaves_it_the_run(tmp_path):
    number = 0
    while True:
        number += 1
        home = Home(tmp_path / str(number))
        child = stopping_worker(home, number)
        _, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        directory, lease = home.run(KEY), latest_lease(home.run(KEY).path)
        taken = directory.take(Inspection(State.LOST, lease, 1)) if lease else None
        os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, number
        if taken:
            assert directory.inspect(Observer()).state is State.RUNNING, number
            with taken.heartbeat(), redirect_stdout(io.StringIO()):
                worker(home).execute(request(), taken)
            assert directory.result()["attempt"] == taken.attempt, number
        assert directory.damaged_files() == []
        assert directory.inspect(Observer()).state is State.DONE
    assert number > 20


def test_the_next_attempt_gets_what_the_last_one_left(tmp_path):
    """A copy where its owner may yet wake: what it has open it may go on writing."""
    home = Home(tmp_path)
    home.prepare()
    directory = home.run(KEY)
    first = directory.take(Inspection(State.WAITING))
    folder = directory.begin(first)
    (folder / "checkpoint").write_text("one")
    (folder / ".half.tmp").write_text("nothing")
    with open(folder / "checkpoint", "a") as still_open:
        second = directory.take(Inspection(State.LOST, first, 1))
        folder = directory.begin(second)
        still_open.write(" and a half")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"checkpoint": "one"}
    directory.release(2)
    third = directory.take(Inspection(State.WAITING, second))
    assert (directory.begin(third) / "checkpoint").read_text() == "one"
    assert not (directory.path / "ended-2").exists()


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        (None, "metrics by name, such as {'accuracy': 0.9}; it returned None"),
        (0.9, "metrics by name, such as {'accuracy': 0.9}; it returned 0.9"),
        (
            {"accuracy": np.ones(2)},
            "numbers by name, such as {'accuracy': 0.9}; it returned array([1., 1.]) as accuracy",
        ),
    ],
)
def test_what_was_trained_is_kept_where_the_function_returns_no_metrics(home, returned, error):
    def train(config, run):
        if (run.directory / "checkpoint").exists():
            return {"accuracy": np.float32(0.5), "found": np.True_}
        run.save_table("rows", pd.DataFrame({"a": [1]}))
        (run.directory / "checkpoint").write_text("trained for days")
        return returned

    experiment = replace(STUDY.experiment, name="forest", function=train)
    home.prepare()
    home.run(KEY).path.mkdir()
    for attempt in (1, 2):
        with redirect_stdout(io.StringIO()):
            made = Worker(home, experiment, {}, Here(home, experiment))
            made.execute(request(), home.run(KEY).take(home.run(KEY).inspect(Observer())))
        if attempt == 1:
            said = home.run(KEY).failure(1)["error"]
            assert said == f"the function of experiment forest should return {error}"
            assert (home.run(KEY).files / "rows.parquet").exists()
    assert home.run(KEY).result()["metrics"] == {"accuracy": 0.5, "found": 1}
    assert (home.run(KEY).files / "checkpoint").read_text() == "trained for days"


def test_one_that_died_before_it_began_keeps_nothing_from_the_next(tmp_path):
    home = Home(tmp_path)
    home.prepare()
    directory = home.run(KEY)
    first = directory.take(Inspection(State.WAITING))
    (directory.begin(first) / "checkpoint").write_text("one")
    second = directory.take(Inspection(State.LOST, first, 1))  # makes no folder
    third = directory.take(Inspection(State.LOST, second, 2))
    assert (directory.begin(third) / "checkpoint").read_text() == "one"


def test_a_mix_is_told_by_digest_and_never_tracked(tmp_path):
    home = Home(tmp_path)
    do(home, KEY)
    table = home.run(KEY).table("stitch")
    table.write_bytes(table.read_bytes()[::-1])
    assert home.run(KEY).damaged_files() == [table]
    from ablations.tracking.collector import Collector, RefusedError

    with pytest.raises(RefusedError, match="is not the table that was committed with the result"):
        Collector(home, home.tracking_uri).sync()
    assert tracked(home)[KEY].info.status != "FINISHED"


# runs that are bad in some way


class Scripted(Here):
    """What becomes of each task is said before."""

    def __init__(self, home: Home, *outcomes: Outcome | BaseException) -> None:
        super().__init__(home, STUDY.experiment)
        self.script = list(outcomes)
        self.done: list[str] = []

    def begin(self, task) -> None:
        self.done.append(task.key)
        if self.script:
            self._outcome = self.script.pop(0)
            if isinstance(self._outcome, BaseException):
                raise self._outcome
        else:
            super().begin(task)


def test_a_run_that_ends_its_process_is_tried_again_and_given_up(tmp_path):
    home, keys = Home(tmp_path), list(TWO_SEEDS.plan.runs)[:3]
    crash = ended("its process was killed by SIGSEGV")
    doers = Scripted(home, crash, *[Outcome({}, ())] * 2, *[crash] * 10)
    assert lead(worker(home, doers), *map(request, keys)) == 1
    assert doers.done == [*keys, *[keys[0]] * (MAX_LOST - 1)]
    seen = home.run(keys[0]).inspect(Observer())
    assert (seen.state, seen.lost, seen.attempt) == (State.FAILED, MAX_LOST, MAX_LOST)
    assert home.run(keys[0]).failure(1)["error"] == "its process was killed by SIGSEGV"
    assert not request(keys[0]).may_try(seen)
    again = Request(keys[0], request(keys[0]).config, seen.attempt, seen.lost)
    assert again.may_try(seen)  # the next launch tries as often


def test_one_crash_costs_one_attempt(tmp_path):
    home = Home(tmp_path)
    assert lead(worker(home, Scripted(home, ended("killed"))), request()) == 0
    assert home.run(KEY).result()["attempt"] == 2


def test_a_run_whose_owner_dies_while_others_are_done_is_done_too(tmp_path):
    home, (theirs, mine) = Home(tmp_path), list(TWO_SEEDS.plan.runs)[:2]
    owner = subprocess.Popen(["sleep", "600"])
    begin(home, theirs)
    birth = lease._birth(owner.pid)
    disown(home, theirs, replace(Owner.current(), pid=owner.pid, birth=birth))

    class Outlived(Here):
        def begin(self, task):
            owner.kill(), owner.wait()
            super().begin(task)

    try:
        seen = home.run(theirs).inspect(Observer())
        assert (seen.state, seen.attempt) == (State.RUNNING, 1)
        made = worker(home, Outlived(home, STUDY.experiment))
        assert lead(made, request(theirs), request(mine)) == 0
    finally:
        owner.kill(), owner.wait()
    assert [home.run(key).result()["attempt"] for key in (theirs, mine)] == [2, 1]


def test_what_only_failed_is_not_tried_again(tmp_path):
    home = Home(tmp_path)
    failure = {"error": "ValueError: no", "traceback": "", "ended": 1.0}
    doers = Scripted(home, Outcome(failure=failure))
    assert lead(worker(home, doers), request()) == 1
    assert doers.done == [KEY]


def test_a_signal_before_any_run_takes_none(tmp_path):
    home = Home(tmp_path)
    made = worker(home)
    made.stop.signal = signal.SIGTERM
    with pytest.raises(Stopped):
        lead(made, request())
    assert home.run(KEY).inspect(Observer()).attempt == 0


def test_a_process_that_does_not_start_is_no_failure_of_the_run(tmp_path):
    home = Home(tmp_path)
    with pytest.raises(CannotStartError):
        lead(worker(home, Scripted(home, CannotStartError("no"))), request())
    assert home.run(KEY).inspect(Observer()).state is State.WAITING


class Endless(Here):
    """A run that goes on until it is stopped, or killed."""

    heeds = True

    def begin(self, task) -> None:
        self.folder, self._outcome = task.folder, None

    def outcome(self, seconds):
        time.sleep(0.02)
        if self.kills:
            return ended("its process was killed by SIGKILL")
        return Outcome(stopped=True) if self.stops and self.heeds else None


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(ablations.launch.worker, "GRACE_SECONDS", 0.1)


@pytest.mark.parametrize("heeds", [True, False])
@pytest.mark.parametrize("limits", [Limits(time=0.2), Limits(silence=0.2)])
def test_a_limit_that_is_passed_is_a_failure_with_the_reason(tmp_path, quick, limits, heeds):
    home = Home(tmp_path)
    doers = Endless(home, STUDY.experiment)
    doers.heeds = heeds
    assert lead(worker(home, doers, limits=limits), request()) == 1
    assert bool(doers.kills) is not heeds
    error = home.run(KEY).failure(1)["error"]
    expected = "its time limit of 0 s" if limits.time else "no progress for longer than its limit"
    assert expected in error
    assert not request().may_try(home.run(KEY).inspect(Observer()))


def test_progress_breaks_the_silence(tmp_path):
    home = Home(tmp_path)

    class Talking(Endless):
        spoken = 0

        def outcome(self, seconds):
            self.spoken += 1
            with open(self.folder / "progress-1.jsonl", "a") as file:
                file.write("{}\n")
            time.sleep(0.05)
            return Outcome({}, ()) if self.spoken == 20 else None

    made = worker(home, Talking(home, STUDY.experiment), limits=Limits(silence=0.5))
    assert lead(made, request()) == 0


def test_the_time_of_all_attempts_counts_until_one_fails(tmp_path, quick):
    """Else a run that hangs and is released at SLURM's own limit would go on for ever."""
    home = Home(tmp_path)
    home.prepare()
    directory = home.run(KEY)
    lease = directory.take(Inspection(State.WAITING))
    lease.heartbeat_file.touch()
    later = lease.file.stat().st_mtime + 100
    os.utime(lease.heartbeat_file, (later, later))
    directory.release(1)
    doers = Endless(home, STUDY.experiment)
    assert lead(worker(home, doers, limits=Limits(time=99)), request()) == 1
    assert "longer than its time limit of 1 min 39 s" in directory.failure(2)["error"]
    assert directory.unfailed(2) == []


def test_a_cancelled_run_is_stopped_and_the_next_is_done(tmp_path, quick):
    home, (first, second) = Home(tmp_path), list(TWO_SEEDS.plan.runs)[:2]

    class Cancelled(Endless):
        def begin(self, task):
            if task.key == second:
                self.stops = 0
                Here.begin(self, task)
            else:
                super().begin(task)
                assert home.run(first).cancel(Observer())

        def outcome(self, seconds):
            return self._outcome or super().outcome(seconds)

    assert (
        lead(worker(home, Cancelled(home, STUDY.experiment)), request(first), request(second)) == 0
    )
    assert home.run(first).inspect(Observer()).state is State.CANCELLED
    assert home.run(second).inspect(Observer()).state is State.DONE


def test_a_signal_gives_the_run_back(tmp_path):
    home = Home(tmp_path)

    class Signalled(Endless):
        def begin(self, task):
            super().begin(task)
            made.stop.signal = signal.SIGUSR2

    made = worker(home, Signalled(home, STUDY.experiment))
    with pytest.raises(Stopped) as stopped:
        lead(made, request())
    assert stopped.value.signal == signal.SIGUSR2
    assert home.run(KEY).inspect(Observer()).state is State.WAITING


def test_nothing_else_begins_where_the_signal_first_meets_the_process_of_a_run(tmp_path):
    home, (first, second) = Home(tmp_path), list(TWO_SEEDS.plan.runs)[:2]

    class MetFirst(Endless):
        def outcome(self, seconds):
            Timer(0.3, setattr, (made.stop, "signal", signal.SIGTERM)).start()
            return Outcome(stopped=True)

    made = worker(home, MetFirst(home, STUDY.experiment))
    with pytest.raises(Stopped):
        lead(made, request(first), request(second))
    states = [home.run(key).inspect(Observer()) for key in (first, second)]
    assert [one.state for one in states] == [State.WAITING, State.WAITING]
    assert [one.attempt for one in states] == [1, 0]


def test_whoever_sees_that_it_lost_kills_what_it_does(tmp_path):
    home = Home(tmp_path)

    class TakenOver(Endless):
        def begin(self, task):
            super().begin(task)
            home.run(KEY).fence(1)

    doers = TakenOver(home, STUDY.experiment)
    lead(worker(home, doers), request())
    assert doers.kills
    assert not home.run(KEY).is_done
    assert home.run(KEY).failure(1) is None


# code that is not that of the launch


def test_edited_code_does_no_run_of_the_code_before(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    asked = replace(request(), code="that of the launch")
    with pytest.raises(UserError, match=r"the code of .*toy.py has changed since the launch; the"):
        work(str(home.root), TOY, [asked], {}, doers=Here(home, STUDY.experiment))
    assert not list(home.runs())
    asked = replace(request(), code=STUDY.experiment.code)
    with redirect_stdout(io.StringIO()):
        assert work(str(home.root), TOY, [asked], {}, doers=Here(home, STUDY.experiment)) == 0
    assert home.run(KEY).config()["code"] == STUDY.experiment.code
    assert home.run(KEY).result()["provenance"]["code"] == STUDY.experiment.code


class Edited(Here):
    """Processes that find other code than the worker did."""

    def begin(self, task):
        self._outcome = Outcome(trouble=changed(task.code))


def test_a_process_that_finds_edited_code_blames_no_run(tmp_path):
    home = Home(tmp_path / "home")
    made = Worker(home, STUDY.experiment, {}, Edited(home, STUDY.experiment))
    with pytest.raises(UserError, match="the code of c has changed since the launch"):
        lead(made, replace(request(), code="c"))
    assert made.home.run(KEY).inspect(Observer()).state is State.WAITING
