"""Candidates: the stitches of a network as they start, and images by which to judge them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from snnet.config import StitchingConfig
from snnet.data.dataset import Batches, Data
from snnet.network import StitchedNetwork
from snnet.routes import Joint


@dataclass(frozen=True)
class Candidates:
    """The stitches of a network before it is trained.

    Attributes:
        network: with all of them, as their stitching layers start.
        data: of which training images judge them.
        config: settings of the run; `calibration_images` says how many images.
    """

    network: StitchedNetwork
    data: Data
    config: StitchingConfig

    @property
    def stitches(self) -> list[int]:
        """All that are no anchors, as indices into the routes of the network's space."""
        routes = self.network.space.routes
        return [number for number, route in enumerate(routes) if not route.is_anchor]

    @property
    def joints(self) -> list[Joint]:
        """All joints of the stitches, each once."""
        routes = self.network.space.routes
        return list(dict.fromkeys(joint for route in routes for joint in route.joints))

    def batches(self) -> Batches:
        """The images of the least-squares start and their targets, on the network's device."""
        device = next(self.network.parameters()).device
        count, seed = self.config.calibration_images, self.config.seed
        for images, targets in self.data.calibration_batches(count, seed):
            yield images.to(device), targets.to(device)

    def of_joints(self, values: Mapping[Joint, float]) -> list[float]:
        """A number for each stitch: that of its worst joint, more being better."""
        routes = self.network.space.routes
        return [min(values[joint] for joint in routes[n].joints) for n in self.stitches]

    def judged(self, criterion: Criterion) -> list[float]:
        """What a criterion finds of the stitches; it sees the network in eval mode.

        Raises:
            ValueError: it finds no number for one of them, or more numbers than there are stitches.
        """
        training = self.network.training
        self.network.eval()
        try:
            found = [float(value) for value in criterion(self)]
        finally:
            self.network.train(training)
        sound = sum(math.isfinite(value) for value in found)
        if not len(found) == sound == len(self.stitches):
            raise ValueError(
                f"{getattr(criterion, '__name__', criterion)} should find a finite number for each "
                f"of {len(self.stitches)} stitches, and finds {sound} of {len(found)}"
            )
        return found


# numbers for the stitches, in their order: a stitch with a higher one is kept before others
Criterion = Callable[[Candidates], Sequence[float]]
