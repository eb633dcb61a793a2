"""A gallery cut into two of disjoint seeds."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.halves import expected_share, main
from helpers.commands import run_ablate
from reports.statistics.evidence import Sample, assess

STUDY = """
from dataclasses import dataclass
from ablations import Axis, Claim, Experiment, Metric, Study

@dataclass(frozen=True)
class Throw:
    seed: int = 0
    extra: float = 0.0

def throw(config, run):
    return {"height": config.extra * (1 + (config.seed * 7 % 5) / 10)}

STUDY = Study(
    title="Throws", question="How high?",
    experiment=Experiment("throws", Throw, throw, metrics=[Metric("height")]),
    baseline={}, axes=[Axis("extra", [0.0, 1.0])], seeds=SEEDS,
    claims=[Claim("More is more", "height", {"extra": "1.0"}, {"extra": "0.0"})],
)
"""


@pytest.mark.parametrize("seeds", [3, 5])
def test_as_many_effects_lie_inside_as_should(seeds):
    draws = np.random.default_rng(seeds).normal(size=(4000, 2, seeds))
    inside = 0
    for one, other in draws:
        sample = Sample({seed: np.array([value]) for seed, value in enumerate(one)}, seeds)
        low, high = assess(sample).interval
        inside += low <= other.mean() <= high
    assert inside / len(draws) == pytest.approx(expected_share(seeds), abs=0.02)


@pytest.mark.slow
def test_both_halves_of_a_home_are_judged(tmp_path):
    study, home = tmp_path / "throws.py", tmp_path / "home"
    study.write_text(STUDY.replace("SEEDS", "6"))
    assert run_ablate(home, "run", str(study)).returncode == 0
    told = CliRunner().invoke(main, [str(home)])
    assert told.exit_code == 0, told.output
    assert (
        "| throws | More is more | supported: +1.20 [0.70, 1.70], 3 seeds | "
        "supported: +1.13 [0.75, 1.51], 3 seeds | True | 3 | 2 |" in told.output
    )
    assert "2 of 2 effects (100%) lie in the interval of the other half" in told.output
