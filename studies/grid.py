"""Every combination of the five design choices of SN-Net."""

from ablations import Study
from studies.experiments.stitching import STITCHING
from studies.overview import AXES, BASELINE

STUDY = Study(
    title="Full grid of the design choices",
    question=(
        "Do the design choices of SN-Net act on their own, or does the effect of one depend on "
        "the others? Every combination of the five axes is trained."
    ),
    experiment=STITCHING,
    baseline=BASELINE,
    axes=AXES,
    design="factorial",
)
