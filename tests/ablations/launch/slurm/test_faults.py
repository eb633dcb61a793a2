"""What goes wrong on a real SLURM, one thing at a time."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress

import pandas as pd
import psutil
import pytest

from ablations.launch.scheduler import Options
from ablations.launch.slurm.scheduler import SlurmScheduler
from ablations.runs.directory import State
from ablations.runs.home import Home
from ablations.runs.lease import latest_lease
from helpers.commands import TINY, TOY, run_ablate
from helpers.disks import fill
from helpers.ends import ENDS
from helpers.hold import hold, release
from helpers.processes import wait_for
from helpers.runs import check_complete, states
from helpers.slurm import SLOW, check_same_bits, finish, submit, wait_for_two_at_work

pytestmark = pytest.mark.xdist_group("slurm-faults")  # beside the other tests of SLURM


def test_a_preempted_run_goes_on_and_gives_the_same_bits(home, cluster, tmp_path):
    one = ("run", TINY, "--set", "init=kaiming", "--set", "sampling=random", "--set", "epochs=60")
    submit(home, *one, "--cluster", "slurm", "--resource", "partition=low")
    wait_for(
        lambda: any(entry.get("step", 0) > 1 for run in home.runs() for entry in run.progress())
    )
    cluster.run("sbatch", "--exclusive", "--nodes=3", "--wrap", "sleep 2")  # needs all nodes
    (run,) = home.runs()
    wait_for(lambda: (run.path / "released-1").exists())
    steps = max(entry.get("step", 0) for entry in run.progress())
    assert 1 < steps < 60
    finish(home, 1)
    again = [entry["step"] for entry in run.progress() if "step" in entry]
    assert again == list(range(1, 61))  # no epoch twice
    local = Home(tmp_path / "local")
    assert run_ablate(local.root, *one).returncode == 0
    check_same_bits(home, local)


ONE = ("run", TINY, "--set", "init=least_squares", "--set", "sampling=random")
ONE += ("--set", "epochs=40")
ON_GPUS = (*ONE, "--cluster", "slurm", "--workers", "1", "--resource", "gpus=2")


def check_alike(home, other):
    """Several processes add up in another order: equal but for rounding."""
    for run in home.runs():
        expected = pd.read_parquet(other.run(run.key).files / "stitch.parquet")
        found = pd.read_parquet(run.files / "stitch.parquet")
        columns = ["loss", "loss_before", "visits"]
        pd.testing.assert_frame_equal(found[columns], expected[columns], rtol=1e-3)


def process_of(job, **wanted):
    """A process that does runs in a job, by variables of its environment such as RANK."""
    wanted |= {"SLURM_JOB_ID": job}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            inside = "ablations.launch.member" in process.cmdline()
            if inside and wanted.items() <= process.environ().items():
                return process
    raise AssertionError(f"job {job} has no process with {wanted}")


def epochs_of(home):
    return [e["step"] for run in home.runs() for e in run.progress() if "step" in e]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same run, done here by one process."""
    home = Home(tmp_path_factory.mktemp("alone"))
    assert run_ablate(home.root, *ONE).returncode == 0
    return home


def test_the_gpus_of_a_node_share_each_run_and_survive_together(home, cluster, alone):
    """One process a GPU; told to stop, and later robbed of one of them, they go on."""
    submit(home, *ON_GPUS)
    wait_for(lambda: len(epochs_of(home)) > 2)
    (job,) = cluster.run("squeue", "-h", "-O", "JobID").split()
    (run,) = home.runs()
    assert (run.attempt(1)["gpus"], run.attempt(1)["cpus"]) == (2, 2)
    cluster.run("scancel", "--signal=USR2", job)
    wait_for(lambda: (run.path / "released-1").exists())
    assert not list(run.path.glob("failure-*"))
    seen = len(epochs_of(home))
    wait_for(lambda: len(epochs_of(home)) > seen + 2)
    epochs = epochs_of(home)
    assert epochs == list(range(1, len(epochs) + 1))  # no epoch twice, none left out
    process_of(job, RANK="1").kill()
    finish(home, 1)
    assert not list(run.path.glob("failure-*"))
    died = json.loads((run.path / "died-2.json").read_text())
    assert "killed by SIGKILL" in died["error"]
    assert latest_lease(run.path).attempt == 3
    check_alike(home, alone)


TWO_NODES = (*ONE, "--cluster", "slurm", "--workers", "1", "--resource", "nodes=2")


