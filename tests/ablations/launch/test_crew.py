"""Processes that do runs: whatever a run does to its interpreter, the outcome tells."""

from __future__ import annotations

import os
import re
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

import ablations.launch.crew
from ablations.launch.crew import ALONE, CannotStartError, Crew, Position
from ablations.runs.home import Home
from ablations.study.catalogue import load_study
from helpers.ends import do, ends_study, task
from helpers.processes import DEADLINE, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def crew_of(tmp_path):
    """Makes crews that run a study whose runs do what their setting `do` says."""
    study = ends_study(tmp_path)
    made = []

    def make(position: Position = ALONE):
        made.append(Crew(Home(tmp_path / "home"), study, position))
        return made[-1]

    yield make
    for crew in made:
        crew.kill()
        crew.close()


ENDS = {
    "ctypes.string_at(0)": "killed by SIGSEGV",
    "os.kill(os.getpid(), signal.SIGKILL)": "killed by SIGKILL, as where memory is short",
    "os.kill(os.getpid(), 40)": "killed by signal 40",  # it has no name
    "os._exit(0)": "ended by itself, with exit code 0",
    "threading.Thread(target=lambda: os._exit(4)).start(); time.sleep(60)": "with exit code 4",
    "os.execv('/bin/true', ['true'])": "ended by itself, with exit code 0",
    "os.closerange(3, 100); time.sleep(3600)": "killed by SIGKILL",
}


def test_every_end_of_the_interpreter_is_an_outcome_and_the_next_run_is_done(crew_of, tmp_path):
    crew = crew_of()
    for what, reason in ENDS.items():
        outcome = do(crew, tmp_path / "run", what)
        assert outcome.died, what
        assert reason in outcome.failure["error"], what
        assert "log" in outcome.failure["traceback"]
    assert do(crew, tmp_path / "run", "pass").well


def test_what_only_raises_is_a_failure_and_the_process_goes_on(crew_of, tmp_path):
    crew = crew_of()
    (first,) = {do(crew, tmp_path / "run", "pass").metrics["pid"]}
    for what, error in {
        "raise ValueError('it diverged')": "ValueError: it diverged",
        "sys.exit(3)": "SystemExit: 3",
        "raise KeyboardInterrupt": "KeyboardInterrupt: ",
        "raise MemoryError('no more')": "MemoryError: no more",
        "def f(): f()\nf()": "RecursionError: ",
    }.items():
        outcome = do(crew, tmp_path / "run", what)
        assert not outcome.died, what
        assert outcome.failure["error"].startswith(error), outcome.failure["error"]
        assert "Traceback" in outcome.failure["traceback"]
    assert do(crew, tmp_path / "run", "pass").metrics["pid"] == first


@pytest.mark.parametrize("end", ["pass", "raise ValueError('of the child')", "sys.exit(3)"])
def test_what_a_run_forked_does_not_answer_for_the_next(crew_of, tmp_path, end):
    crew = crew_of()
    first = do(crew, tmp_path / "run", "pass").metrics["pid"]
    do(crew, tmp_path / "run", f"if os.fork() == 0:\n    time.sleep(0.3)\n    {end}")
    for _ in range(2):  # the child comes back meanwhile
        outcome = do(crew, tmp_path / "run", "time.sleep(0.5)")
        assert outcome.well
        assert outcome.metrics["pid"] == first


def test_a_run_that_spoils_its_process_or_folder_spoils_no_other(crew_of, tmp_path):
    crew = crew_of()
    first = do(crew, tmp_path / "run", "pass").metrics["pid"]
    assert do(crew, tmp_path / "run", "os.chdir('/')").well
    begins = f"print('said', flush=True); assert os.getcwd() == {os.getcwd()!r}, os.getcwd()"
    assert do(crew, tmp_path / "run", begins).metrics["pid"] == first
    for what in (
        "sys.stdout.close()",
        "sys.stderr.close()",
        "os.close(1)",
        "os.dup2(os.open('/dev/null', 1), 2)",
        "sys.stdout = None",
    ):
        assert do(crew, tmp_path / "run", what).well, what
        outcome = do(crew, tmp_path / "run", begins)
        assert outcome.well, (what, outcome)
        assert outcome.metrics["pid"] != first, what
    for what, says in {
        "": "the run removed its own folder ",
        "; run.log(1, 2, {})": "FileNotFoundError: ",
    }.items():
        remove = "import shutil; shutil.rmtree(run.directory)"
        outcome = do(crew, tmp_path / "run", remove + what)
        assert outcome.trouble is None
        assert outcome.failure["error"].startswith(says)
    assert do(crew, tmp_path / "run", "pass").well


