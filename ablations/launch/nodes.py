"""Several machines that do a worker's runs together.

The first machine's worker takes runs and records how they end. On each other one an agent does with
the processes there what the first says. They find each other through a file of the launch, in which
the first writes where it listens, as torchrun's processes do through their rendezvous.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener, wait
from pathlib import Path
from typing import Any, Literal

from typing_extensions import TypedDict

from ablations.files import read_json, write_json
from ablations.launch.crew import CLOSE_SECONDS, PATIENCE_SECONDS, Crew, Doers, free_port
from ablations.launch.task import Outcome, Task, joined
from ablations.runs.attempt import noticing_stop

FORM_SECONDS = 600.0  # until all machines of a job are there
TALK_SECONDS = 0.2

Order = Task | Literal["stop", "kill"] | None  # None: all is done


class LostNodeError(RuntimeError):
    """Another machine is gone or did not come; the rest cannot go on without it."""


@dataclass(frozen=True)
class Meeting:
    """Where machines of one job find each other.

    Attributes:
        path: a file that all of them see, new for each start of the job.
        address: of the first, under which the others reach it.
        machines: how many they are.
    """

    path: Path
    address: str
    machines: int


class Place(TypedDict):
    """Where the first machine listens, and what those who come must know."""

    address: str
    port: int
    token: str


class Nodes:
    """The first machine's processes and the agents on the others, as one that does tasks."""

    def __init__(self, here: Crew, meeting: Meeting) -> None:
        """Wait for the others.

        Raises:
            LostNodeError: not all came.
        """
        self.processes = here.processes
        self._here = here
        self._address = meeting.address
        self._agents = _gather(meeting)
        self._found: dict[Connection, Outcome] = {}
        self._own: Outcome | None = None
        self._deadline: float | None = None
        self._late = False  # see `Crew`

    def start(self) -> None:
        """Start the processes here; agents start theirs with the first task."""
        self._here.start()

    def begin(self, task: Task) -> None:
        """Start with a task on all machines."""
        self._found, self._own, self._deadline, self._late = {}, None, None, False
        task = replace(task, meeting=(self._address, free_port()))
        self._tell(task)
        self._here.begin(task)

    def outcome(self, seconds: float) -> Outcome | None:
        """What became of the task on all machines; None where nobody knows yet.

        Raises:
            LostNodeError: a machine is gone.
        """
        end = time.monotonic() + seconds
        while self._own is None or len(self._found) < len(self._agents):
            if self._own is None:
                self._own = self._heard(self._here.outcome(TALK_SECONDS))
            waiting = [agent for agent in self._agents if agent not in self._found]
            for agent in wait(waiting, 0 if self._own is None else TALK_SECONDS):
                assert isinstance(agent, Connection)
                self._found[agent] = self._heard(_received(agent))
            self._end_those_who_wait_in_vain()
            if time.monotonic() > end:
                break
        if self._own is None or len(self._found) < len(self._agents):
            return None
        return joined([self._own, *(self._found[agent] for agent in self._agents)])

    def _heard(self, outcome: Any) -> Any:
        return Outcome() if outcome and self._late else outcome

    def _end_those_who_wait_in_vain(self) -> None:
        known = [*self._found.values(), *([self._own] if self._own else [])]
        if self._deadline is None and any(not one.well for one in known):
            self._deadline = time.monotonic() + PATIENCE_SECONDS
        if self._deadline and time.monotonic() > self._deadline:
            self._late = True
            self.kill()

    def stop(self) -> None:
        """Ask all machines for an end in good order."""
        self._tell("stop")
        self._here.stop()

    def kill(self) -> None:
        """End it on all machines now."""
        self._tell("kill")
        self._here.kill()

    def close(self) -> None:
        """There is nothing more to do on any machine."""
        with suppress(LostNodeError):
            self._tell(None)
        self._here.close()
        for agent in self._agents:
            with suppress(EOFError, OSError):
                agent.poll(CLOSE_SECONDS)  # until it is gone: the end of this one would kill it
            agent.close()

    def _tell(self, order: Order) -> None:
        for agent in self._agents:
            try:
                agent.send(order)
            except OSError:
                raise LostNodeError("a machine of this job is gone") from None


def _received(agent: Connection) -> Outcome:
    try:
        outcome: Outcome = agent.recv()
    except (EOFError, OSError):
        raise LostNodeError("a machine of this job is gone") from None
    return outcome


def serve(crew: Doers, meeting: Meeting) -> None:
    """Do with the processes here what the first machine says, until all is done.

    Signals are left to the first machine, which hears them, too.

    Raises:
        LostNodeError: it did not come, or is gone.
    """
    with noticing_stop() as stop:
        try:
            first = _connect(meeting)
            busy = False
            while stop.signal is None or busy:
                if first.poll(TALK_SECONDS):
                    order: Order = first.recv()
                    if order is None:
                        return
                    if isinstance(order, Task):
                        crew.begin(order)
                        busy = True
                    elif busy:
                        crew.stop() if order == "stop" else crew.kill()
                if busy and (outcome := crew.outcome(TALK_SECONDS)) is not None:
                    first.send(outcome)
                    busy = False
            while first.recv() is not None:  # the first ends us as it ends
                pass
        except (EOFError, OSError, AuthenticationError):
            if stop.signal is None:
                raise LostNodeError("the first machine of this job is gone") from None
        finally:
            crew.close()


def _gather(meeting: Meeting) -> list[Connection]:
    """Connections to the agents of all other machines.

    Raises:
        LostNodeError: not all came.
    """
    agents: list[Connection] = []
    token = secrets.token_bytes(32)
    listener = Listener((meeting.address, 0), backlog=meeting.machines, authkey=token)

    def accept() -> None:
        while len(agents) < meeting.machines - 1:
            with suppress(AuthenticationError, EOFError, ConnectionError):
                agents.append(listener.accept())

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    address, port = listener.address
    write_json(meeting.path, {"address": address, "port": port, "token": token.hex()}, mode=0o600)
    thread.join(FORM_SECONDS)
    meeting.path.unlink(missing_ok=True)
    if thread.is_alive():
        came = len(agents) + 1
        raise LostNodeError(f"only {came} of {meeting.machines} machines of this job came")
    listener.close()
    return agents


def _connect(meeting: Meeting) -> Connection:
    deadline = time.monotonic() + FORM_SECONDS
    while time.monotonic() < deadline:
        found = read_json(meeting.path, Place)
        if found:
            address = (found["address"], found["port"])
            with suppress(ConnectionError):
                return Client(address, authkey=bytes.fromhex(found["token"]))
        time.sleep(TALK_SECONDS)
    raise LostNodeError(f"the first machine of this job did not come in {FORM_SECONDS:.0f} s")
