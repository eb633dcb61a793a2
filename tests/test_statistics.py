"""The statistics behind verdicts: right by hand, and at their level in simulation.

Simulations have fixed seeds. Their bounds are binomial: with other seeds they would raise a false
alarm with a chance below 1e-4, all together.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from ablations.errors import UserError
from reports.statistics.evidence import Sample, assess, correct_for_many, words
from reports.statistics.mcnemar import McNemar, mcnemar
from reports.statistics.power import outlook, seeds_needed

ALARM = 1e-6  # of one bound; there are two dozen

pytestmark = pytest.mark.filterwarnings("error")


def runs(*values, planned=None):
    """A claim about whole runs: one difference a seed."""
    return Sample({n: np.array([value]) for n, value in enumerate(values)}, planned or len(values))


def like(mean, spread, seeds):
    """Whole runs with exactly this mean and standard deviation between seeds."""
    values = np.arange(seeds, dtype=float)
    return runs(*(mean + spread * (values - values.mean()) / values.std(ddof=1)))


def drawn(count, seeds=5, effect=0.0, between=1.0, shared=0.0, skewed=False):
    """Samples of 30 stitches; `shared` is the part of a stitch's variance common to ten of them."""
    generator = np.random.default_rng(7)

    def errors(*shape):
        exponential = generator.exponential(size=shape) - 1
        return exponential if skewed else generator.normal(size=shape)

    of_seeds = between * errors(count, seeds, 1)
    of_groups = np.repeat(errors(count, seeds, 3), 10, axis=2)
    own = np.sqrt(shared) * of_groups + np.sqrt(1 - shared) * errors(count, seeds, 30)
    fixed = np.linspace(-3, 3, 30)  # stitches differ in the same way in all seeds
    return [Sample(dict(enumerate(each)), seeds) for each in effect + of_seeds + own + fixed]


def bounds(count, chance):
    """What a binomial count stays within, but for a chance of 2 ALARM."""
    return stats.binom.ppf(ALARM, count, chance), stats.binom.isf(ALARM, count, chance)


# verdicts


def test_an_effect_is_supported_and_its_reverse_contradicted():
    (sample,) = drawn(1, effect=5.0)
    reverse = Sample({seed: -values for seed, values in sample.differences.items()}, 5)
    for statistic, bound in (("mean", "0"), ("share", "50 %")):
        found = assess(sample, statistic=statistic)
        assert found.verdict == "supported"
        assert found.reason == f"the 95 % interval is above {bound}"
        against = assess(reverse, statistic=statistic)
        assert against.verdict == "contradicted"
        assert against.reason == f"the 95 % interval is below {bound}"
    assert assess(sample, margin=10.0).verdict == "contradicted"
    assert assess(sample, "equivalent", 1.0).verdict == "contradicted"
    assert assess(sample, "equivalent", 1.0).reason == "the 95 % interval is beyond ±1"
    shares = assess(sample, "equivalent", 5.0, "share")
    assert shares.reason == "the 95 % interval is beyond 50 ± 5 %"


def test_no_effect_is_equivalence_where_it_is_claimed():
    sample = like(0.1, 0.5, 8)
    assert assess(sample).verdict == "undecided"
    assert assess(sample).reason == "the interval holds 0"
    found = assess(sample, "equivalent", 1.0)
    assert found.verdict == "supported"
    assert found.reason == "the 90 % interval is within ±1"
    assert assess(sample, "equivalent", 0.2).verdict == "undecided"
    assert assess(sample, "equivalent", 0.2).reason == "the interval crosses ±0.2"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((), "no seed yet"),
        ((9.0,), "one seed: too few to decide"),
        ((9.0, 9.1), "two seeds: too few to decide"),
    ],
)
@pytest.mark.parametrize("relation", ["greater", "equivalent"])
def test_fewer_than_three_seeds_decide_nothing(values, reason, relation):
    found = assess(runs(*values, planned=5), relation, 1.0)
    assert found.verdict == "undecided"
    assert found.reason == f"{reason}; {5 - len(values)} of 5 seeds missing"
    assert (found.p, found.p_contrary) == (1.0, 1.0)
    assert assess(runs(9.0, 9.1, 9.2)).verdict == "supported"


