"""Least squares in the precision that is measured to be enough, against double precision."""

from __future__ import annotations

import math

import pytest
import torch

from snnet import measured_moments
from snnet.initialisation import Moments
from snnet.measured_moments import CROSS_LIMIT, GRAM_LIMIT, MeasuredMoments, condition
from snnet.space import Layer

LAYERS = (Layer(0, 1, ((0, 0),)), Layer(0, 1, ((0, 0), (0, 1), (1, 1))))


def features(decades, mean=0.0, residual=0.3):
    """Three batches of fronts whose covariance has condition 10^decades, and of backs.

    A map of the fronts gives the backs of the same number but for the residual, a share of them.
    """
    draws = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=draws, dtype=torch.float64)

    turn = torch.linalg.qr(draw(24, 24))[0]
    scales = torch.logspace(0, -decades / 2, 24, dtype=torch.float64)
    inverse = turn.T @ (draw(24, 16) / scales[:, None])
    for _ in range(3):
        fronts = [draw(500, 24) * scales @ turn for _ in range(2)]
        backs = [one @ inverse for one in fronts]
        backs = [one + one.std() * (residual * draw(500, 16) + mean) for one in backs]
        yield (
            {(0, number): (one + mean).float() for number, one in enumerate(fronts)},
            {(1, number): one.float() for number, one in enumerate(backs)},
        )


def both(decades, mean=0.0, residual=0.3):
    exact, measured = Moments(LAYERS), MeasuredMoments(LAYERS)
    for fronts, backs in features(decades, mean, residual):
        exact.add(fronts, backs)
        measured.add(fronts, backs)
    return exact, measured


@pytest.mark.parametrize("method", ["mean", "joint"])
@pytest.mark.parametrize("mean", [0, 3])
@pytest.mark.parametrize("decades", [0, 2, 4, 4.5, 6, 8, 9])
def test_residuals_are_those_of_double_precision(decades, mean, method):
    exact, measured = both(decades, mean)
    for number in range(len(LAYERS)):
        solution, fit = exact.solve(number, method)
        ours, our_fit = measured.solve(number, method)
        assert exact.fit(number, ours, False).residual == pytest.approx(fit.residual, rel=1e-6)
        assert our_fit.residual == pytest.approx(fit.residual, rel=1e-5)
        assert our_fit.ridge == fit.ridge
        assert not torch.equal(ours, solution)  # single precision, or other sums


def test_badly_conditioned_features_get_double_precision():
    for decades, gram, cross in ((1, True, True), (4.8, False, True), (8, False, False)):
        exact, measured = both(decades)
        for block, found in measured.conditions.items():
            assert (found <= GRAM_LIMIT, found <= CROSS_LIMIT) == (gram, cross)
            off = (exact.grams[block] - measured.grams[block]).abs().max()
            assert (off / exact.grams[block].abs().max() > 1e-12) == gram


@pytest.mark.parametrize(
    ("limit", "decades", "residual"), [("GRAM_LIMIT", 6, 0.3), ("CROSS_LIMIT", 8, 0.03)]
)
def test_products_in_single_precision_alone_would_lose_residuals(
    monkeypatch, limit, decades, residual
):
    monkeypatch.setattr(measured_moments, limit, math.inf)
    exact, measured = both(decades, residual=residual)
    fit, ours = exact.solve(0, "mean")[1], measured.solve(0, "mean")[0]
    assert exact.fit(0, ours, False).residual > fit.residual * (1 + 1e-6)


def test_features_far_from_zero_are_better_conditioned_about_their_means():
    exact, far = both(2, 30)
    for block, found in far.conditions.items():
        assert found < condition(exact.grams[block]) / 100
        torch.testing.assert_close(far.grams[block], exact.grams[block], rtol=1e-7, atol=0)
    for key, cross in exact.crosses.items():
        torch.testing.assert_close(far.crosses[key], cross, rtol=1e-6, atol=0)


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
    add = MeasuredMoments._add_front
    monkeypatch.setattr(
        MeasuredMoments,
        "_add_front",
        lambda *given: (seen.append(torch.get_float32_matmul_precision()), add(*given))[1],
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
        torch.testing.assert_close(layer.weight, weight, rtol=1e-2, atol=1e-3)
        assert other.residual == pytest.approx(one.residual, rel=1e-4)
