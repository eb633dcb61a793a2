"""A study whose runs take milliseconds, to measure the machinery with."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pandas as pd

from ablations import Attempt, Axis, Experiment, Study

STEPS = 5


@dataclass(frozen=True)
class Settings:
    """Settings of a parabola's descent."""

    rate: float = 0.1
    momentum: float = 0.0
    seed: int = 0


def descend(config: Settings, run: Attempt) -> dict[str, float]:
    """A run of milliseconds: curves, a table, and its own seconds."""
    start = time.perf_counter()
    x, speed, trace = 1.0 + config.seed / 100, 0.0, []
    for step in range(1, STEPS + 1):
        speed = 2 * x + config.momentum * speed
        x -= config.rate * speed
        trace.append(x)
        run.log(step, STEPS, {"loss": x * x})
    run.save_table("trace", pd.DataFrame({"x": trace}))
    return {"final": x, "own_seconds": time.perf_counter() - start}


LEVELS = [number / 100 for number in range(10)]
STUDY = Study(
    title="A grid",
    question="What does the machinery cost?",
    experiment=Experiment("parabola", Settings, descend),
    axes=[Axis("rate", LEVELS), Axis("momentum", LEVELS)],
    baseline={"rate": 0.0},
    design="factorial",
)
