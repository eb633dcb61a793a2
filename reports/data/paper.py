"""What the authors of SN-Net published: their points on ImageNet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ablations.study.plan import Plan

FOLDER = Path(__file__).parent / "published"
SCALE = "imagenet"  # the scale whose settings are the authors'
ANCHORS = {  # fast to slow, see published/README.md
    "deit": ("DeiT-Ti", "DeiT-S", "DeiT-B"),
    "swin": ("Swin-Ti", "Swin-S", "Swin-B"),
    "resnet": ("ResNet-18", "ResNet-50"),
    "resnet-swin": ("ResNet-18", "Swin-Ti"),
    "levit": ("LeViT-192", "LeViT-256"),
}
SOURCE = "the authors' released evaluation on ImageNet-1K (github.com/ziplab/SN-Net)"


def published_plan(family: str) -> Plan:
    """A plan without runs, for figures of what the authors published of a family."""
    return Plan(
        study="published",
        title="Published",
        question="",
        design="one_factor",
        scale=SCALE,
        family=family,
        experiment="",
        axes={},
        baseline={},
        settings={},
        cells=(),
    )


def published(scale: str, family: str) -> pd.DataFrame | None:
    """The authors' sub-networks of a family; None where they published none at this scale.

    Columns: route (named as ours), anchors, between (these by name), is_anchor, stage, macs,
    params, top1 (%).
    """
    path = FOLDER / f"{family}.csv"
    if scale != SCALE or not path.exists():
        return None
    table = pd.read_csv(path)
    front, back = (table[name].astype(str) for name in ("front", "back"))
    leaves, enters = (
        table[f"{name}_block"].astype("Int64").astype(str) for name in ("front", "back")
    )
    is_anchor = table.front == table.back
    one, other = (table[name].map(dict(enumerate(ANCHORS[family]))) for name in ("front", "back"))
    return table[["stage", "macs", "params", "top1"]].assign(
        route=front.where(is_anchor, front + "." + leaves + ">" + back + "." + enters),
        anchors=front.where(is_anchor, front + "-" + back),
        between=one.where(is_anchor, one + " to " + other),
        is_anchor=is_anchor,
    )
