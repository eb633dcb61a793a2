"""What paired differences say about a claim, with the seed as the unit of replication.

Stitches of one network are not independent, and they are all there are: they make one number a
seed, and Student's t over seeds gives both interval and p. Chosen by simulation (3 to 10 seeds,
stitches independent or not, errors normal or exponential). Its 95 % intervals cover 94 to 96 %,
with exponential errors 88 to 96 %; of the hierarchical bootstraps percentiles cover 70 to 100 %,
expanded ones 81 to 100 %, studentised ones 90 to 96 %, up to 2.4 times as wide. Errors so skewed
miss on one side: 11 % for 2.5 % there, and 14 % for the 5 % of an equivalence at its very margin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ablations.errors import UserError
from reports.statistics.bootstrap import bootstrap_interval
from reports.statistics.confidence import (
    CONFIDENCE,
    CONFIDENCE_WORDS,
    EQUIVALENCE_CONFIDENCE,
    EQUIVALENCE_WORDS,
    LEAST_SEEDS,
    LEVEL,
)
from reports.statistics.images import with_images
from reports.statistics.interval import Estimate, digits_for, estimate, number

Relation = Literal["greater", "equivalent"]
Statistic = Literal["mean", "share"]
Verdict = Literal["supported", "contradicted", "undecided"]

ROUND_UNITS = ("points", "hundredths")  # told with one digit after the point
FEW = {0: "no seed yet", 1: "one seed: too few to decide", 2: "two seeds: too few to decide"}


@dataclass(frozen=True)
class Sample:
    """Differences between two conditions (percentage points) on paired stitches, by seed.

    A claim about whole runs has one difference a seed. Seeds without any count as missing.

    Attributes:
        trouble: what keeps seeds from being compared, beside that they are not done.
    """

    differences: Mapping[int, NDArray[np.float64]]
    planned: int  # seeds asked for
    # the same with one group of the test images left out, by seed: a list of as many as there are
    # groups; empty where the runs do not tell which images were correct
    without: Mapping[int, Sequence[NDArray[np.float64]]] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True)
class Evidence:
    """How a claim fares. All lengths are in the unit of what is measured.

    Both p's of a `greater` claim are doubled, since either may decide: below LEVEL exactly when
    `interval` leaves the margin out. Equivalence is shown by two one-sided tests: p below LEVEL
    exactly when `tost_interval` lies within the margin; its contrary, an effect beyond the margin,
    goes by `interval` as well.
    """

    relation: Relation
    margin: float
    statistic: Statistic
    estimate: Estimate  # of the effect, over seeds and test images
    over_seeds: Estimate  # its error over seeds alone
    planned: int
    n_stitches: int  # of the seed that has fewest
    p: float  # of the claim; 1 where fewer than three seeds test nothing
    p_contrary: float
    p_corrected: float  # of the smaller of the two, which alone can decide
    claims: int = 1  # that it was corrected for
    units: Sequence[NDArray[np.float64]] = field(default=(), repr=False, compare=False)  # by seed
    unit: str = "points"  # of what is measured
    trouble: str = ""  # see `Sample`

    @property
    def digits(self) -> int:
        """How many digits after the point words have: of points one, unless all would be 0.0."""
        told = [self.effect, *(self.interval or ())]
        plain = self.unit in ROUND_UNITS or self.statistic == "share"
        if plain and (not any(told) or any(round(value, 1) for value in told)):
            return 1
        return digits_for(told)

    @property
    def effect(self) -> float:
        """Mean over seeds; of a share, what it is above 50 %."""
        return self.estimate.mean

    @property
    def n_seeds(self) -> int:
        """Seeds that there are."""
        return self.estimate.n

    @property
    def distance(self) -> float:
        """How far the effect is on the claim's side of the margin; negative on the other."""
        if self.relation == "greater":
            return self.effect - self.margin
        return self.margin - abs(self.effect)

    @property
    def spread(self) -> float | None:
        """Standard deviation between seeds; None with one."""
        error = self.over_seeds.error
        return None if error is None else error * self.n_seeds**0.5

    @property
    def size(self) -> float | None:
        """Hedges' g: the effect in spreads, less the bias of few seeds; None if it has none."""
        if self.n_seeds < LEAST_SEEDS or not self.spread:
            return None
        return self.effect / self.spread * (1 - 3 / (4 * (self.n_seeds - 1) - 1))

    @property
    def interval(self) -> tuple[float, float] | None:
        """Student's interval over seeds and test images; None with one seed, or without spread."""
        return self._within(self.estimate.interval(CONFIDENCE))

    @property
    def seeds_interval(self) -> tuple[float, float] | None:
        """What the interval would be if only seeds made a difference, for the same test images."""
        return self._within(self.over_seeds.interval(CONFIDENCE))

    @property
    def of_images(self) -> float:
        """The share of the effect's variance (0 to 1) that is of the test images."""
        return (self.estimate.images / self.estimate.error) ** 2 if self.estimate.error else 0.0

    @property
    def tost_interval(self) -> tuple[float, float] | None:
        """The narrower interval that the two one-sided tests of equivalence look at."""
        return self._within(self.estimate.interval(EQUIVALENCE_CONFIDENCE))

    @property
    def bootstrap(self) -> tuple[float, float] | None:
        """The interval of a hierarchical bootstrap, to be seen beside the one that decides."""
        return bootstrap_interval(self.units, CONFIDENCE)

    @property
    def verdict(self) -> Verdict:
        """Follows the corrected p, which is 1 with fewer than three seeds."""
        if self.p_corrected >= LEVEL:
            return "undecided"
        return "supported" if self.p < self.p_contrary else "contradicted"

    @property
    def reason(self) -> str:
        """Why the verdict is what it is, for example `two seeds: too few to decide`."""
        reason = FEW[self.n_seeds] if self.n_seeds < LEAST_SEEDS else self._why()
        if self.trouble:  # where no seed is left it says all
            reason = f"{self.trouble}; {reason}" if self.n_seeds else self.trouble
        missing = self.planned - self.n_seeds
        return f"{reason}; {missing} of {self.planned} seeds missing" if missing > 0 else reason

    def _why(self) -> str:
        undecided = self.verdict == "undecided"
        if undecided and min(self.p, self.p_contrary) < LEVEL:
            return f"p is below {LEVEL}, but not once corrected for {self.claims} claims"
        if self.interval is None:
            effect = number(self.effect, self.digits, sign=True)
            agree = f"all seeds give {effect} {self.unit}".rstrip()  # a share has spread
            return f"{agree}, and are too few to go by that" if undecided else agree
        return f"the {self._where()} {self._bound()}"

    def _where(self) -> str:
        """How the interval that decides lies to the bound."""
        equivalent = self.relation == "equivalent"
        if self.verdict == "undecided":
            return f"interval {'crosses' if equivalent else 'holds'}"
        if self.verdict == "contradicted":
            return f"{CONFIDENCE_WORDS} interval is {'beyond' if equivalent else 'below'}"
        if equivalent:
            return f"{EQUIVALENCE_WORDS} interval is within"
        return f"{CONFIDENCE_WORDS} interval is above"

    def _bound(self) -> str:
        """What the effect is held against, as `words` prints effects."""
        share, margin = self.statistic == "share", f"{self.margin:g}"
        if self.relation == "equivalent":
            return f"50 ± {margin} %" if share else f"±{margin}"
        return f"{50 + self.margin:g} %" if share else margin.replace("-", "\N{MINUS SIGN}")

    def _within(self, interval: tuple[float, float] | None) -> tuple[float, float] | None:
        """A share's effect cannot leave -50 to 50."""
        if interval is None or self.statistic == "mean":
            return interval
        return max(interval[0], -50.0), min(interval[1], 50.0)


