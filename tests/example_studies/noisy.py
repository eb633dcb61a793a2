"""An experiment whose values scatter more from seed to seed than from setting to setting."""

from dataclasses import dataclass
from random import Random

from ablations import Axis, Experiment, Objective, Study


@dataclass(frozen=True)
class NoisyConfig:
    offset: float = 0.0
    mode: str = "a"
    limit: int = 9
    seed: int = 0


def run_noisy(config, run):
    """The offset, under noise that all settings share and a little of each one's own."""
    shared, own = Random(config.seed), Random(f"{config.offset} {config.seed}")
    return {"value": config.offset + shared.gauss(0, 5) + own.gauss(0, 0.1)}


STUDY = Study(
    title="Noise",
    question="Are bad settings given up early?",
    experiment=Experiment(
        name="noisy",
        config=NoisyConfig,
        function=run_noisy,
        objectives={
            "value": Objective(
                {"value": "minimize"}, lambda run, budget: [run.result()["metrics"]["value"]]
            )
        },
    ),
    baseline={"mode": "a"},
    axes=[Axis("mode", ["a", "b", "c"])],
    where=lambda config: config.mode != "c" or config.limit < 9,
)