def test_two_nodes_share_each_run_and_survive_together(home, cluster, alone):
    """Each node has a host name of its own; they meet through a file of the launch."""
    submit(home, *TWO_NODES)
    wait_for(lambda: len(epochs_of(home)) > 2)
    (job,) = cluster.run("squeue", "-h", "-O", "JobID").split()
    (run,) = home.runs()
    assert run.attempt(1)["cpus"] == 2
    ranks = [process_of(job, RANK=str(rank)) for rank in (0, 1)]
    nodes = {process.environ()["SLURMD_NODENAME"] for process in ranks}
    assert len(nodes) == 2
    cluster.run("scancel", "--signal=USR2", job)
    wait_for(lambda: (run.path / "released-1").exists())
    seen = len(epochs_of(home))
    wait_for(lambda: len(epochs_of(home)) > seen + 2)
    epochs = epochs_of(home)
    assert epochs == list(range(1, len(epochs) + 1))  # no epoch twice, none left out
    psutil.Process(process_of(job, RANK="1").ppid()).kill()  # the agent: the job queues again
    finish(home, 1)
    assert not list(home.root.glob("runs/*/failure-*"))
    check_alike(home, alone)


BAD_ENDS = {
    "segfault": "os.kill(os.getpid(), signal.SIGSEGV)",
    "abort": "os.abort()",
    "exit": "os._exit(0)",
}


def with_ends(tmp_path, ends, **options):
    """A study with good runs, ten each seed, and runs that end in other ways."""
    levels = {f"good {n}": {"do": f"pass  # {n}"} for n in range(10)}
    levels |= {name: {"do": code} for name, code in ends.items()}
    study = tmp_path / "ends.py"
    baseline = levels["good 0"]
    study.write_text(
        f"{ENDS}\nAXES = [Axis('how', {levels!r})]\n"
        f"STUDY = Study('Ends', 'How?', STUDY.experiment, AXES, {baseline!r})"
    )
    return str(study)


def ended(cluster, numbers):
    """State and exit code of jobs that are over."""
    shown = [cluster.run("scontrol", "show", "job", number, "--oneliner") for number in numbers]
    lines = [line for text in shown for line in text.splitlines()]
    found = [dict(w.partition("=")[::2] for w in line.split() if "=" in w) for line in lines]
    return [(one["JobState"], one["ExitCode"]) for one in found]


def test_runs_that_end_their_interpreter_cost_themselves_alone(home, cluster, tmp_path):
    study = with_ends(tmp_path, BAD_ENDS)
    submit(home, "run", study, "--seeds", "2", "--cluster", "slurm", "--workers", "2")
    numbers = [path.name.partition("_")[0] for path in home.launches.glob("*/*_submission.sh")]
    after = cluster.run(
        "sbatch", "--parsable", f"--dependency=afterok:{numbers[0]}", "--wrap", "true"
    )
    wait_for(lambda: states(home) == {State.DONE: 20, State.FAILED: 6})
    wait_for(lambda: cluster.has_no_jobs("--states=RUNNING,COMPLETING"))
    assert "FAILED" in {state for state, _ in ended(cluster, numbers)}
    why = ("squeue", "-h", "-j", after.strip(), "-o", "%r")
    wait_for(lambda: cluster.run(*why).split() == ["DependencyNeverSatisfied"])
    cluster.run("scancel", after.strip())
    failures = {run.failure(1)["error"] for run in home.runs() if run.failure(1)}
    assert failures == {
        "its process was killed by SIGSEGV",
        "its process was killed by SIGABRT",
        "its process ended by itself, with exit code 0",
    }
    assert all(latest_lease(r.path).attempt == 3 for r in home.runs() if r.failure(1))
    told = run_ablate(home.root, "status", "ends").stdout
    assert "its process was killed by SIGSEGV" in told


def test_a_run_that_hangs_fails_at_its_limit_and_jobs_after_good_ones_start(
    home, cluster, tmp_path
):
    study = with_ends(tmp_path, {"hang": "time.sleep(3600)"})
    limit = ("--silence-limit", "5s", "--cluster", "slurm", "--workers", "2")
    submit(home, "run", study, *limit)
    wait_for(lambda: states(home) == {State.DONE: 10, State.FAILED: 1})
    (error,) = [run.failure(1)["error"] for run in home.runs() if run.failure(1)]
    assert error == "it made no progress for longer than its limit of 5 s"
    wait_for(cluster.has_no_jobs)
    submit(home, "run", study, "--set", "how=good 1", "--seeds", "2", "--cluster", "slurm")
    wait_for(cluster.has_no_jobs)
    last = max(home.launches.glob("*/*_submission.sh"), key=lambda path: path.stat().st_mtime)
    states_and_codes = ended(cluster, [last.name.partition("_")[0]])
    assert set(states_and_codes) == {("COMPLETED", "0:0")}


COUNTING = """
file = run.directory / "count"
count = int(file.read_text()) if file.exists() else 0
with run.deferring_stop():
    while not run.stopping:
        count += 1
        run.log(count, 1_000_000, {})
        time.sleep(0.1)
    file.write_text(str(count))
"""


