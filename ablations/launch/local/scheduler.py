"""This machine: workers are processes of submitit's local executor."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any, ClassVar

import psutil
import submitit
from submitit.helpers import clean_env, environment_variables

from ablations.errors import UserError
from ablations.file_system import check_space
from ablations.launch.job import THREADS, last_words, work_here
from ablations.launch.requests import Request
from ablations.launch.scheduler import Options, QueuedJob, Scheduler, Submitted, Work
from ablations.machine import VISIBLE_GPUS, count_cpus, visible_gpus
from ablations.runs.home import Home

MAX_BARREN = 4  # workers that died without having taken a run
TIMEOUT_MINUTES = 60 * 24 * 30  # submitit's default of 2 minutes would end long runs
STOP_SECONDS = 20.0  # for workers to leave checkpoints, before they are killed
AGAIN_SECONDS = 0.5  # a worker that just starts does not heed a signal yet


class LocalScheduler(Scheduler):
    """Keeps workers alive as long as the command does; they end with it."""

    detached: ClassVar[bool] = False
    poll_seconds: ClassVar[float] = 0.5

    def __init__(self, home: Home, options: Options) -> None:
        self._gpus = visible_gpus()
        super().__init__(home, options)
        self._jobs: list[submitit.Job[None]] = []
        self._gpu_of: dict[str, str | None] = {}  # by number of the job
        self._attempts, self._barren = 0, 0
        self._trouble: str | None = None

    def check(self) -> None:
        """Refuse what only jobs of a cluster have, and shares of GPUs where there are none."""
        asked = self.options
        if asked.pack or asked.profile or asked.resources or asked.sync:
            raise UserError("--pack, --profile, --resource and --sync go with --cluster slurm")
        if asked.per_gpu and not self._gpus:
            raise UserError(f"--per-gpu {asked.per_gpu}: this machine shows no GPU")

    @property
    def default_workers(self) -> int:
        """How many fit on the GPUs; without GPUs one a CPU."""
        return len(self._gpus) * (self.options.per_gpu or 1) or count_cpus()

    @classmethod
    def is_here(cls) -> bool:
        """True: this machine is always here."""
        return True

    def submit(
        self,
        work: Work,
        due: Sequence[Request],
        jobs: Sequence[QueuedJob],
        running: Sequence[Request],
    ) -> list[Submitted]:
        """Start as many workers as have work; see `Scheduler.submit`."""
        live = len(jobs)
        # workers of an earlier launch that still live count in; one that just started has not
        # taken a run yet
        free = self.workers - max(len(running), live)
        count = max(0, min(free, len(due) - max(live - len(running), 0)))
        for _ in range(count):
            self._start(work)
        return [Submitted(count, len(due), "on this machine")] if count else []

    def _start(self, work: Work) -> None:
        """Start one worker, on the GPU with the fewest."""
        gpu = self._emptiest_gpu()
        home = str(self.home.root)
        told = (home, work.study, work.requests, work.provenance, work.limits, work.offer)
        with _unreached_by_the_terminal(), environment_variables(**_environment(None)), clean_env():
            job = self._executor().submit(work_on, gpu or os.environ.get(VISIBLE_GPUS), *told)
            self._jobs.append(job)
        self._gpu_of[job.job_id] = gpu

    def _emptiest_gpu(self) -> str | None:
        """The GPU with the fewest workers of this command, so that one who died is replaced there.

        None where there are no GPUs.
        """
        held = Counter(self._gpu_of.get(job.number) for job in self.queue())
        return min(self._gpus, key=lambda gpu: held[gpu], default=None)

    def _executor(self) -> submitit.LocalExecutor:
        executor = submitit.LocalExecutor(self.home.launches)
        executor.update_parameters(timeout_min=TIMEOUT_MINUTES, stderr_to_stdout=True)
        return executor

    def queue(self, study: str | None = None) -> list[QueuedJob]:
        """The workers of this command that have not ended."""
        live = [job for job in self._jobs if not job.done()]
        return [QueuedJob(job.job_id, "", "RUNNING") for job in live]

    def cancel(self, study: str) -> int:
        """Stop the workers of this command, and wait until they are gone.

        Those that leave no checkpoint in time are killed; at once, where a wish to end comes again.
        """
        live = [job for job in self._jobs if not job.done()]
        left, deadline = live, time.monotonic() + STOP_SECONDS
        try:
            while left and time.monotonic() < deadline:
                for job in left:
                    os.kill(int(job.job_id), signal.SIGTERM)  # which submitit passes on
                time.sleep(AGAIN_SECONDS)
                left = [job for job in left if not job.done()]
        finally:
            for job in left:
                _kill(int(job.job_id))
        return len(live)

    def explain(self, jobs: Sequence[QueuedJob], attempts: int) -> str | None:
        """What a worker said as it ended, or where to look after several died without a word."""
        if attempts != self._attempts:
            self._attempts, self._barren = attempts, 0
        crashed = [job for job in self._take_ended() if job.exception() is not None]
        if crashed:
            check_space(self.home.root)  # if that is why, it says so
            self._barren += len(crashed)
            said = [last_words(job.stdout() or "") for job in crashed]
            self._trouble = next(filter(None, reversed(said)), self._trouble)
            if self._trouble is None and self._barren >= MAX_BARREN:
                log = crashed[-1].paths.stdout
                self._trouble = f"workers die before they start a run; the reason is in {log}"
        return self._trouble

    def _take_ended(self) -> list[submitit.Job[None]]:
        """The workers that ended since the last look."""
        ended = [job for job in self._jobs if job.done()]
        self._jobs = [job for job in self._jobs if job not in ended]
        return ended

    def script(self, work: Work, due: Sequence[Request], jobs: Sequence[QueuedJob]) -> str:
        """The line that starts each worker, as often as one would be started now."""
        start = [sys.executable, "-u", "-m", "submitit.core._submit", str(self.home.launches)]
        lines = []
        for _, gpu in zip(range(min(self.workers, len(due))), cycle(self._gpus or [None])):
            setting = " ".join(f"{name}={value}" for name, value in _environment(gpu).items())
            lines.append(f"{setting} {shlex.join(start)}\n")
        return "".join(lines)


@contextmanager
def _unreached_by_the_terminal() -> Iterator[None]:
    """Start processes that hear neither Ctrl-C nor the terminal's end; none goes unrecorded.

    Both reach all processes of a terminal: submitit's would print tracebacks, and kill workers
    that leave checkpoints. `LocalScheduler.cancel` ends them, so it must know each: whatever ends
    this command waits for the block's end.
    """
    came: list[int] = []
    ends = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
    may = threading.current_thread() is threading.main_thread()  # nobody else may set handlers
    handlers = {
        one: signal.signal(one, lambda number, _: came.append(number)) for one in ends if may
    }
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGHUP])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for one, handler in handlers.items():
            signal.signal(one, handler)
        for number in came[:1]:
            signal.raise_signal(number)


def _kill(pid: int) -> None:
    """Kill a process, and all that it started."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def work_on(gpus: str | None, /, *told: Any) -> None:
    """Work where CUDA sees these GPUs, see `work_here`: submitit hides all, and only knows numbers.

    Arguments:
        gpus: a value of CUDA_VISIBLE_DEVICES; None leaves it to CUDA.
    """
    os.environ.pop(VISIBLE_GPUS, None)
    if gpus is not None:
        os.environ[VISIBLE_GPUS] = gpus
    work_here(*told)


def _environment(gpu: str | None) -> dict[str, str]:
    """What a worker is told by its environment: one thread, and its GPU."""
    return dict.fromkeys(THREADS, "1") | ({VISIBLE_GPUS: gpu} if gpu else {})
