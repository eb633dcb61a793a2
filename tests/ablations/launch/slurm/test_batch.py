"""What batch scripts do on a real SLURM; a shell script stands in for Python, to be quick."""

from __future__ import annotations

import shlex
import signal
import stat
from contextlib import contextmanager
from dataclasses import replace

import pytest
from submitit.core.utils import DelayedSubmission

from ablations.errors import UserError
from ablations.launch.launches import TROUBLE
from ablations.launch.scheduler import SubmitLimitError
from ablations.launch.slurm.batch import Array, submit, worker_script
from ablations.launch.slurm.resources import Resources
from ablations.launch.slurm.submission import environment
from helpers.commands import run_ablate
from helpers.processes import wait_for
from helpers.slurm import SLOW

pytestmark = pytest.mark.xdist_group("slurm")


@pytest.fixture
def folder(home):
    """Of a launch, with a name that shells and SLURM could misread."""
    path = home.launches / "it's 50% done"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def interpreter(tmp_path):
    """A stand-in for Python that runs shell lines."""

    def make(lines):
        path = tmp_path / "a python"
        path.write_text(f"#!/bin/bash\n{lines}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return shlex.quote(str(path))

    return make


def start(folder, resources, count=1):
    job = DelayedSubmission(print)
    return submit(worker_script(folder, resources, None), job, count, count)


def fields(cluster, job):
    words = cluster.run("scontrol", "show", "job", "-o", job).split()
    return dict(word.split("=", 1) for word in words if "=" in word)


def ended(cluster, job):
    """What SLURM tells of a job that is over."""
    over = ("COMPLETED", "FAILED", "CANCELLED")
    wait_for(lambda: fields(cluster, job).get("JobState") in over)
    return fields(cluster, job)


def test_options_of_all_kinds_reach_slurm_and_the_worker(folder, interpreter, cluster):
    asked = Resources(
        nodes=2,
        gpus="a100:2",
        cpus=2,
        time="2:00:00",
        python=interpreter('echo "$SLURM_NODEID $ABLATE_PROCESSES $OMP_NUM_THREADS $NAME" "$@"'),
        environment={"NAME": "it's"},
        sbatch={"constraint": "loop", "mem-per-cpu": "50M", "exclude": "n1", "contiguous": True}
        | {"comment": 'it\'s 1% "here"', "exclusive": False, "mail-user": "me@here"},
        srun={"mpi": "none"},
    )
    job = start(folder, asked)
    told = ended(cluster, job)
    assert told["JobState"] == "COMPLETED", told
    wanted = {"NumNodes": "2", "CPUs/Task": "4", "NtasksPerN:B:S:C": "1:0:*:*"}
    wanted |= {"Features": "loop", "MinMemoryCPU": "50M", "ExcNodeList": "n1", "Contiguous": "1"}
    wanted |= {"TimeLimit": "02:00:00", "TresPerNode": "gres:gpu:a100:2"}
    assert wanted.items() <= told.items(), told
    assert 'Comment=it\'s 1% "here"' in cluster.run("scontrol", "show", "job", "-o", job)
    logs = sorted(path.read_text() for path in folder.glob(f"{job}_*_log.out"))
    command = f"-u -m submitit.core._submit {folder}"
    assert logs == [f"{node} 2 2 it's {command}\n" for node in (0, 1)]


@pytest.mark.parametrize("ending", ["exit 75", "kill -SEGV $$", "kill -KILL $$"])
def test_a_worker_that_asks_for_it_or_dies_is_queued_again(
    folder, interpreter, cluster, tmp_path, ending
):
    again = interpreter(f"[ -e {tmp_path}/once ] && exit 0; touch {tmp_path}/once; {ending}")
    told = ended(cluster, start(folder, Resources(python=again)))
    assert (told["JobState"], told["Restarts"]) == ("COMPLETED", "1")
    assert not (folder / TROUBLE).exists()


@pytest.mark.parametrize(
    ("ending", "code"), [("exit 2", "2:0"), ("exit 255", "255:0"), ("kill -TERM $$", "143:0")]
)
def test_slurm_is_told_how_a_worker_ended(folder, interpreter, cluster, ending, code):
    told = ended(cluster, start(folder, Resources(python=interpreter(ending))))
    assert (told["JobState"], told["ExitCode"], told["Restarts"]) == ("FAILED", code, "0")


def test_a_site_that_queues_no_job_again_is_told(folder, interpreter, cluster):
    forbid = 'scontrol update JobId="$SLURM_JOB_ID" Requeue=0'
    asked = Resources(python=interpreter("exit 75"), setup=(forbid,))
    told = ended(cluster, start(folder, asked))
    assert (told["JobState"], told["ExitCode"]) == ("FAILED", "75:0")
    trouble = (folder / TROUBLE).read_text()
    assert "forbids to queue jobs again" in trouble
    assert "disabled" in trouble  # SLURM's own word


@contextmanager
def limited(cluster, setting):
    """The cluster with another line in its configuration."""
    path = cluster.directory / "slurm.conf"
    text = path.read_text()
    path.write_text(text + setting)
    try:
        cluster.restart_controller(0, signal.SIGTERM)
        yield
    finally:
        path.write_text(text)
        cluster.restart_controller(0, signal.SIGTERM)


def test_as_many_workers_are_submitted_as_slurm_takes(home, folder, cluster, interpreter):
    held = Resources(python=interpreter("sleep 60"), sbatch={"hold": True})
    many = Array([], held, 20, 20)
    known = len(cluster.run("scontrol", "show", "job", "-o").splitlines())
    with limited(cluster, f"MaxJobCount={known + 7}\n"):
        taken = many.submit(folder, home, None)
        assert taken.limit == "MaxJobCount"
        assert 0 < taken.workers < 20
        listed = cluster.run("squeue", "--noheader", "--array", "--format=%j")
        assert listed.splitlines() == [folder.name] * taken.workers
        with pytest.raises(SubmitLimitError, match=r"MaxJobCount.*unable to accept job"):
            many.submit(folder, home, None)
        cluster.run("scancel", "--user=root")


SAYS = "sbatch: error: {}\\nsbatch: error: Batch job submission failed: Job violates \
accounting/QOS policy (job submit limit, user's size and/or time limits)"


@pytest.fixture
def refusing(tmp_path, monkeypatch):
    """An sbatch that takes arrays up to a size, five jobs in all, and refuses in SLURM's words."""
    count = tmp_path / "count"

    def make(limit, most=5):
        script = f"""#!/bin/bash
array=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$2"); had=$(cat {count} || echo 0)
total=$((had + ${{array:-0}} + 1))
if [ $total -gt {most} ]; then printf "{SAYS.format(limit)}\\n" >&2; exit 1; fi
echo $total >{count}; echo $total
"""
        path = tmp_path / "bin/sbatch"
        path.parent.mkdir()
        path.write_text(script)
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent), prepend=":")

    return make