def test_a_worker_goes_on_when_its_time_is_over(home, cluster, tmp_path):
    """SLURM's own limit, of a minute; it looks every half minute."""
    study = tmp_path / "counting.py"
    baseline = {"do": COUNTING}
    study.write_text(f"{ENDS}\nSTUDY = Study('T', 'Q?', STUDY.experiment, [], {baseline!r})")
    minute = ("--resource", "time=1", "--resource", "signal_seconds=10")
    submit(home, "run", str(study), "--seeds", "1", "--cluster", "slurm", *minute)
    wait_for(lambda: any(home.root.glob("runs/*/released-1")))
    (run,) = home.runs()
    seen = len(run.progress())
    wait_for(lambda: len(run.progress()) > seen + 10)
    assert run.attempt(2)["job"] == run.attempt(1)["job"]  # queued again
    steps = [entry["step"] for entry in run.progress() if "step" in entry]
    assert steps == list(range(1, len(steps) + 1))  # none twice, none left out
    run_ablate(home.root, "cancel", run.key)
    wait_for(lambda: states(home) == {State.CANCELLED: 1})


def test_a_killed_worker_queues_again(home, cluster):
    hold(home)
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    for run in home.runs():
        os.kill(latest_lease(run.path).owner.pid, signal.SIGKILL)
    release(home)
    finish(home, 6)
    check_complete(home, 6)
    assert sum(latest_lease(run.path).attempt == 2 for run in home.runs()) == 2


def test_slurm_that_does_not_answer(home, monkeypatch, tmp_path):
    submit(home, *SLOW, "--workers", "2")
    finish(home, 6)
    (tmp_path / "slurm.conf").write_text("ClusterName=none\nSlurmctldHost=localhost\n")
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    status = run_ablate(home.root, "status", "slow")
    assert "6 done, the cluster does not answer" in status.stdout
    refused = run_ablate(home.root, *SLOW)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("ablate: squeue failed: ")


def test_a_full_disk_ends_workers_and_blames_no_run(home, cluster, small_disk, monkeypatch):
    """Tracked elsewhere: MLflow's own store would be half the disk."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", home.tracking_uri)
    home.root.mkdir()
    home = Home(small_disk / "home")
    hold(home)
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    filling = fill(small_disk)
    release(home)
    wait_for(lambda: not SlurmScheduler(home, Options()).queue("slow"))
    assert states(home)[State.FAILED] == 0
    lack = f"only 0 MB are free on the disk of {home.root}; make room"
    assert lack in run_ablate(home.root, "status", "slow").stdout
    refused = run_ablate(home.root, *SLOW)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"ablate: {lack}")
    filling.unlink()
    submit(home, *SLOW)
    finish(home, 6)


def test_a_run_directory_that_cannot_be_written_is_left_for_later(home, cluster, read_only):
    plan = json.loads(run_ablate(home.root, "plan", TOY, *SLOW[4:], "--json").stdout)
    locked = home.run(plan["cells"][0]["key"]).path
    with read_only(locked):
        submit(home, *SLOW, "--workers", "2")
        wait_for(lambda: not SlurmScheduler(home, Options()).queue("slow"))
        assert states(home) == {State.DONE: 5, State.WAITING: 1}
        said = run_ablate(home.root, "status", "slow").stdout
        assert f"a worker ended early: 1 runs cannot be tried: cannot write {locked}/" in said
    submit(home, *SLOW)
    finish(home, 6)
    check_complete(home, 6)


def test_a_network_disk_that_vanishes_and_comes_back(cluster, home, network_disk, monkeypatch):
    """Over sshfs; tracked elsewhere, for sqlite is refused there."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", home.tracking_uri)
    home.root.mkdir()
    home = Home(network_disk.place / "home")
    hold(home)
    submit(home, *SLOW, "--workers", "2")
    wait_for_two_at_work(home, cluster)
    (launch,) = (path.parent.name for path in home.launches.glob("*/launch.json"))
    network_disk.vanish()
    wait_for(lambda: cluster.has_no_jobs(f"--name={launch}"))
    for arguments in (("status", "slow"), SLOW):
        refused = run_ablate(home.root, *arguments)
        assert refused.returncode == 2
        assert refused.stderr.startswith("ablate: Transport endpoint is not connected: ")
        assert refused.stderr.endswith("; mount that file system again, then repeat the command\n")
        assert len(refused.stderr.splitlines()) == 1
    network_disk.unmount()
    network_disk.mount()
    release(home)
    assert states(home)[State.FAILED] == 0
    cluster.mend_nodes()  # SLURM drains one whose processes wait for the disk and do not end
    submit(home, *SLOW, "--workers", "2")
    finish(home, 6)
    assert not list(home.root.glob("runs/*/failure-*"))
