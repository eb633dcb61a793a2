"""Tables as runs leave them."""

from __future__ import annotations

import pandas as pd


def table(top1, before=None, macs=(100, 400, 200, 300)):
    routes = ["0", "1", "0.0>1.1", "0.1>1.1"]
    frame = pd.DataFrame({"route": routes, "macs": macs, "top1": top1})
    frame["anchors"] = ["0", "1", "0-1", "0-1"]
    frame["is_anchor"] = [True, True, False, False]
    frame["top1_before"] = top1 if before is None else before
    return frame