@pytest.mark.parametrize("limit", ["QOSMaxSubmitJobPerUserLimit", "AssocMaxSubmitJobLimit"])
def test_limits_of_accounting_are_named(home, folder, refusing, limit):
    refusing(limit)
    array = Array([], Resources(), 12, 12)
    taken = array.submit(folder, home, None)
    assert (taken.workers, taken.limit) == (5, limit)
    assert len(list(folder.glob("*_submitted.pkl"))) == 5
    with pytest.raises(SubmitLimitError, match=f"{limit} lets no job in: .*policy"):
        array.submit(folder, home, None)
    whole = replace(array, workers=0)
    assert whole.submit(folder, home, None).limit is None


def test_the_command_tells_of_limits(home, refusing):
    refusing("QOSMaxSubmitJobPerUserLimit", most=2)
    said = " ".join(run_ablate(home.root, *SLOW, "--workers", "4").stdout.split())
    assert "submitted 2 workers for 6 runs" in said
    assert "no more of them for SLURM's limit QOSMaxSubmitJobPerUserLimit" in said
    assert "the same command tops up, `--workers N` asks for fewer" in said
    nothing = run_ablate(home.root, *SLOW, "--workers", "4")
    assert nothing.returncode == 2
    assert "the limit QOSMaxSubmitJobPerUserLimit lets no job in: " in nothing.stderr
    assert len(list(home.launches.iterdir())) == 1  # what was refused leaves nothing


