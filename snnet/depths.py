"""Blocks of the ready-made anchors, stage by stage. Torch-free: of others timm alone knows them."""

from __future__ import annotations

from snnet.anchor_spec import AnchorSpec

MOST_BLOCKS = 200  # of one anchor; spaces grow with the square and cube of it

_DEPTHS = {
    **dict.fromkeys(("vit_tiny_patch16_224", "deit_tiny_patch16_224"), (12,)),
    **dict.fromkeys(("deit_small_patch16_224", "deit_base_patch16_224"), (12,)),
    "swin_tiny_patch4_window7_224": (2, 2, 6, 2),
    **dict.fromkeys(
        ("swin_small_patch4_window7_224", "swin_base_patch4_window7_224"), (2, 2, 18, 2)
    ),
    "resnet18": (2, 2, 2, 2),
    **dict.fromkeys(("resnet34", "resnet50"), (3, 4, 6, 3)),
    **dict.fromkeys(("levit_192", "levit_256"), (4, 4, 4)),
    "tf_efficientnet_lite0": (1, 2, 2, 3, 3, 4, 1),
    **dict.fromkeys(("tf_efficientnet_lite1", "tf_efficientnet_lite2"), (1, 3, 3, 4, 4, 5, 1)),
}
ENCODER = "transformers:"  # before the place of an encoder of texts, which has one stage
_OTHERWISE = {"depth", "depths", "layers", "block_fn"}  # options that change them


def known_depths(spec: AnchorSpec) -> tuple[int, ...] | None:
    """The number of blocks in each stage of an anchor; None where only timm knows.

    Raises:
        ValueError: its options ask for no blocks, or for too many.
    """
    option, usual = "depth", _DEPTHS.get(spec.architecture.partition(".")[0])
    if spec.architecture.startswith(ENCODER) and "num_hidden_layers" in spec.options:
        option, usual = "num_hidden_layers", (0,)  # only its options tell
    if usual is None:
        return None
    if len(usual) > 1:
        return None if _OTHERWISE & spec.options.keys() else usual
    depth = spec.options.get(option, usual[0])
    if type(depth) is not int or not 1 <= depth <= MOST_BLOCKS:
        raise ValueError(
            f"anchor {spec.name}: {option} should be a whole number from 1 to {MOST_BLOCKS}, not "
            f"{depth!r}"
        )
    return (depth,)
