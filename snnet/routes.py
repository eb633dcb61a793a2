"""Routes: which blocks of which anchors a sub-network runs through. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Joint:
    """One change of a route from one anchor to another (SN-Net paper, section 3.2).

    The features after block `front_block` of anchor `front` pass a stitching layer and enter
    block `back_block` of anchor `back`. Blocks count from 0.
    """

    front: int
    front_block: int
    back: int
    back_block: int


@dataclass(frozen=True, order=True)
class Segment:
    """Blocks `start` (included) to `stop` (excluded) of one anchor."""

    anchor: int
    start: int
    stop: int


@dataclass(frozen=True)
class Route:
    """One sub-network: an anchor alone (no joints) or anchors joined one after the other.

    The stem comes from the first anchor, the head (final norm included) from the last. An anchor
    may be met several times.

    Raises:
        ValueError: a joint leaves an anchor that the route is not in, or a block that lies before
            the one where it entered.
    """

    first: int
    joints: tuple[Joint, ...] = ()

    def __post_init__(self) -> None:
        anchor, entry = self.first, 0
        for joint in self.joints:
            if joint.front != anchor or joint.front_block < entry:
                raise ValueError(
                    f"there is no route {self.name}: it enters block {entry} of anchor {anchor}, "
                    f"and cannot leave block {joint.front_block} of anchor {joint.front}"
                )
            anchor, entry = joint.back, joint.back_block

    def segments(self, depths: tuple[int, ...]) -> tuple[Segment, ...]:
        """The runs of blocks in order; `depths` holds the number of blocks of every anchor."""
        segments = []
        anchor, start = self.first, 0
        for joint in self.joints:
            segments.append(Segment(anchor, start, joint.front_block + 1))
            anchor, start = joint.back, joint.back_block
        segments.append(Segment(anchor, start, depths[anchor]))
        return tuple(segments)

    @property
    def anchors(self) -> tuple[int, ...]:
        """The anchors on the way, first to last."""
        return (self.first, *(joint.back for joint in self.joints))

    @property
    def is_anchor(self) -> bool:
        """Whether the route is one whole anchor."""
        return not self.joints

    @property
    def name(self) -> str:
        """Written `0` (an anchor) or `0.3>1.4` (block 3 of anchor 0 into block 4 of 1)."""
        if self.is_anchor:
            return str(self.first)
        return " ".join(f"{j.front}.{j.front_block}>{j.back}.{j.back_block}" for j in self.joints)
