"""Metrics as people return and log them become plain numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from math import inf, isnan, nan

import numpy as np
import pandas as pd
import pytest
import torch

from ablations.errors import UserError
from ablations.runs.attempt import Attempt
from ablations.runs.home import Home
from ablations.runs.metrics import plain_metrics, plain_number


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        *((2, 2), (0.5, 0.5), (True, 1), (False, 0), (inf, inf), (Fraction(1, 2), 0.5)),
        *((np.float32(0.5), 0.5), (np.float64(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), 1)),
        *(
            (np.longdouble(0.5), 0.5),
            (np.array(3), 3),
            (np.array(0.5), 0.5),
            (np.array([0.5]), 0.5),
        ),
        *((torch.tensor(0.5), 0.5), (torch.tensor([[2]]), 2), (torch.tensor(True), 1)),
        *((torch.tensor(0.5, requires_grad=True), 0.5), (torch.tensor(0.5).bfloat16(), 0.5)),
        (pd.Series([3]), 3),
    ],
    ids=repr,
)
def test_a_number_is_a_number_whoever_made_it(given, plain):
    found = plain_number(given)
    assert (type(found), found) == (type(plain), plain)


@pytest.mark.parametrize("given", [nan, np.float32("nan"), torch.tensor(nan)])
def test_not_a_number_stays(given):
    assert isnan(plain_number(given))


@pytest.mark.parametrize(
    "given",
    [
        *(None, "0.5", b"1", [1.0], {"a": 1}, 1j, Decimal(1), 10**400, object, np.str_("1")),
        *(np.ones(2), np.empty(0), np.array(1j), torch.ones(2), torch.empty(1, device="meta")),
    ],
    ids=repr,
)
def test_what_is_none_is_none(given):
    assert plain_number(given) is None


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        (None, "takes metrics by name, such as {'accuracy': 0.9}; it got None"),
        ([1.0], "takes metrics by name, such as {'accuracy': 0.9}; it got [1.0]"),
        ({1: 2.0}, "it got the name 1: use letters, digits, _ - . / : and spaces"),
        ({" ": 2.0}, "it got the name ' ': use letters"),
        ({"a*b": 2.0}, "it got the name 'a*b': use letters"),
        ({"loss": np.eye(2)}, "it got array([[1., 0.], [0., 1.]]) as loss"),
    ],
)
def test_what_is_no_metrics_is_told_in_one_line(metrics, says):
    with pytest.raises(UserError) as refused:
        plain_metrics(metrics, "it takes", "it got")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_progress_holds_plain_numbers(tmp_path):
    attempt = Attempt(tmp_path, Home(tmp_path).cache, 1)
    attempt.log(np.int64(1), np.array(2), {"loss": torch.tensor(0.5), "best": np.True_})
    line = json.loads((tmp_path / "progress-1.jsonl").read_text())
    del line["time"]
    assert line == {"step": 1, "of": 2, "metrics": {"loss": 0.5, "best": 1}}
    with pytest.raises(UserError, match=r"run\.log takes numbers; it got None as of"):
        attempt.log(1, None, {})
    for beyond in (2**63, -(2**63) - 1, 1e19, inf, nan):
        for step, of, name in ((beyond, 1, "step"), (1, beyond, "of")):
            says = f"takes finite numbers of at most 64 bits as step and of; it got .* as {name}"
            with pytest.raises(UserError, match=says):
                attempt.log(step, of, {})
    attempt.log(2**63 - 1, 2**63 - 1, {})
