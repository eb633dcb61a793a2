"""A study whose runs do what their setting `do` says, and crews that do them."""

from __future__ import annotations

from pathlib import Path

from ablations.launch.crew import Doers, free_port
from ablations.launch.task import Outcome, Task
from helpers.processes import DEADLINE

ENDS = """
import ctypes, faulthandler, os, resource, signal, sys, threading, time
from dataclasses import dataclass
from ablations import Axis, Experiment, Study

@dataclass(frozen=True)
class Config:
    do: str = "pass"
    seed: int = 0

def run(config, run):
    rank = int(os.environ.get("RANK", "0"))
    exec(config.do, globals() | {"run": run, "rank": rank})
    return {"pid": float(os.getpid())}

EXPERIMENT = Experiment("ends", Config, run)
STUDY = Study("Ends", "How?", EXPERIMENT, [Axis("seed2", {"0": {"do": "pass"}})], {})
"""


def ends_study(folder: Path) -> str:
    """The study's file."""
    path = folder / "ends.py"
    path.write_text(ENDS)
    return str(path)


def task(folder: Path, do: str) -> Task:
    folder.mkdir(exist_ok=True)
    return Task("key", 1, {"do": do, "seed": 0}, folder, ("127.0.0.1", free_port()))


def do(doers: Doers, folder: Path, what: str) -> Outcome:
    doers.begin(task(folder, what))
    outcome = doers.outcome(DEADLINE)
    assert outcome is not None
    return outcome
