"""Tables for LaTeX, Markdown and programs."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd

from reports.pages import tables


def test_tables_hold_what_latex_and_markdown_take():
    table = pd.DataFrame({"route": ["0.0>1.1 | x", "0_1"], "gain, %": [-1.5, np.nan], "n": [5, 7]})
    table["text"] = ["−1.5 ± 0.2", "10¹² MACs × 2 – or < 3"]
    text = tables.encode(table, "tex")
    assert text.isascii()
    assert r"0.0\textgreater{}1.1 | x & -1.5 & 5 & $-$1.5 $\pm$ 0.2 \\" in text
    assert r"0\_1 & -- & 7 & $10^{12}$ MACs $\times$ 2 -- or \textless{} 3 \\" in text
    lines = tables.encode(table, "md").splitlines()
    assert lines[1:3] == ["| --- | --- | --- | --- |", "| 0.0>1.1 / x | -1.5 | 5 | −1.5 ± 0.2 |"]
    assert pd.read_csv(StringIO(tables.encode(table, "csv"))).equals(table)