def assess(
    sample: Sample,
    relation: Relation = "greater",
    margin: float = 0.0,
    statistic: Statistic = "mean",
    unit: str = "points",
) -> Evidence:
    """Test a claim and its contrary.

    Arguments:
        relation: `greater`: the effect exceeds `margin`; `equivalent`: it is within ±`margin`.
        margin: in `unit`.
        statistic: of the stitches of a seed: `mean`, or the `share` of positive differences in
            percent above 50, ties counting half. A share's spread is taken as no less than half a
            stitch, which is what counting cannot tell.
        unit: of the differences, for words.

    Raises:
        UserError: equivalence without a margin above 0.
        ValueError: a difference is not a finite number.
    """
    if relation == "equivalent" and not margin > 0:
        raise UserError(f"margin {margin}: equivalence needs one above 0")
    seeds = _by_seed(sample)
    stitches = min((seed.size for seed in seeds), default=0)
    units, least_spread = seeds, 0.0
    if statistic == "share":
        units, least_spread = [50 * np.sign(seed) for seed in seeds], 50 / max(stitches, 1)
    found = estimate([float(unit.mean()) for unit in units], least_spread)
    untested = Evidence(
        relation,
        margin,
        statistic,
        _with_images(found, sample, statistic),
        found,
        sample.planned,
        stitches,
        p=1.0,
        p_contrary=1.0,
        p_corrected=1.0,
        units=units,
        unit=unit,
        trouble=sample.trouble,
    )
    return untested if found.n < LEAST_SEEDS else _tested(untested)


