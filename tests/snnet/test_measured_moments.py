"""Least squares in the precision that is measured to be enough, against double precision."""

from __future__ import annotations

import pytest
import torch

from snnet.initialisation import Moments
from snnet.measured_moments import CROSS_LIMIT, GRAM_LIMIT, MeasuredMoments, condition
from snnet.space import Layer

LAYER = Layer(0, 1, ((0, 0), (0, 1), (1, 1)))


def features(decades):
    """Three batches of fronts whose Gram matrices have condition 10^decades, and of backs."""
    draws = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(24, 24, generator=draws, dtype=torch.float64))[0]
    scales = torch.logspace(0, -decades / 2, 24, dtype=torch.float64)
    inverse = turn.T @ (torch.randn(24, 16, generator=draws, dtype=torch.float64) / scales[:, None])
    for _ in range(3):
        drawn = [
            torch.randn(500, 24, generator=draws, dtype=torch.float64) * scales @ turn
            for _ in range(2)
        ]
        backs = [
            one @ inverse + 0.3 * torch.randn(500, 16, generator=draws, dtype=torch.float64)
            for one in drawn
        ]
        yield tuple(
            {(a, n): one.float() for n, one in enumerate(p)} for a, p in ((0, drawn), (1, backs))
        )


def both(decades):
    exact, measured = Moments((LAYER,)), MeasuredMoments((LAYER,))
    for fronts, backs in features(decades):
        exact.add(fronts, backs)
        measured.add(fronts, backs)
    return exact, measured


@pytest.mark.parametrize("method", ["mean", "joint"])
@pytest.mark.parametrize("decades", [0, 2, 4, 6, 8, 9])
def test_residuals_are_those_of_double_precision(decades, method):
    exact, measured = both(decades)
    solution, fit = exact.solve(0, method)
    ours, our_fit = measured.solve(0, method)
    assert exact.fit(0, ours, False).residual == pytest.approx(fit.residual, rel=1e-6)
    assert our_fit.residual == pytest.approx(fit.residual, rel=1e-5)
    assert our_fit.ridge == fit.ridge
    assert not torch.equal(ours, solution)  # single precision, or other sums


def test_badly_conditioned_features_get_double_precision():
    for decades, gram, cross in ((1, True, True), (4.5, False, True), (8, False, False)):
        exact, measured = both(decades)
        for number in (0, 1):
            found = measured.conditions[0, number]
            assert (found <= GRAM_LIMIT, found <= CROSS_LIMIT) == (gram, cross)
            off = [
                ((one[key] - other[key]).abs().max() / one[key].abs().max()).item()
                for one, other, key in (
                    (exact.grams, measured.grams, (0, number)),
                    (exact.crosses, measured.crosses, (0, number)),
                )
            ]
            assert [each > 1e-12 for each in off] == [gram, cross]


def test_what_is_singular_is_infinitely_badly_conditioned():
    rows = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert condition(rows.T @ rows) < 10
    for column in (rows[:, :1], torch.zeros(50, 1, dtype=torch.float64)):
        twice = torch.cat([rows, column], 1)
        assert condition(twice.T @ twice) > 1e12


def test_few_rows_are_singular_and_solved_as_in_double_precision():
    draws = torch.Generator().manual_seed(0)
    layer = Layer(0, 1, ((0, 0),))
    exact, measured = Moments((layer,)), MeasuredMoments((layer,))
    for rows in torch.randn(6, 10, 24, generator=draws):
        for moments in (exact, measured):
            moments.add({(0, 0): rows}, {(1, 0): rows[:, :5].square()})
    assert measured.conditions[0, 0] > 1e12
    torch.testing.assert_close(measured.solve(0, "mean")[0], exact.solve(0, "mean")[0])


def test_tf32_stays_off_and_comes_back(monkeypatch):
    seen = []
    add = MeasuredMoments._add_crosses
    monkeypatch.setattr(
        MeasuredMoments,
        "_add_crosses",
        lambda *given: (seen.append(torch.get_float32_matmul_precision()), add(*given)),
    )
    torch.set_float32_matmul_precision("high")
    try:
        both(1)
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert set(seen) == {"highest"}


def test_networks_start_alike(network, images):
    exact = network.initialise(images.split(6))
    weights = [layer.weight.clone() for layer in network.layers]
    measured = network.initialise(images.split(6), precision="measured")
    for weight, layer, one, other in zip(weights, network.layers, exact, measured, strict=True):
        torch.testing.assert_close(layer.weight, weight, rtol=1e-2, atol=1e-4)
        assert other.residual == pytest.approx(one.residual, rel=1e-4)
