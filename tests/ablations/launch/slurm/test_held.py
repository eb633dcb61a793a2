"""Jobs that a real SLURM holds, and two launches at once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ablations.files import write_json
from ablations.launch.scheduler import Options
from ablations.launch.slurm.scheduler import SlurmScheduler
from ablations.runs.directory import State
from ablations.runs.lease import STALE_SECONDS, Owner, latest_lease
from helpers.commands import TOY, command, run_ablate
from helpers.disks import age
from helpers.hold import hold, release
from helpers.processes import wait_for
from helpers.runs import check_complete, states
from helpers.slurm import SLOW, finish, submit, wait_for_two_at_work
from helpers.states import disown
from helpers.toy import TWO_SEEDS
from helpers.tracking import begin

pytestmark = pytest.mark.xdist_group("slurm")
QUICK = ("run", TOY, "--cluster", "slurm", "--seeds", "1", "--workers", "2")


def queue(home, study="toy"):
    return SlurmScheduler(home, Options()).queue(study)


def status(home):
    (study,) = json.loads(submit(home, "status", "--json"))
    return study


def test_what_a_broken_node_left_held_is_released_by_the_next_launch(home, cluster):
    with cluster.broken_nodes():
        submit(home, *QUICK)
        wait_for(lambda: [job.stuck for job in queue(home)] == [True, True])
        assert status(home)["workers"] == {"stuck": 2}
        said = submit(home, "status")
        assert "2 workers stuck: launch failed requeued held (it could not be started" in said
    again = submit(home, *QUICK)
    assert "released jobs" in again
    assert "2 workers in the queue, 0 more wanted" in again
    finish(home, 4)
    check_complete(home, 4)


def test_a_launch_goes_past_what_somebody_holds(home, cluster):
    blocker = cluster.run("sbatch", "--parsable", "--exclusive", "--nodes=3", "--wrap", "sleep 600")
    wait_for(lambda: "R" in cluster.run("squeue", "-h", "-o", "%t"))
    submit(home, *QUICK)
    held = {job.number for job in queue(home)}
    for number in held:
        cluster.run("scontrol", "uhold", number)
    cluster.run("scancel", blocker.strip())
    again = submit(home, *QUICK)
    assert "are held and do not count: JobHeldUser (you hold it;" in again
    assert "0 workers in the queue, 2 more wanted" in again
    finish(home, 4)
    assert {job.number for job in queue(home)} == held
    assert submit(home, "cancel", "toy") == "2 workers of toy cancelled\n"


def test_what_slurm_never_starts_is_replaced(home, cluster):
    asked = [*QUICK, "--resource", "time=3-00:00:00", "--resource"]
    submit(home, *asked, "partition=short")
    told = "PartitionTimeLimit (it asks for more time"
    wait_for(lambda: told in submit(home, "status"))  # nodes may just be coming back
    again = submit(home, *asked, "partition=main")
    assert "which SLURM would never start: PartitionTimeLimit" in again
    assert "0 workers in the queue, 2 more wanted" in again
    finish(home, 4)


def test_real_waiting_is_told_and_counts(home, cluster):
    blocker = cluster.run("sbatch", "--parsable", "--exclusive", "--nodes=3", "--wrap", "sleep 600")
    wait_for(lambda: "R" in cluster.run("squeue", "-h", "-o", "%t"))
    submit(home, *QUICK)
    wait_for(lambda: any(job.reason == "Resources" for job in queue(home)))
    assert "workers pending: Resources (what it asks for is not free yet)" in submit(home, "status")
    assert "2 workers in the queue, 0 more wanted" in submit(home, *QUICK)
    cluster.run("scancel", blocker.strip())
    finish(home, 4)


def test_a_suspended_worker_is_replaced_when_its_run_is_lost(home, cluster, monkeypatch):
    monkeypatch.setattr("ablations.runs.lease.STALE_SECONDS", 6.0)
    hold(home)
    submit(home, *SLOW, "--workers", "1")
    wait_for(lambda: states(home)[State.RUNNING] == 1)
    (run,), (job,) = home.runs(), queue(home, "slow")
    cluster.run("scontrol", "suspend", job.number)
    assert "1 workers in the queue, 0 more wanted" in submit(home, *SLOW, "--workers", "1")
    wait_for(lambda: run.inspect(home.observer()).state is State.LOST)
    again = submit(home, *SLOW, "--workers", "1")
    assert f"jobs {job.number} do not count: no sign comes from their runs" in again
    assert "0 workers in the queue, 1 more wanted" in again
    release(home)
    finish(home, 6)
    cluster.run("scontrol", "resume", job.number)
    wait_for(lambda: not queue(home, "slow"))
    check_complete(home, 6)
    assert latest_lease(run.path).attempt == 2


def test_two_launches_at_once_do_not_double_the_workers(home, cluster):
    hold(home)
    launches = [
        subprocess.Popen(command(home.root, *SLOW, "--workers", "2"), stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    said = "".join(launch.communicate()[0].decode() for launch in launches)
    assert said.count("0 workers in the queue, 2 more wanted") == 1
    assert said.count("2 workers in the queue, 0 more wanted") == 2
    assert len(queue(home, "slow")) == 2
    release(home)
    finish(home, 6)
    check_complete(home, 6)


@pytest.mark.parametrize("name", ["my toy", "a,b", "it's 50%", "étude+1"])
def test_a_study_file_may_have_any_name(home, cluster, tmp_path, name):
    study = tmp_path / f"{name}.py"
    study.write_text(Path(TOY).read_text())
    hold(home)
    submit(home, "run", str(study), "--cluster", "slurm", "--seeds", "1", "--workers", "2")
    wait_for_two_at_work(home, cluster)
    assert status(home)["workers"] == {"RUNNING": 2}
    assert submit(home, "cancel", str(study)) == f"2 workers of {name} cancelled\n"
    wait_for(lambda: states(home) == {State.WAITING: 2})


def test_status_says_where_a_run_is_at_work(home, cluster):
    hold(home)
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    (job, _) = sorted(queue(home, "slow"), key=lambda job: job.number)
    runs = {run["job"]: run for run in status(home)["runs"] if run["state"] == "running"}
    assert runs[job.number]["node"] == job.node
    assert runs[job.number]["detail"].endswith(f", {job.node}, job {job.number}")
    release(home)


def test_a_run_whose_job_is_gone_is_lost_at_once(home, cluster):
    """Its owner seems to be on another host, and was heard of a minute ago."""
    hold(home)
    submit(home, *QUICK)
    wait_for_two_at_work(home, cluster)
    (job, _) = queue(home)
    gone, there, *_ = TWO_SEEDS.plan.runs.keys() - {run.key for run in home.runs()}
    for key, number in ((gone, "99999"), (there, job.number)):
        begin(home, key)
        disown(home, key, Owner("elsewhere", 1, ""))
        age(home.run(key).path / "claim-1.json", STALE_SECONDS / 2)
        log = str(home.launches / job.launch / f"{number}_0_log.out")
        write_json(home.run(key).path / "attempt-1.json", {"job": number, "log": log})
    submit(home, *QUICK[:4], "--seeds", "2", "--workers", "4")
    told = {run["key"]: run["state"] for run in status(home)["runs"]}
    assert (told[gone], told[there]) == ("lost", "running")
    release(home)
    # a worker of the launch that knew takes it without waiting for the silence to become long
    wait_for(lambda: home.run(gone).result() is not None)
    assert run_ablate(home.root, "cancel", "toy").returncode == 0