def _with_images(found: Estimate, sample: Sample, statistic: Statistic) -> Estimate:
    """The estimate with what test images add, where every seed tells it."""
    seeds = [seed for seed in sorted(sample.differences) if np.size(sample.differences[seed])]
    groups = [sample.without.get(seed) for seed in seeds]
    told = [parts for parts in groups if parts]
    if not told or len(told) < len(seeds):
        return found
    left = [[50 * np.sign(one) if statistic == "share" else one for one in seed] for seed in told]
    # without some images two settings may have no row in common
    effects = np.array([[one.mean() if one.size else np.nan for one in seed] for seed in left])
    return with_images(found, effects) if np.isfinite(effects).all() else found


def _by_seed(sample: Sample) -> list[NDArray[np.float64]]:
    """The differences of each seed that has some.

    Sorted: the order of sums, and so the report's bytes, must not hang on that of runs.
    """
    arrays = [np.asarray(sample.differences[seed], float) for seed in sorted(sample.differences)]
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("differences between conditions must be finite numbers")
    return [array for array in arrays if array.size]


def _tested(evidence: Evidence) -> Evidence:
    """The evidence with its p's."""
    found, distance = evidence.estimate, evidence.distance
    # equivalence needs both one-sided tests, so the closer bound decides, undoubled
    sides = 2 if evidence.relation == "greater" else 1
    p, contrary = min(sides * found.p(distance), 1.0), min(2 * found.p(-distance), 1.0)
    return replace(evidence, p=p, p_contrary=contrary, p_corrected=min(p, contrary))


def correct_for_many(evidences: Sequence[Evidence]) -> list[Evidence]:
    """The evidences in their order, p corrected by Holm for all claims of a report.

    Claims that wait for seeds count as well: no verdict is lost when they come.
    """
    from statsmodels.stats.multitest import multipletests

    smaller = [min(evidence.p, evidence.p_contrary) for evidence in evidences]
    corrected = multipletests(smaller, method="holm")[1]
    return [
        replace(evidence, p_corrected=float(p), claims=len(evidences))
        for evidence, p in zip(evidences, corrected, strict=True)
    ]


def words(evidence: Evidence) -> str:
    """Words for a table cell: `+12.3 points [9.8, 14.9], 5 seeds, p < 0.001`.

    With several claims the corrected p follows.
    """
    text = effect_words(evidence)
    if evidence.n_seeds < LEAST_SEEDS:
        return text
    text += f", {_p(min(evidence.p, evidence.p_contrary))}"
    return f"{text}, corrected {_p(evidence.p_corrected)}" if evidence.claims > 1 else text


def effect_words(evidence: Evidence) -> str:
    """Words for an effect: `+12.3 points [9.8, 14.9], 5 seeds`.

    The interval has the usual confidence; that of equivalence has less, and says how much.
    """
    if not evidence.n_seeds:
        return "\N{EN DASH}"
    share, equivalent = evidence.statistic == "share", evidence.relation == "equivalent"
    origin = 50 if share else 0
    effect = number(evidence.effect + origin, evidence.digits, sign=not share)
    text = f"{effect} {'% of stitches' if share else evidence.unit}".rstrip()
    interval = evidence.tost_interval if equivalent else evidence.interval
    if interval is not None:
        text += f" {interval_words(interval, evidence.statistic, evidence.digits)}"
        text += f" ({EQUIVALENCE_WORDS})" if equivalent else ""
    seeds, planned = evidence.n_seeds, evidence.planned
    if seeds < planned:
        return f"{text}, {seeds} of {planned} seeds"
    return f"{text}, {seeds} seed{'s' if seeds > 1 else ''}"


def interval_words(interval: tuple[float, float], statistic: Statistic, digits: int = 1) -> str:
    """An interval, for example `[9.8, 14.9]`; of a share, in percent of the stitches."""
    origin = 50 if statistic == "share" else 0
    return f"[{', '.join(number(end + origin, digits) for end in interval)}]"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