def test_limits_of_size_are_no_limits_on_the_number(home, folder, refusing):
    refusing("QOSMaxWallDurationPerJobLimit", most=0)
    with pytest.raises(
        UserError, match=r"the job: QOSMaxWallDurationPerJobLimit; .*policy"
    ) as told:
        Array([], Resources(), 4, 4).submit(folder, home, None)
    assert not isinstance(told.value, SubmitLimitError)


def test_the_users_own_environment_counts_and_that_of_a_job_does_not(
    folder, interpreter, cluster, monkeypatch, tmp_path
):
    own = {"SBATCH_CONSTRAINT": "loop", "SBATCH_PARTITION": "low", "SBATCH_TIMELIMIT": "33"}
    own |= {"SBATCH_JOB_NAME": "other", "SBATCH_NO_REQUEUE": "1", "SBATCH_WAIT": "1"}
    own |= {"SBATCH_OUTPUT": str(tmp_path / "other"), "SBATCH_EXPORT": "NONE"}
    own |= {"SBATCH_ARRAY_INX": "0-3", "SBATCH_MEM_PER_CPU": "70M", "MINE": "kept"}
    of_a_job = {"SLURM_JOB_ID": "1", "SLURM_NTASKS": "5", "SLURM_CPUS_PER_TASK": "7"}
    of_a_job |= {"SRUN_CPUS_PER_TASK": "7", "SLURM_MEM_PER_NODE": "9", "SUBMITIT_EXECUTOR": "local"}
    for name, text in (own | of_a_job).items():
        monkeypatch.setenv(name, text)
    python = interpreter('echo "$MINE $SLURM_NTASKS $SLURM_CPUS_PER_TASK $SUBMITIT_EXECUTOR"')
    told = ended(cluster, start(folder, Resources(python=python)))
    wanted = {"Features": "loop", "Partition": "low", "TimeLimit": "00:33:00", "Requeue": "1"}
    wanted |= {"JobState": "COMPLETED", "MinMemoryCPU": "70M"}
    assert wanted.items() <= told.items(), told
    assert f"JobName={folder.name}" in cluster.run("scontrol", "show", "job", "-o", told["JobId"])
    assert (folder / f"{told['JobId']}_0_log.out").read_text() == "kept 1 1 slurm\n"
    asked = Resources(python=python, partition="main", time="2:00:00", mem="90M")
    asked = replace(asked, sbatch={"constraint": "loop&loop"})
    told = ended(cluster, start(folder, asked))
    wanted = {"Features": "loop&loop", "Partition": "main", "TimeLimit": "02:00:00"}
    assert (wanted | {"MinMemoryNode": "90M"}).items() <= told.items(), told


def test_jobs_that_squeue_would_not_see_are_refused(folder, monkeypatch):
    monkeypatch.setenv("SBATCH_CLUSTERS", "west")
    with pytest.raises(UserError, match="set SLURM_CLUSTERS instead"):
        start(folder, Resources())
    monkeypatch.delenv("SBATCH_CLUSTERS")
    monkeypatch.setenv("SLURM_CLUSTERS", "west")
    assert environment({})["SLURM_CLUSTERS"] == "west"


def test_what_slurm_refuses_for_other_reasons_is_no_limit(home, folder):
    array = Array([], Resources(sbatch={"constraint": "none-such"}), 2, 2)
    with pytest.raises(UserError, match=r"refuses the job: .*feature") as told:
        array.submit(folder, home, None)
    assert not isinstance(told.value, SubmitLimitError)
    misspelt = Array([], Resources(sbatch={"constraimt": "x"}), 2, 2)
    with pytest.raises(UserError, match=r"unrecognized option.*constraimt"):
        misspelt.submit(folder, home, None)