def test_seeds_without_stitches_are_missing():
    sample = runs(1.0, 2.0, 3.0, planned=4)
    found = assess(Sample({**sample.differences, 9: np.array([])}, 4))
    assert (found.n_seeds, found.n_stitches) == (3, 1)
    assert found.reason.endswith("; 1 of 4 seeds missing")


def test_seeds_that_do_not_differ_are_judged_by_their_number():
    found = assess(runs(*[0.1 + 0.2] * 5))
    assert (found.p, found.verdict, found.interval, found.size) == (1 / 16, "undecided", None, None)
    assert found.reason == "all seeds give +0.3 points, and are too few to go by that"
    assert assess(runs(*[0.3] * 6)).verdict == "supported"
    assert assess(runs(*[-0.3] * 6)).verdict == "contradicted"
    same = assess(runs(*[0.0] * 5), "equivalent", 0.5)
    assert (same.p, same.verdict) == (1 / 32, "supported")
    assert same.reason == "all seeds give +0.0 points"
    assert assess(runs(*[0.0] * 9)).p == 1.0


def test_sums_of_equal_numbers_leave_no_spread():
    values = [np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.2, 0.1]), np.array([0.2, 0.1, 0.3])]
    assert len({float(array.mean()) for array in values}) > 1
    assert assess(Sample(dict(enumerate(values)), 3)).spread == 0


def test_perfect_shares_are_not_certain():
    stitches = Sample({seed: np.ones(20) for seed in range(5)}, 5)
    found = assess(stitches, statistic="share")
    assert found.verdict == "supported"
    assert found.spread == pytest.approx(50 / 20)
    low, high = found.interval
    assert (low, high) == (pytest.approx(50 - 2.776 * 2.5 / 5**0.5, abs=1e-3), 50)
    assert words(found) == "100.0 % of stitches [96.9, 100.0], 5 seeds, p < 0.001"
    assert assess(runs(*[1.0] * 5), statistic="share").verdict == "undecided"  # five coins


def test_ties_count_half_in_a_share():
    one = np.array([1.0, 2.0, 0.0, -1.0])  # 2 + 1/2 of 4
    other = np.array([1.0, 0.0, 0.0, 0.0])
    equal = np.zeros(4)
    found = assess(Sample({0: one, 1: other, 2: equal}, 3), statistic="share")
    assert found.effect == pytest.approx((12.5 + 12.5 + 0) / 3)


def test_what_cannot_be_assessed_says_so():
    with pytest.raises(UserError, match=r"margin 0.0: equivalence needs one above 0"):
        assess(runs(1.0, 2.0, 3.0), "equivalent")
    with pytest.raises(ValueError, match="finite"):
        assess(runs(1.0, np.nan, 3.0))


# against other implementations


def test_p_interval_and_size_against_scipy():
    values = [2.0, 3.5, 1.0, 4.0, 0.5]
    found, test = assess(runs(*values), margin=0.5), stats.ttest_1samp(values, 0.5)
    assert found.p == pytest.approx(test.pvalue)
    assert found.interval == pytest.approx(tuple(test.confidence_interval()))
    assert found.p_contrary == 1.0
    assert found.size == pytest.approx(2.2 / np.std(values, ddof=1) * (1 - 3 / 15))


@pytest.mark.parametrize("values", [(0.2, -0.1, 0.4, 0.0), (2.0, 0.5, 1.4, 0.6), (3.0, 3.1, 2.9)])
def test_equivalence_against_statsmodels(values):
    found, plain = assess(runs(*values), "equivalent", 1.0), DescrStatsW(values)
    assert found.p == pytest.approx(plain.ttost_mean(-1.0, 1.0)[0])
    assert found.tost_interval == pytest.approx(plain.tconfint_mean(alpha=0.1))
    beyond = plain.ttest_mean(1.0, alternative="larger")[1]
    assert found.p_contrary == pytest.approx(min(2 * beyond, 1.0))


# what always holds

differences = st.lists(st.floats(-50, 50), min_size=3, max_size=8).filter(
    lambda values: np.std(values) > 1e-3
)


@given(differences, st.floats(-20, 20))
def test_shifting_all_differences_shifts_the_effect(values, shift):
    found, moved = assess(runs(*values)), assess(runs(*np.add(values, shift)), margin=shift)
    assert moved.effect == pytest.approx(found.effect + shift, abs=1e-9)
    assert moved.interval == pytest.approx(np.add(found.interval, shift), abs=1e-9)
    assert moved.p == pytest.approx(found.p, abs=1e-6)


