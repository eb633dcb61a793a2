"""The processes on this machine that do a worker's runs: all of them together, one after the other.

With several, such as one a GPU, the experiment's function is called in each; how they then divide
the work is its own affair (`snnet.distributed` joins them through torch, by the variables that
torchrun sets as well).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Protocol

from ablations.launch.member import READY
from ablations.launch.task import Outcome, Task, ended, joined
from ablations.runs.home import Home

START_SECONDS = 600.0  # for Python and the study to be imported
# when one of several fails, the others fail too, or wait for ever for what it would have sent
PATIENCE_SECONDS = 60.0
CLOSE_SECONDS = 5.0
POLL_SECONDS = 0.5  # a death shows immediately, unless something else holds its connection open


class Doers(Protocol):
    """Whoever does tasks: processes here, or a group of machines.

    Attributes:
        processes: how many share a task.
    """

    processes: int

    def start(self) -> None:
        """Be ready for a first task. Raises CannotStartError where that cannot be."""

    def begin(self, task: Task) -> None:
        """Start with a task."""

    def outcome(self, seconds: float) -> Outcome | None:
        """What became of the task; None where after so many seconds nobody knows yet."""

    def stop(self) -> None:
        """Ask for an end in good order."""

    def kill(self) -> None:
        """End it now."""

    def close(self) -> None:
        """There is nothing more to do."""


@dataclass(frozen=True)
class Position:
    """Where the processes of this machine stand among all that share a run.

    Attributes:
        first: number of the first of them.
        here: how many they are.
        world: how many there are on all machines.
    """

    first: int = 0
    here: int = 1
    world: int = 1

    def environment(self, local: int) -> dict[str, str]:
        """What torchrun would set for the process with this number on this machine."""
        numbers = {"RANK": self.first + local, "WORLD_SIZE": self.world}
        numbers |= {"LOCAL_RANK": local, "LOCAL_WORLD_SIZE": self.here}
        return {name: str(number) for name, number in numbers.items()}


ALONE = Position()


class CannotStartError(RuntimeError):
    """A process ended before it was ready for any run; why is in the log."""


class Crew:
    """Starts its processes with the first task, and anew after one of them died or was spoiled."""

    def __init__(self, home: Home, study: str, position: Position = ALONE) -> None:
        self.home, self.study, self.position = home, study, position
        self.processes = position.world
        self._members: list[_Member] = []
        self._outcomes: dict[int, Outcome] = {}
        self._deadline: float | None = None  # for the others, once one has not done it
        self._late = False  # whether it has passed: what they answer now is of our own making

    def start(self) -> None:
        """Start the processes, unless they are there.

        Raises:
            CannotStartError: one ends before it is ready.
        """
        if not self._members:
            here = range(self.position.here)
            self._members = [self._start(local) for local in here]
            for member in self._members:
                member.await_ready()

    def begin(self, task: Task) -> None:
        """Start with a task.

        Raises:
            CannotStartError: see `start`.
        """
        self.start()
        self._outcomes, self._deadline, self._late = {}, None, False
        address, port = task.meeting
        if port == 0:  # all processes are here
            task = replace(task, meeting=(address, free_port()))
        for member in self._members:
            member.send(task)

    def _start(self, local: int) -> _Member:
        environment = self.position.environment(local) if self.processes > 1 else {}
        return _Member(self.home, self.study, environment)

    def outcome(self, seconds: float) -> Outcome | None:
        """What became of the task; None where after so many seconds nobody knows yet."""
        end = time.monotonic() + seconds
        while len(self._outcomes) < len(self._members):
            self._listen(max(0.0, min(POLL_SECONDS, end - time.monotonic())))
            now = time.monotonic()
            if self._deadline and now > self._deadline:
                self._late = True
                self.kill()
            elif now >= end and len(self._outcomes) < len(self._members):
                return None
        found = joined([self._outcomes[number] for number in sorted(self._outcomes)])
        spoiled = any(one.spoiled for one in self._outcomes.values())
        if spoiled or any(not member.is_alive for member in self._members):
            self.close()
        return found

    def _listen(self, seconds: float) -> None:
        """Take what members answer within this time."""
        waiting = {
            member.connection: number
            for number, member in enumerate(self._members)
            if number not in self._outcomes
        }
        heard = wait(list(waiting), seconds)
        for connection, number in waiting.items():
            member = self._members[number]
            if connection in heard or not member.is_alive:
                answer = member.answer()
                self._outcomes[number] = Outcome() if self._late else answer
        if self._deadline is None and any(not one.well for one in self._outcomes.values()):
            self._deadline = time.monotonic() + PATIENCE_SECONDS

    def stop(self) -> None:
        """Ask for an end in good order."""
        for member in self._members:
            member.signal(signal.SIGUSR1)

    def kill(self) -> None:
        """End all who are still at it."""
        for number, member in enumerate(self._members):
            if number not in self._outcomes:
                member.signal(signal.SIGKILL)

    def close(self) -> None:
        """End the processes; they are started anew when there is something to do again."""
        for member in self._members:
            member.close()
        self._members = []


class _Member:
    """One process, see `ablations.launch.member`."""

    def __init__(self, home: Home, study: str, environment: dict[str, str]) -> None:
        mine, yours = socket.socketpair()
        arguments = [str(yours.fileno()), str(home.root), study, str(os.getpid())]
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "ablations.launch.member", *arguments],
            env=os.environ | environment,
            pass_fds=[yours.fileno()],
        )
        yours.close()
        self.connection = Connection(mine.detach())

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.connection.poll(POLL_SECONDS):
            if not self.is_alive or time.monotonic() > deadline:
                break
        with suppress(EOFError, OSError):
            if self.connection.poll() and self.connection.recv() == READY:
                return
        raise CannotStartError("a process for the runs ends before it is ready")

    def send(self, task: Task | None) -> None:
        with suppress(BrokenPipeError):  # it is gone, which `answer` tells
            self.connection.send(task)

    def answer(self) -> Outcome:
        with suppress(EOFError, OSError):
            if self.connection.poll():
                found: Outcome = self.connection.recv()
                return found
        try:
            code = self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:  # only its connection is gone
            self._process.kill()
            code = self._process.wait()
        return ended(_how_it_ended(code))

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def close(self) -> None:
        self.send(None)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_SECONDS)
        self.connection.close()
        self._process.kill()  # nothing that it still does counts
        self._process.wait()


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"its process ended by itself, with exit code {code}"
    names = {number.value: number.name for number in signal.Signals}  # of most
    name = names.get(-code, f"signal {-code}")
    hint = ", as where memory is short" if name == "SIGKILL" else ""
    return f"its process was killed by {name}{hint}"


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as one:
        one.bind(("", 0))
        number: int = one.getsockname()[1]
    return number
