"""Tables of runs, whatever types their columns have."""

from __future__ import annotations

import pandas as pd

from ablations.study.frames import without_bytes


def test_columns_of_bytes_are_left_out_whatever_types_the_others_have():
    kept = {
        "category": pd.Categorical(["a", "b"]),
        "time": pd.to_datetime(["2026-01-01", None], utc=True),
        "period": pd.period_range("2026-01", periods=2, freq="M"),
        "interval": pd.interval_range(0, 2),
        "span": pd.to_timedelta([1, 2], unit="s"),
        "whole": pd.array([1, None], dtype="Int64"),
        "truth": pd.array([True, None], dtype="boolean"),
        "text": pd.array(["x", None], dtype="string"),
        "lists": [[1], [2, 3]],
        "nothing": [None, None],
    }
    bytes_ = {"bits": [b"1", b"2"], "mixed": ["x", b"2"], "kinds": pd.Categorical([b"1", b"2"])}
    assert list(without_bytes(pd.DataFrame(kept | bytes_))) == list(kept)
    assert list(without_bytes(pd.DataFrame())) == []
    assert without_bytes(pd.DataFrame(kept)[:0]).columns.tolist() == list(kept)