@given(differences, st.sampled_from(["mean", "share"]))
def test_exchanging_the_conditions_exchanges_the_verdicts(values, statistic):
    ours = assess(runs(*values), statistic=statistic)
    theirs = assess(runs(*np.negative(values)), statistic=statistic)
    assert theirs.effect == -ours.effect
    assert (theirs.p, theirs.p_contrary) == (ours.p_contrary, ours.p)
    assert {ours.verdict, theirs.verdict} in ({"undecided"}, {"supported", "contradicted"})


@given(differences, st.floats(0.1, 20))
def test_p_and_interval_agree(values, margin):
    found = assess(runs(*values), margin=margin)
    low, high = found.interval
    assert (found.p < 0.05) == (low > margin)
    assert (found.p_contrary < 0.05) == (high < margin)
    found = assess(runs(*values), "equivalent", margin)
    low, high = found.tost_interval
    assert (found.p < 0.05) == (-margin < low and high < margin)
    low, high = found.interval
    assert (found.p_contrary < 0.05) == (low > margin or high < -margin)


def test_the_order_of_seeds_changes_no_byte():
    (sample,) = drawn(1, seeds=10)
    backwards = dict(reversed(sample.differences.items()))
    for statistic in ("mean", "share"):
        found = assess(sample, statistic=statistic)
        assert repr(assess(Sample(backwards, 10), statistic=statistic)) == repr(found)


# at their level


@pytest.mark.parametrize(("between", "shared"), [(1.0, 0.0), (0.05, 0.0), (0.05, 0.5)])
def test_false_positives_are_at_their_level(between, shared):
    found = [assess(sample) for sample in drawn(500, between=between, shared=shared)]
    low, high = bounds(500, 0.05)
    assert low <= sum(each.verdict != "undecided" for each in found) <= high


@pytest.mark.parametrize("seeds", [3, 10])
def test_intervals_cover_the_effect(seeds):
    found = [assess(sample) for sample in drawn(1000, seeds, effect=2.0, between=0.3, shared=0.5)]
    low, high = bounds(1000, 0.95)
    assert low <= sum(each.interval[0] <= 2 <= each.interval[1] for each in found) <= high


@pytest.mark.parametrize("seeds", [3, 5])
def test_skewed_errors_cost_little_coverage(seeds):
    found = [assess(sample) for sample in drawn(1000, seeds, effect=2.0, skewed=True)]
    low, _ = bounds(1000, 0.88)
    assert sum(each.interval[0] <= 2 <= each.interval[1] for each in found) >= low


def test_equivalence_is_wrongly_supported_at_most_at_its_level():
    samples = drawn(1000, effect=1.0, between=0.3)  # the effect is at the very margin
    found = [assess(sample, "equivalent", 1.0).verdict for sample in samples]
    low, high = bounds(1000, 0.05)
    assert low <= found.count("supported") <= high


# many claims


def with_p(p):
    return replace(assess(runs(1.0, 2.0, 3.5)), p=p, p_contrary=1.0, p_corrected=p)


def test_holm_by_hand():
    claims = correct_for_many([with_p(p) for p in (0.01, 0.04, 0.03)])
    assert [each.p_corrected for each in claims] == pytest.approx([0.03, 0.06, 0.06])
    assert [each.p for each in claims] == [0.01, 0.04, 0.03]
    assert [each.verdict for each in claims] == ["supported", "undecided", "undecided"]
    assert claims[1].reason == "p is below 0.05, but not once corrected for 3 claims"
    assert words(claims[0]).endswith(", p = 0.010, corrected p = 0.030")
    assert correct_for_many([]) == []


def test_holm_contradicts_as_well():
    (found, _) = correct_for_many([assess(runs(-4.0, -4.1, -3.9, -4.0)), with_p(1.0)])
    assert found.verdict == "contradicted"
    assert found.p_corrected == pytest.approx(2 * found.p_contrary)


def test_claims_that_wait_for_seeds_count():
    waiting = assess(runs(1.0, planned=5))
    alone, together = with_p(0.03), correct_for_many([with_p(0.03), waiting])
    assert alone.verdict == "supported"
    assert together[0].verdict == "undecided"