def test_a_stop_reaches_the_run_and_repeating_it_does_no_harm(crew_of, tmp_path):
    crew = crew_of()
    what = """
with run.deferring_stop():
    (run.directory / "begun").touch()
    while not run.stopping:
        time.sleep(0.01)
    time.sleep(1)  # while the next ones come
    (run.directory / "checkpoint").touch()
"""
    crew.begin(task(tmp_path / "run", what))
    wait_for(lambda: (tmp_path / "run/begun").exists())
    crew.stop()
    while (outcome := crew.outcome(0.1)) is None:
        crew.stop()
    assert outcome.stopped
    assert (tmp_path / "run/checkpoint").exists()
    assert do(crew, tmp_path / "run", "pass").well


def test_a_run_that_hears_nothing_is_killed(crew_of, tmp_path):
    crew = crew_of()
    crew.begin(
        task(tmp_path / "run", "(run.directory / 'begun').touch(); os.kill(os.getpid(), 19)")
    )
    wait_for(lambda: (tmp_path / "run/begun").exists())
    crew.stop()
    assert crew.outcome(0.5) is None
    crew.kill()
    assert crew.outcome(DEADLINE).died


def test_several_do_each_run_together(crew_of, tmp_path):
    crew = crew_of(Position(0, 2, 2))
    assert do(crew, tmp_path / "run", "(run.directory / f'{rank}').touch()").well
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"0", "1"}


def test_what_fails_in_one_of_several_fails_the_run_and_ends_who_waits_for_it(
    crew_of, tmp_path, monkeypatch
):
    monkeypatch.setattr(ablations.launch.crew, "PATIENCE_SECONDS", 0.5)
    crew = crew_of(Position(0, 2, 2))
    outcome = do(crew, tmp_path / "run", "1 / (1 - rank)\ntime.sleep(3600)")
    assert outcome.failure["error"] == "ZeroDivisionError: division by zero"
    outcome = do(crew, tmp_path / "run", "os._exit(5) if rank else time.sleep(3600)")
    assert outcome.failure["error"].endswith("with exit code 5")
    assert do(crew, tmp_path / "run", "pass").well


def test_what_the_disk_says_is_no_failure_of_the_run(crew_of, tmp_path):
    crew = crew_of()
    full = "import errno\nraise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), 'a')"
    assert do(crew, tmp_path / "run", full).trouble.startswith(
        "cannot write a: No space left on device; "
    )
    assert do(crew, tmp_path / "run", "open('/nowhere')").failure["error"].startswith("FileNot")


def test_a_process_that_does_not_start_is_told_from_a_run_that_ends_it(tmp_path):
    study = tmp_path / "broken.py"
    study.write_text("import os\nos._exit(1)\n")
    with pytest.raises(CannotStartError):
        Crew(Home(tmp_path), str(study)).begin(task(tmp_path / "run", "pass"))


def test_nobody_outlives_the_worker(crew_of, tmp_path):
    child = os.fork()
    if child == 0:  # a worker that is killed
        crew = crew_of()
        crew.begin(
            task(
                tmp_path / "run",
                "(run.directory / 'pid').write_text(str(os.getpid()))\ntime.sleep(3600)",
            )
        )
        time.sleep(3600)
    pid = tmp_path / "run/pid"
    wait_for(lambda: pid.exists() and pid.read_text())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_for(lambda: not Path(f"/proc/{pid.read_text()}").exists())


def test_a_process_does_no_run_of_other_code(crew_of, tmp_path):
    crew = crew_of()
    crew.begin(replace(task(tmp_path / "run", "1 / 0"), code="of the launch"))
    said = crew.outcome(DEADLINE).trouble
    assert re.fullmatch(r"the code of .*ends.py has changed since the launch; the same .*", said)
    code = load_study(ends_study(tmp_path))[1].experiment.code
    crew.begin(replace(task(tmp_path / "run", "pass"), code=code))
    assert crew.outcome(DEADLINE).well
