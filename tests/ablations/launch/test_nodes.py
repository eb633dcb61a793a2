"""Several machines that do each run together: an agent on each, and the first that says what."""

from __future__ import annotations

import os
import signal
import stat
import traceback

import pytest

import ablations.launch.nodes
from ablations.launch.crew import Crew, Position
from ablations.launch.nodes import LostNodeError, Meeting, Nodes, serve
from ablations.runs.home import Home
from helpers.ends import do, ends_study, task
from helpers.processes import DEADLINE, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def two(tmp_path):
    """The first of two machines, and the process of the agent on the other."""
    home, study = Home(tmp_path / "home"), ends_study(tmp_path)
    path = tmp_path / "meeting.json"
    agent = os.fork()
    if agent == 0:
        code = 1
        try:
            serve(Crew(home, study, Position(1, 1, 2)), Meeting(path, "", 2))
            code = 0
        except LostNodeError:
            code = 75
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    nodes = Nodes(Crew(home, study, Position(0, 1, 2)), Meeting(path, "127.0.0.1", 2))
    assert not path.exists()  # it held a secret
    ended = []
    yield nodes, agent, ended
    if not ended:
        os.kill(agent, signal.SIGKILL)
        os.waitpid(agent, 0)
    nodes._here.kill()
    nodes.close()


def test_all_machines_do_each_run_and_end_together(two, tmp_path):
    nodes, agent, ended = two
    for folder in ("one", "other"):
        assert do(nodes, tmp_path / folder, "(run.directory / f'{rank}').touch()").well
        assert {path.name for path in (tmp_path / folder).iterdir()} == {"0", "1"}
    nodes.close()
    _, status = os.waitpid(agent, 0)
    ended.append(agent)
    assert os.waitstatus_to_exitcode(status) == 0


def test_torch_joins_the_processes_of_all_machines(two, tmp_path):
    nodes, *_ = two
    what = """
import torch
from snnet.distributed import connect
with connect() as process:
    found = process.everyone(process.rank)
    assert found == [0, 1], found
    (run.directory / f"{process.rank} of {process.world}").touch()
"""
    for folder in ("one", "other"):  # each time anew
        outcome = do(nodes, tmp_path / folder, what)
        assert outcome.well, outcome.failure
        assert len(list((tmp_path / folder).iterdir())) == 2


@pytest.mark.parametrize("failing", [0, 1])
def test_what_fails_or_dies_on_one_machine_is_the_outcome(two, tmp_path, monkeypatch, failing):
    monkeypatch.setattr(ablations.launch.nodes, "PATIENCE_SECONDS", 0.5)
    nodes, *_ = two
    outcome = do(nodes, tmp_path / "run", f"1 / (rank - {failing})\ntime.sleep(3600)")
    assert outcome.failure["error"] == "ZeroDivisionError: division by zero"
    assert not outcome.died
    what = f"os.kill(os.getpid(), 11) if rank == {failing} else time.sleep(3600)"
    outcome = do(nodes, tmp_path / "run", what)
    assert (outcome.died, outcome.failure["error"]) == (True, "its process was killed by SIGSEGV")
    assert do(nodes, tmp_path / "run", "pass").well


def test_a_stop_reaches_all_machines(two, tmp_path):
    nodes, *_ = two
    what = """
with run.deferring_stop():
    (run.directory / f"begun-{rank}").touch()
    while not run.stopping:
        time.sleep(0.01)
    (run.directory / f"stopped-{rank}").touch()
"""
    nodes.begin(task(tmp_path / "run", what))
    wait_for(lambda: len(list((tmp_path / "run").glob("begun-*"))) == 2)
    nodes.stop()
    assert nodes.outcome(DEADLINE).stopped
    assert len(list((tmp_path / "run").glob("stopped-*"))) == 2


def test_a_machine_that_is_gone_is_told(two, tmp_path):
    nodes, agent, ended = two
    nodes.begin(task(tmp_path / "run", "time.sleep(3600)"))
    os.kill(agent, signal.SIGKILL)
    os.waitpid(agent, 0)
    ended.append(agent)
    with pytest.raises(LostNodeError, match="a machine of this job is gone"):
        nodes.outcome(DEADLINE)


def test_an_agent_without_its_first_machine_ends(two):
    nodes, agent, ended = two
    for connection in nodes._agents:
        connection.close()
    _, status = os.waitpid(agent, 0)
    ended.append(agent)
    assert os.waitstatus_to_exitcode(status) == 75
    nodes._agents.clear()


def test_machines_that_do_not_come_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(ablations.launch.nodes, "FORM_SECONDS", 0.2)
    crew = Crew(Home(tmp_path), "", Position(0, 1, 3))
    with pytest.raises(LostNodeError, match="only 1 of 3 machines"):
        Nodes(crew, Meeting(tmp_path / "meeting.json", "127.0.0.1", 3))
    with pytest.raises(LostNodeError, match="did not come"):
        serve(crew, Meeting(tmp_path / "meeting.json", "", 3))


def test_only_the_owner_reads_where_they_meet(tmp_path, monkeypatch):
    seen = []

    def join(self, seconds):
        seen.append(stat.S_IMODE((tmp_path / "meeting.json").stat().st_mode))

    monkeypatch.setattr("threading.Thread.join", join)
    with pytest.raises(LostNodeError):
        Nodes(Crew(Home(tmp_path), ""), Meeting(tmp_path / "meeting.json", "127.0.0.1", 2))
    assert seen == [0o600]