def test_holm_keeps_a_whole_report_at_the_level():
    """Reports of ten claims without any effect: few have a single wrong verdict."""
    found = [assess(sample) for sample in drawn(1000)]
    reports = [found[start : start + 10] for start in range(0, 1000, 10)]
    wrong = [any(each.verdict != "undecided" for each in correct_for_many(r)) for r in reports]
    plain = [any(each.verdict != "undecided" for each in report) for report in reports]
    assert sum(wrong) <= bounds(100, 0.05)[1] < sum(plain)


# seeds needed


def decided(count, seeds, relation, margin, effect):
    """Share of simulated claims about whole runs (spread 1) that get their verdict."""
    values = np.random.default_rng(3).normal(effect, 1.0, (count, seeds))
    found = [assess(runs(*each), relation, margin).verdict for each in values]
    return 1 - found.count("undecided") / count


@pytest.mark.parametrize(
    ("relation", "margin", "effect"),
    [
        ("greater", 0.0, 1.2),
        ("greater", 2.0, 0.8),
        ("equivalent", 1.3, 0.2),
        ("equivalent", 0.5, -1.8),
    ],
)
def test_the_power_note_agrees_with_a_simulation(relation, margin, effect):
    evidence = assess(like(effect, 1.0, 4), relation, margin)
    assert evidence.verdict == "undecided"
    seeds = seeds_needed(evidence)
    slack = stats.norm.isf(ALARM) * (0.8 * 0.2 / 2000) ** 0.5
    fewer, enough = (decided(2000, n, relation, margin, effect) for n in (seeds - 1, seeds))
    assert fewer < 0.8 + slack
    assert enough > 0.8 - slack
    assert outlook(evidence).startswith(f"about {seeds} seeds would decide")


def test_the_nearer_the_margin_the_more_seeds():
    needed = [seeds_needed(assess(like(effect, 1.0, 3))) for effect in (1.5, 1.0, 0.5, 0.25)]
    assert all(few < many for few, many in pairwise(needed))
    far = assess(like(0.1, 1.0, 5))
    assert seeds_needed(far) is None
    assert outlook(far) == "more than 200 seeds would be needed: the effect is too near the margin"


def test_more_claims_need_more_seeds():
    evidence = assess(like(1.0, 1.0, 4))
    corrected = correct_for_many([evidence] * 10)[0]
    assert seeds_needed(corrected) > seeds_needed(evidence) > 4


def test_no_power_note_without_need_or_spread():
    clear = assess(like(9.0, 1.0, 5))
    assert (seeds_needed(clear), outlook(clear)) == (None, "")
    for values, note in (
        ((1.0, 2.0), "at least 3 seeds are needed"),
        ([1.0] * 4, "the seeds do not differ, which leaves open how many would decide"),
    ):
        evidence = assess(runs(*values))
        assert (seeds_needed(evidence), outlook(evidence)) == (None, note)


# words


def test_words_for_a_table_cell():
    assert words(assess(runs())) == "–"
    assert words(assess(runs(-1.0, planned=5))) == "−1.0 points, 1 of 5 seeds"
    assert words(assess(like(12.3, 2.0, 5))) == "+12.3 points [9.8, 14.8], 5 seeds, p < 0.001"
    found = assess(like(-0.1, 0.5, 4), "equivalent", 1.0)
    assert words(found) == "−0.1 points [−0.7, 0.5] (90 %), 4 seeds, p = 0.018"


# two stitches on the same images


def packed(bits):
    return np.packbits(np.array(list(bits), dtype=bool)).tobytes()


def test_mcnemar_by_hand():
    # 12 images differ, 3 to 9: 2 (1 + 12 + 66 + 220) / 2^12
    ours = packed([1] * 3 + [0] * 9 + [1] * 5)
    theirs = packed([0] * 3 + [1] * 9 + [1] * 5)
    assert mcnemar(ours, theirs, 17) == McNemar(pytest.approx(2 * 299 / 2**12), 3, 9)
    assert mcnemar(ours, ours, 17) == McNemar(1.0, 0, 0)


def test_mcnemar_sees_only_the_images():
    """The last byte is filled up; what is in it beyond the images says nothing."""
    assert mcnemar(b"\xff", b"\xe0", 3) == McNemar(1.0, 0, 0)
    with pytest.raises(ValueError, match="2 bytes cannot hold the results of 17 images"):
        mcnemar(b"\xff\xff", b"\xff\xff", 17)
