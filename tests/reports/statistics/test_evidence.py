"""The statistics behind verdicts: right by hand, and at their level in simulation.

Simulations have fixed seeds. Their bounds are binomial: with other seeds they would raise a false
alarm with a chance below 1e-4, all together.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from ablations.errors import UserError
from helpers.samples import bounds, drawn, like, runs
from reports.statistics.evidence import Sample, assess, correct_for_many, words

pytestmark = pytest.mark.filterwarnings("error")


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


def test_where_settings_share_no_row_without_some_images_the_seeds_alone_count():
    """Such as a measure whose rows depend on the images: the worst three, say."""
    plain = runs(1.0, 2.0, 3.0)
    parts = {seed: [one, np.array([])] for seed, one in plain.differences.items()}
    with warnings.catch_warnings(action="error"):
        found = assess(replace(plain, without=parts))
    assert found.estimate == assess(plain).estimate


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


# words


def test_words_for_a_table_cell():
    assert words(assess(runs())) == "–"
    assert words(assess(runs(-1.0, planned=5))) == "−1.0 points, 1 of 5 seeds"
    assert words(assess(like(12.3, 2.0, 5))) == "+12.3 points [9.8, 14.8], 5 seeds, p < 0.001"
    found = assess(like(-0.1, 0.5, 4), "equivalent", 1.0)
    assert words(found) == "−0.1 points [−0.7, 0.5] (90 %), 4 seeds, p = 0.018"
    small = assess(like(0.0123, 0.002, 5))  # not "+0.0 points [0.0, 0.0]"
    assert words(small) == "+0.0123 points [0.0098, 0.0148], 5 seeds, p < 0.001"
