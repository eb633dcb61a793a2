"""Fast-to-Slow or Slow-to-Fast: through which network should a stitch begin?"""

from ablations import Axis, Claim, Study
from studies.experiments.stitching import STITCHING
from studies.overview import BASELINE, PAPER

STUDY = Study(
    title="Stitching direction",
    question="Are stitches better that begin in the fast network, or in the slow one?",
    experiment=STITCHING,
    baseline=BASELINE,
    axes=[Axis("direction", ["fast_to_slow", "slow_to_fast"])],
    seeds=10,
    claims=[
        Claim(
            words="Most Fast-to-Slow stitches beat what Slow-to-Fast gives for the same MACs",
            measure="score",
            at={"direction": "fast_to_slow"},
            than={"direction": "slow_to_fast"},
            statistic="share",
            pairing="macs",
            source=PAPER,
        ),
        Claim(
            words="On average, Fast-to-Slow beats Slow-to-Fast at the same MACs",
            measure="score",
            at={"direction": "fast_to_slow"},
            than={"direction": "slow_to_fast"},
            pairing="macs",
            source=PAPER,
        ),
    ],
)
