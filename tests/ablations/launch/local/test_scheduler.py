"""The local scheduler, as far as it goes without processes.

With them: tests/ablations/launch/test_launcher_processes.py.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ablations import machine
from ablations.errors import UserError
from ablations.launch.job import PREFIX, THREADS
from ablations.launch.launcher import Launcher
from ablations.launch.local.scheduler import MAX_BARREN, LocalScheduler
from ablations.launch.scheduler import Options, QueuedJob
from ablations.machine import count_cpus
from helpers.gpus import WHOLE, pretend_gpus
from helpers.toy import EXPANSION


@pytest.mark.parametrize(
    "options",
    [
        Options(pack=2),
        Options(profile=Path("cluster.toml")),
        Options(resources={"cpus": "2"}),
        Options(sync=True),
    ],
)
def test_options_of_clusters_are_refused(home, options):
    with pytest.raises(UserError, match="go with --cluster slurm"):
        LocalScheduler(home, options).check()
    LocalScheduler(home, Options(workers=7)).check()


@pytest.mark.parametrize(("workers", "lines"), [(1, 1), (3, 3), (9, 4)])
def test_the_script_has_a_line_for_each_worker_that_has_work(home, workers, lines):
    scheduler = LocalScheduler(home, Options(workers=workers))
    launcher = Launcher(home, "toy", EXPANSION, scheduler, {}, home.tracking_uri)
    script = launcher.script().splitlines()
    assert len(script) == lines
    assert all(line.startswith(" ".join(f"{name}=1" for name in THREADS)) for line in script)
    assert all(line.endswith(str(home.launches)) for line in script)
    assert not home.root.exists()


def test_workers_that_live_or_run_are_counted_in(home):
    """None is started where enough are at it: what would be, `submit` says."""
    scheduler = LocalScheduler(home, Options(workers=2))
    work = Launcher(home, "toy", EXPANSION, scheduler, {}, home.tracking_uri).work
    jobs = [QueuedJob(str(number), "", "RUNNING") for number in range(2)]
    assert scheduler.submit(work, work.requests, jobs, running=[]) == []
    of_before = work.requests[:2]
    assert scheduler.submit(work, work.requests, [], running=of_before) == []
    assert scheduler.submit(work, [], [], running=[]) == []
    # two that just started will take the only two runs that are due
    scheduler.workers = 5
    assert scheduler.submit(work, work.requests[:2], jobs, running=[]) == []


class EndedJob:
    """What submitit tells of a worker that ended."""

    def __init__(self, log="", error=True):
        self.error, self.log = error, log
        self.paths = SimpleNamespace(stdout=Path("/logs/1_0_log.out"))

    def done(self):
        return True

    def exception(self):
        return RuntimeError() if self.error else None

    def stdout(self):
        return self.log


@pytest.fixture
def scheduler(home):
    return LocalScheduler(home, Options(workers=2))


def explain(scheduler, ended, attempts=0):
    scheduler._jobs = list(ended)
    return scheduler.explain([], attempts)


def test_what_a_worker_said_is_told(scheduler):
    said = EndedJob(f"noise\n{PREFIX}an earlier thing\n{PREFIX}cannot write there\nmore noise\n")
    assert explain(scheduler, [EndedJob(), said]) == "cannot write there"
    assert explain(scheduler, []) == "cannot write there"  # as long as nobody mends it


def test_workers_that_die_without_a_word_are_given_some_tries(scheduler):
    for _ in range(MAX_BARREN - 1):
        assert explain(scheduler, [EndedJob("")]) is None
    trouble = explain(scheduler, [EndedJob("")])
    assert trouble == "workers die before they start a run; the reason is in /logs/1_0_log.out"


def test_who_did_a_run_before_it_died_does_not_count(scheduler):
    for attempts in range(3 * MAX_BARREN):
        assert explain(scheduler, [EndedJob("")], attempts) is None


def test_workers_that_ended_well_are_no_trouble(scheduler):
    assert explain(scheduler, [EndedJob(error=False)] * (2 * MAX_BARREN)) is None


def test_each_death_counts_once(scheduler):
    assert explain(scheduler, [EndedJob("") for _ in range(MAX_BARREN - 1)]) is None
    for _ in range(MAX_BARREN):
        assert scheduler.explain([], 0) is None
    assert scheduler.queue() == []


def test_a_full_disk_is_told_as_the_reason(scheduler, monkeypatch):
    monkeypatch.setattr("ablations.file_system.NEEDED_BYTES", 1e30)
    with pytest.raises(UserError, match="MB are free on the disk of"):
        explain(scheduler, [EndedJob("")])


class Executor:
    """Starts nothing; keeps what each worker would see of the GPUs."""

    def __init__(self):
        self.seen, self.jobs = [], []

    def submit(self, function, gpus, *told):
        self.seen.append(gpus)
        self.jobs.append(LiveJob(str(len(self.jobs))))
        return self.jobs[-1]


class LiveJob:
    def __init__(self, number):
        self.job_id, self.ended = number, False

    def done(self):
        return self.ended

    def exception(self):
        return RuntimeError()

    def stdout(self):
        return f"{PREFIX}over"


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    pretend_gpus(monkeypatch, tmp_path, WHOLE)
    return ["GPU-aaaa-0", "GPU-bbbb-1", "GPU-cccc-2"]


@pytest.fixture
def start(home, monkeypatch):
    """Starts workers for the toy study; gives the scheduler and its executor."""

    def starting(**options):
        scheduler, executor = LocalScheduler(home, Options(**options)), Executor()
        monkeypatch.setattr(scheduler, "_executor", lambda: executor)
        launcher = Launcher(home, "toy", EXPANSION, scheduler, {}, home.tracking_uri)

        def again():
            requests = launcher.work.requests * 3
            return scheduler.submit(launcher.work, requests, scheduler.queue(), running=[])

        again()
        return scheduler, executor, again

    return starting


@pytest.mark.parametrize(
    ("options", "workers"),
    [({}, 3), ({"per_gpu": 2}, 6), ({"workers": 5}, 5), ({"workers": 2, "per_gpu": 4}, 2)],
)
def test_workers_are_spread_over_the_gpus(gpus, start, options, workers):
    scheduler, executor, _ = start(**options)
    assert scheduler.workers == workers
    assert executor.seen == (gpus * 3)[:workers]


def test_who_died_is_replaced_on_its_gpu(gpus, start):
    _, executor, again = start(per_gpu=2)
    executor.jobs[4].ended = True  # the second one of the second GPU
    again()
    assert executor.seen[6:] == ["GPU-bbbb-1"]
    executor.jobs[2].ended = executor.jobs[5].ended = True
    again()
    assert executor.seen[7:] == ["GPU-cccc-2"] * 2


@pytest.mark.parametrize("visible", ["2,0", "GPU-cccc,MIG-aaaa"])
def test_only_gpus_that_the_user_shows_are_used(gpus, start, monkeypatch, visible):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert start()[1].seen == visible.split(",")


@pytest.mark.parametrize("visible", [None, "", "-1"])
def test_without_gpus_there_is_a_worker_for_each_cpu(home, start, monkeypatch, visible):
    """What the user shows CUDA stays as it is, where nvidia-smi does not tell."""
    monkeypatch.setenv("PATH", "")
    machine._listed.cache_clear()
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    scheduler, executor, _ = start()
    assert scheduler.workers == count_cpus()
    assert executor.seen == [visible] * count_cpus()
    with pytest.raises(UserError, match="--per-gpu 2: this machine shows no GPU"):
        LocalScheduler(home, Options(per_gpu=2)).check()


def test_the_script_names_each_gpu(gpus, home):
    scheduler = LocalScheduler(home, Options(workers=4))
    launcher = Launcher(home, "toy", EXPANSION, scheduler, {}, home.tracking_uri)
    lines = launcher.script().splitlines()
    seen = [line.split("CUDA_VISIBLE_DEVICES=")[1].split()[0] for line in lines]
    assert seen == [*gpus, gpus[0]]


RENDEZVOUS = """
import os, time
from dataclasses import dataclass
from ablations import Axis, Experiment, Study

