"""What the authors of SN-Net published: their points on ImageNet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

FOLDER = Path(__file__).parent / "published"
SCALE = "imagenet"  # the scale whose settings are the authors'
SOURCE = "the authors' released evaluation on ImageNet-1K (github.com/ziplab/SN-Net)"


def published(plan: dict[str, Any]) -> pd.DataFrame | None:
    """The authors' sub-networks of a study's family; None where they published none.

    Columns: anchors, is_anchor, stage, front_block, back_block, macs, params, top1 (%).
    """
    path = FOLDER / f"{plan['family']}.csv"
    if plan["scale"] != SCALE or not path.exists():
        return None
    table = pd.read_csv(path)
    is_anchor = table.front == table.back
    anchors = table.front.astype(str).where(
        is_anchor, table.front.astype(str) + "-" + table.back.astype(str)
    )
    return pd.DataFrame(
        {
            "anchors": anchors,
            "is_anchor": is_anchor,
            "stage": table.stage,
            "front_block": table.front_block,
            "back_block": table.back_block,
            "macs": table.macs,
            "params": table.params,
            "top1": table.top1,
        }
    )
