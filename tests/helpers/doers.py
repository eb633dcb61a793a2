"""Doing runs without processes: in this one."""

from __future__ import annotations

from ablations.launch.member import perform
from ablations.launch.task import Outcome, Task
from ablations.runs.home import Home
from ablations.study.experiment import Experiment


class Here:
    """What `ablations.launch.crew.Doers` asks for; a task is done where it begins.

    Attributes:
        stops, kills: how often it was asked to.
    """

    processes = 1

    def __init__(self, home: Home, experiment: Experiment) -> None:
        self.home, self.experiment = home, experiment
        self.stops = self.kills = 0
        self._outcome: Outcome | None = None

    def start(self) -> None:
        pass

    def begin(self, task: Task) -> None:
        self._outcome = perform(self.experiment, self.home, task)

    def outcome(self, seconds: float) -> Outcome | None:
        return self._outcome

    def stop(self) -> None:
        self.stops += 1

    def kill(self) -> None:
        self.kills += 1

    def close(self) -> None:
        pass