@dataclass(frozen=True)
class Config:
    number: int = 0
    seed: int = 0

def meet(config, run):
    together = run.cache.parent / "together"
    together.mkdir(exist_ok=True)
    (together / str(config.number)).write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    while len(list(together.iterdir())) < 3:
        time.sleep(0.05)
    return {"met": 1.0}

MEETING = Experiment(name="meeting", config=Config, function=meet, scales={"one": {"only": {}}})
STUDY = Study(title="A meeting", question="Do all come?", experiment=MEETING,
    baseline={"number": 0}, axes=[Axis("number", [0, 1, 2])], seeds=1)
"""


@pytest.mark.slow
def test_real_workers_each_see_one_gpu(gpus, ablate, home, tmp_path):
    """Each run waits for the two others, so that no worker does two."""
    (tmp_path / "meeting.py").write_text(RENDEZVOUS)
    done = ablate("run", str(tmp_path / "meeting.py"), "--per-gpu", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    met = sorted((home.root / "together").iterdir())
    assert sorted(path.read_text() for path in met) == gpus
    attempts = [run.attempt(1) for run in home.runs()]
    assert [one["gpus"] for one in attempts] == [1, 1, 1]
    assert sorted(one["device"] for one in attempts) == [
        *["NVIDIA A100-SXM4-40GB"] * 2,
        "Tesla V100",
    ]
