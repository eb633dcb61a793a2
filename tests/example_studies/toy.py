"""An experiment that "trains" a parabola in milliseconds, to test the machinery with."""

import os
import time
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from ablations import Axis, Chart, Experiment, Metric, Objective, Presentation, Study, Table


@dataclass(frozen=True)
class ToyConfig:
    rate: Annotated[float, Ge(0)] = 0.1
    rule: Literal["plain", "momentum"] = "plain"
    steps: Annotated[int, Ge(1)] = 5
    pause: float = 0.0  # seconds a step
    fail_unless: str = ""  # a file without which the run fails
    seed: int = 0


def is_held(run, error):
    """Whether a file `hold` in the home makes this run wait; a number there: the worse ones."""
    try:
        least = (run.cache.parent / "hold").read_text()
    except FileNotFoundError:
        return False
    return not least or error > float(least)


def run_toy(config, run):
    """Gradient descent on x^2; a table of four "stitches", two of them anchors."""
    import pandas as pd

    if config.fail_unless and not os.path.exists(config.fail_unless):
        raise RuntimeError("the toy was told to fail [/bold]")  # no markup
    x, speed, trace = 1.0 + config.seed / 100, 0.0, []
    for step in range(1, config.steps + 1):
        while step > 2 and is_held(run, abs(trace[0])):
            time.sleep(0.05)
        speed = 2 * x + (0.5 * speed if config.rule == "momentum" else 0)
        x -= config.rate * speed
        trace.append(x)
        time.sleep(config.pause)
        run.log(step, config.steps, {"loss": x * x})
        # one line a step that ran, to count work that was done twice
        with open(run.directory / "steps.log", "a") as file:
            file.write(f"{step}\n")
    accuracy = [0.7, 0.9, 0.8 - x * x / 10, 0.85 - x * x / 10]
    table = pd.DataFrame(
        {
            "route": ["0", "1", "0.0>1.1", "0.1>1.1"],
            "anchors": ["0", "1", "0-1", "0-1"],
            "is_anchor": [True, True, False, False],
            "macs": [100, 400, 200, 300],
            "params": [10, 40, 20, 30],
            "visits": [1, 1, 1, 1],
            "top1": accuracy,
            "top1_before": [0.7, 0.9, 0.2, 0.3],
            "correct": [b"\x80", b"\xc0", b"\xe0", b"\xf0"],
        },
        index=pd.RangeIndex(4, name="stitch"),
    )
    run.save_table("stitch", table)
    return {
        "final": x,
        "mean_top1": float(table.top1.mean()),
        "mean_top1_before": float(table.top1_before.mean()),
        "worst_top1": float(table.top1.min()),
        "train_seconds": config.steps * config.pause,
        "passes": float(config.steps),
    }


def final_error(run, budget):
    """How far from the minimum it ended."""
    return [abs(run.result()["metrics"]["final"])]


def error_so_far(run, budget):
    steps = [entry for entry in run.progress() if "step" in entry]
    return {100 * one["step"] // one["of"]: one["metrics"]["loss"] ** 0.5 for one in steps[:-1]}


def error_and_passes(run, budget):
    return [*final_error(run, budget), run.result()["metrics"]["passes"]]


def best_within(run, budget):
    import pandas as pd

    table = pd.read_parquet(run.files / "stitch.parquet")
    return [table.top1[table.macs <= budget].max()]


PRESENTATION = Presentation(
    charts=(Chart("top1", over="macs", table="stitch"), Chart("loss")),
    columns=("mean_top1",),
    disposable=("model.safetensors",),
    caches=("answers",),
    dataset=("rule", "steps"),
)

TOY = Experiment(
    name="toy",
    config=ToyConfig,
    function=run_toy,
    scales={"small": {"parabola": {}}, "large": {"parabola": {"pause": 0.001}}},
    expected_seconds=lambda config: config.steps * (config.pause + 0.001),
    metrics=[Metric("mean_top1", "mean top-1", "%", "maximize", 100)],
    table=Table(
        "stitch",
        row="route",
        scores=(
            Metric("top1", "top-1 accuracy", "%", "maximize", 100),
            Metric("top1_before", "top-1 before training", "%", "maximize", 100),
        ),
        cost=Metric("macs", "MACs", goal="minimize"),
        marked="is_anchor",
    ),
    objectives={
        "error": Objective({"error": "minimize"}, final_error, error_so_far),
        "top1": Objective({"top1": "maximize"}, best_within, budget="MACS"),
        "pareto": Objective({"error": "minimize", "passes": "minimize"}, error_and_passes),
    },
    presentation=PRESENTATION,
    pairings=("route", "macs"),
)

STUDY = Study(
    title="A toy",
    question="Does the machinery work?",
    experiment=TOY,
    baseline={"rate": 0.1, "rule": "plain"},
    axes=[
        Axis("rate", [0.1, 0.2]),
        Axis("rule", ["plain", "momentum"]),
        Axis("pace", {"5": {"steps": 5}, "10": {"steps": 10}}),
    ],
    seeds=2,
)
