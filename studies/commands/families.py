"""The models that a command names, one by one or as a family. Torch-free."""

from __future__ import annotations

from typing import Any

from ablations.errors import UserError, nearest
from snnet.scales import SCALES

FAMILIES = SCALES["imagenet"]


def named_anchors(anchors: str | None, family: str | None) -> tuple[list[str], dict[str, Any]]:
    """The timm models to stitch, and the settings of the family (empty without one).

    Arguments:
        anchors: names with commas between; those of the family by default.

    Raises:
        UserError: neither says what to stitch, or there is no such family.
    """
    if family is not None and family not in FAMILIES:
        raise UserError(f"there is no family {family!r}: {nearest(family, FAMILIES)}")
    settings = FAMILIES[family] if family is not None else {}
    if anchors is not None:
        names = [name.strip() for name in anchors.split(",")]
        if len(names) < 2:
            raise UserError(
                f"--anchors {anchors} names one model, stitching needs two or more: "
                "--anchors resnet18,resnet50"
            )
        return names, settings
    if family is None:
        raise UserError(
            "say what to stitch: --family deit, or --anchors resnet18,resnet50 (families: "
            f"{', '.join(FAMILIES)})"
        )
    return [anchor["architecture"] for anchor in settings["anchors"]], settings
