"""Launching on a real SLURM, whose controller and nodes run on this machine."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from ablations.launch.code_copy import code_path
from ablations.launch.following import follow_runs
from ablations.launch.scheduler import Options
from ablations.launch.slurm.scheduler import SlurmScheduler
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.runs.lease import latest_lease
from ablations.study.plans import plan_of
from helpers.commands import TINY, TOY, run_ablate
from helpers.hold import hold, release
from helpers.processes import DEADLINE, wait_for
from helpers.runs import check_complete, states, tracked_keys
from helpers.slurm import SLOW, check_same_bits, finish, submit, wait_for_two_at_work

BUSY = "sleep 3600"  # until it is cancelled
pytestmark = pytest.mark.xdist_group("slurm")


def test_a_study_gives_the_same_bits_on_slurm_as_here(home, tmp_path):
    local = Home(tmp_path / "local")
    assert run_ablate(local.root, "run", TINY).returncode == 0
    submit(home, "run", TINY, "--cluster", "slurm", "--workers", "2")
    finish(home, len(list(local.runs())))
    check_same_bits(home, local)


def test_runs_that_ask_for_more_get_workers_of_their_own(home, cluster, tmp_path):
    hold(home)
    (tmp_path / "cluster.toml").write_text('[level.rate."0.2"]\ncpus = 3\nmem = "300M"\n')
    said = submit(home, *SLOW, "--workers", "2")
    assert "submitted 2 workers for 4 runs (resources by default)" in said
    assert "submitted 2 workers for 2 runs (cpus 3, mem 300M)" in said
    assert "0 more wanted" in submit(home, *SLOW, "--workers", "2")
    release(home)
    finish(home, 6)
    check_complete(home, 6)
    asked = {cell.key: cell.levels["rate"] for cell in plan_of(home, "slow").cells}
    for run in home.runs():
        assert run.attempt(1)["cpus"] == (3 if asked[run.key] == "0.2" else 1)


def test_one_run_is_cancelled_and_its_worker_takes_the_next(home, cluster):
    hold(home)
    submit(home, *SLOW, "--workers", "1")
    wait_for(lambda: states(home)[State.RUNNING] == 1)
    (running,) = home.runs()
    planned = set(plan_of(home, "slow").runs)
    waiting = (planned - {running.key}).pop()
    for key in (running.key, waiting):
        assert run_ablate(home.root, "cancel", key).stdout == f"run {key} cancelled\n"
    wait_for(lambda: states(home)[State.CANCELLED] == 2)
    release(home)
    wait_for(lambda: states(home) == {State.DONE: 4, State.CANCELLED: 2})
    assert latest_lease(running.path).attempt == 1
    assert "there is nothing to cancel" in run_ablate(home.root, "cancel", waiting).stdout
    wait_for(lambda: not SlurmScheduler(home, Options()).queue("slow"))
    submit(home, *SLOW)
    finish(home, 6)
    check_complete(home, 6)


def test_workers_are_submitted_once(home, cluster):
    hold(home)
    submit(home, *SLOW, "--workers", "2")
    again = submit(home, *SLOW, "--workers", "2")
    assert "2 workers in the queue, 0 more wanted" in again
    release(home)
    finish(home, 6)
    check_complete(home, 6)
    assert "0 due" in submit(home, *SLOW)


def test_runs_that_are_not_asked_for_any_more_are_told(home, cluster, tmp_path):
    hold(home)
    study, text = tmp_path / "mine.py", Path(TOY).read_text()
    study.write_text(text)
    one = ("run", str(study), "--cluster", "slurm", "--seeds", "1", "--workers", "1")
    submit(home, *one)
    wait_for(lambda: states(home)[State.RUNNING] == 1)
    study.write_text(text.replace('baseline={"rate"', 'baseline={"pause": 0.001, "rate"'))
    other = " ".join(submit(home, *one).split())
    assert "workers in the queue also do 4 runs that mine asked for earlier" in other
    release(home)
    finish(home, 8)  # neither question is dropped
    check_complete(home, 8)


def test_what_one_sees_meanwhile_and_afterwards(home, cluster):
    hold(home)
    submit(home, *SLOW, "--workers", "2", "--pack", "3", "--sync", "after")
    wait_for_two_at_work(home, cluster)
    (study,) = json.loads(run_ablate(home.root, "status", "--json").stdout)
    assert study["workers"] == {"RUNNING": 2}
    assert study["states"]["running"] == 2
    # the job that waits for the workers is of their launch, and none of them
    queued = SlurmScheduler(home, Options()).queue("slow")
    assert sorted(job.works for job in queued) == [False, True, True]
    assert {job.launch for job in queued} == {path.name for path in home.launches.iterdir()}
    running = next(run for run in study["runs"] if run["state"] == "running")
    release(home)
    followed = run_ablate(home.root, "logs", running["key"][:8], "--follow")
    assert f"{running['key']}: attempt 1 begins" in followed.stdout
    wait_for(lambda: states(home)[State.DONE] == 6)
    # the last job tracks by itself
    wait_for(lambda: Path(home.root / "mlflow.db").exists() and len(tracked_keys(home)) == 6)
    wait_for(lambda: not SlurmScheduler(home, Options()).queue("slow"))
    check_complete(home, 6)
    jobs = {run.attempt(1)["job"] for run in home.runs()}
    assert len(jobs) == 2  # three runs each
    assert "no attempt 2" in run_ablate(home.root, "logs", running["key"], "--attempt", "2").stderr


def test_edits_do_not_reach_what_waits(home, cluster, tmp_path):
    study = tmp_path / "mine.py"
    beside = tmp_path / "lying_beside.py"
    beside.write_text("import ablations\n")
    tell = "from lying_beside import ablations\n    "
    tell += '(run.directory / "where").write_text(ablations.__file__)\n    '
    study.write_text(Path(TOY).read_text().replace("x, speed, trace", f"{tell}x, speed, trace", 1))
    blocker = cluster.run(
        "sbatch", "--parsable", "--exclusive", "--nodes=3", "--wrap", "sleep 3600"
    )
    wait_for(lambda: "R" in cluster.run("squeue", "-h", "-o", "%t"))
    submit(home, "run", str(study), "--cluster", "slurm", "--seeds", "1")
    for path in (study, beside):
        path.write_text("raise RuntimeError")
    cluster.run("scancel", blocker.strip())
    finish(home, 4)
    code = {(run.files / "where").read_text() for run in home.runs()}
    (snapshot,) = (home.root / "code").iterdir()
    assert code == {str(snapshot / "ablations/__init__.py")}


def test_cancelling_leaves_other_jobs_alone(home, cluster):
    other = cluster.run("sbatch", "--parsable", "--wrap", BUSY).strip()
    hold(home)
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    cancelled = run_ablate(home.root, "cancel", "slow")
    assert cancelled.stdout == "2 workers of slow cancelled\n"
    wait_for(lambda: states(home)[State.RUNNING] == 0)
    assert states(home) == {State.WAITING: 2}  # they left in good order
    wait_for(lambda: cluster.run("squeue", "-h", "-o", "%i").split() == [other])
    cluster.run("scancel", other)
    release(home)
    submit(home, *SLOW)
    finish(home, 6)
    check_complete(home, 6)


def test_tracking_waits_for_workers_in_the_queue(home, cluster, monkeypatch):
    monkeypatch.setattr("ablations.launch.following.PATIENCE_SECONDS", 2.0)
    blocker = cluster.run(
        "sbatch", "--parsable", "--exclusive", "--nodes=3", "--wrap", "sleep 3600"
    )
    wait_for(lambda: "R" in cluster.run("squeue", "-h", "-o", "%t"))
    submit(home, *SLOW)
    found = []
    following = threading.Thread(
        target=lambda: found.append(follow_runs(home, home.tracking_uri, False, print, print))
    )
    following.start()
    following.join(8)
    assert following.is_alive()
    run_ablate(home.root, "cancel", "slow")
    following.join(DEADLINE)
    assert found == [(0, 6)]  # free, and no worker is left
    cluster.run("scancel", blocker.strip())


def test_clearing_up_leaves_the_queue_alone(home, cluster):
    hold(home)
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    for path in (*home.launches.glob("*/launch.json"), *(home.root / "code").iterdir()):
        os.utime(path, (0, 0))  # as if of long ago
    assert submit(home, "gc", "--runs", "--yes") == f"nothing to free in {home.root}\n"
    assert submit(home, "repair", "--yes") == f"nothing to mend in {home.root}\n"
    release(home)
    finish(home, 6)
    wait_for(lambda: not SlurmScheduler(home, Options()).queue("slow"))
    freed = submit(home, "gc", "--yes")
    assert "code copies that no launch uses" in freed
    assert "launches that have ended" in freed
    assert not list(home.launches.glob("*/launch.json"))


def test_a_dry_run_prints_the_script_and_touches_nothing(home, tmp_path):
    (tmp_path / "cluster.toml").write_text(
        'default = {partition = "main", time = "1-12:30:00", setup = ["module load cuda"]}\n'
        'scale.small = {mem = "2G", environment = {GREETING = "two words"}}\n'
    )
    script = submit(home, *SLOW, "--workers", "4", "--dry-run", "--resource", "cpus=2")
    for line in (
        "#SBATCH --partition=main",
        "#SBATCH --time=2190",
        "#SBATCH --mem=2G",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --array=0-3%4",
        "module load cuda",
        "export GREETING='two words'",
        f"export PYTHONPATH={code_path(home)}${{PYTHONPATH:+:$PYTHONPATH}}",
    ):
        assert line in script.splitlines(), script
    assert "--dependency" not in script
    assert not home.root.exists()


def test_a_dry_run_prints_every_script_and_the_job_that_tracks(home, tmp_path):
    (tmp_path / "cluster.toml").write_text('[level.rate."0.2"]\nnodes = 2\n')
    whole = submit(home, *SLOW, "--workers", "2", "--dry-run", "--sync", "after")
    scripts = whole.split("#!/bin/bash\n")[1:]
    assert len(scripts) == 3
    for text, nodes in zip(scripts, (1, 2, 1), strict=True):
        assert f"#SBATCH --nodes={nodes}\n" in text
        assert f"export PYTHONPATH={code_path(home)}$" in text
    assert "#SBATCH --dependency=afterany:ARRAY1:ARRAY2\n" in scripts[-1]
    assert "-sync\n" in scripts[-1]
    assert not home.root.exists()


def test_the_status_tells_where_the_site_queues_no_job_again(home, cluster):
    hold(home)
    forbid = 'setup=scontrol update JobId="$SLURM_JOB_ID" Requeue=0'
    submit(home, *SLOW, "--workers", "1", "--resource", forbid)
    wait_for(lambda: states(home)[State.RUNNING] == 1)
    (job,) = SlurmScheduler(home, Options()).queue("slow")
    cluster.run("scancel", "--signal=USR2", job.number)
    wait_for(lambda: not SlurmScheduler(home, Options()).queue("slow"))
    told = run_ablate(home.root, "status", "slow").stdout
    assert "a worker ended early: the site forbids to queue jobs again: " in told
    assert "disabled" in told  # SLURM's own word
    assert states(home) == {State.WAITING: 1}  # given back in good order
    release(home)
    submit(home, *SLOW)
    finish(home, 6)
