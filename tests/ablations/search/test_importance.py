"""Which choices made the difference."""

from __future__ import annotations

from ablations.search.importance import fewest, importances


def test_importance_tells_what_made_the_difference():
    choices = {"much": {"levels": ["a", "b"]}, "little": {"low": 1, "high": 4, "log": False}}
    results = [
        ({"much": a, "little": n}, 10.0 * (a == "b") + 0.1 * n)
        for a in "ab"
        for n in range(1, 5)
        for _ in range(3)
    ]
    found = importances(choices, results)
    assert list(found) == ["much", "little"]
    assert found["much"] > 0.9
    assert fewest(choices) == 20
    assert importances(choices, results[:19]) == {}
    assert importances(choices, [(params, 1.0) for params, _ in results]) == {}
