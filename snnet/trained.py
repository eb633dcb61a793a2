"""A trained network: all sub-networks of a run, another one selected at any moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from snnet.config import StitchingConfig
from snnet.data.catalogue import class_names
from snnet.data.pictures import transform_for
from snnet.data.sizes import is_text
from snnet.data.tokens import encode, tokenizer_file
from snnet.front import chosen_by, held_out
from snnet.latency import measure_latencies
from snnet.network import StitchedNetwork
from snnet.tasks.scores import score_of
from snnet.wording import giga

if TYPE_CHECKING:
    from snnet.export import Subnetwork

BUDGETS = {"macs": "MACs", "params": "parameters", "latency": "ms"}


class TrainedNetwork:
    """All sub-networks of a run in one network, one of them selected.

    Attributes:
        network: the stitched network, in eval mode.
        config: the settings of the run.
        table: one row a sub-network (index: stitch id): route, macs, params, top1, ... and, once
            measured, latency, latency_low, latency_high (ms).
        stitch: the selected sub-network; at first the one with the best score, see `select`.
        score: of the run's task, such as top-1.
    """

    def __init__(
        self, network: StitchedNetwork, config: StitchingConfig, table: pd.DataFrame
    ) -> None:
        self.network = network.eval()
        self.config = config
        self.table = table
        self.score = score_of(config.dataset)
        by = table[chosen_by(table, self.score.name)]
        best_low = self.score.goal == "minimize"
        order = np.lexsort((table["macs"], by if best_low else -by))  # best first, then cheaper
        self._best_first: np.ndarray = table.index.to_numpy()[order]
        self._costs = {name: table[name].to_numpy() for name in ("macs", "params")}
        self.stitch = int(self._best_first[0])

    def __repr__(self) -> str:
        """A line: anchors, costs, accuracies, and which sub-network is selected."""
        macs, score = self.table["macs"], self.score
        scores = score.factor * self.table[score.name]
        chosen = self.stitches.loc[self.stitch]
        return (
            f"TrainedNetwork of {', '.join(self.network.names)} on {self.config.dataset}: "
            f"{len(self)} stitches, {giga(macs.min())} to {giga(macs.max())} GMACs, {score.words} "
            f"{scores.min():.1f} to {scores.max():.1f} {score.unit}; selected: stitch "
            f"{self.stitch} ({chosen['route']}), {giga(macs[self.stitch])} GMACs, "
            f"{scores[self.stitch]:.1f} {score.unit}"
        )

    @property
    def stitches(self) -> pd.DataFrame:
        """A row a sub-network (index: stitch id): route in words, costs, accuracies (0 to 1).

        See `StitchedNetwork.stitches`; `table` has everything that the run kept.
        """
        name = self.score.name
        shown = (name, f"{name}_before", held_out(name), "latency")  # beside route and cost
        kept = [name for name in shown if name in self.table]
        return self.network.stitches.join(self.table[kept])

    @cached_property
    def classes(self) -> list[str] | None:
        """What the classes are called, in the order of the logits; None where nobody here knows."""
        return class_names(self.config.dataset, self.network.classes)

    def preprocess(self, pictures: Any) -> Tensor:
        """Pictures as images (B, C, H, W), or texts as tokens (B, N), as the run tests with them.

            logits = network(network.preprocess("cat.jpg"))
            print(network.classes[logits.argmax()])

        Arguments:
            pictures: one text or picture, or a list of them; a picture is one of Pillow's, the path
                of a file, or an array of bytes (H, W) or (H, W, 3). Digits and garments are bright
                on black.

        Raises:
            TypeError: one is none of these.
            ValueError: a file is missing, or none that Pillow reads.
            MissingDataError: the dataset of the run is not here to tell its normalisation.
        """
        given = pictures if isinstance(pictures, list | tuple) else [pictures]
        if is_text(self.config.dataset):
            return self._encode(given)
        if not given:
            raise ValueError("there are no pictures: give one or more")
        device = next(self.network.parameters()).device
        return torch.stack([self._transform(one) for one in given]).to(device)

    def _encode(self, texts: Sequence[Any]) -> Tensor:
        """Texts as tokens."""
        wrong = next((each for each in texts if not isinstance(each, str)), None)
        if wrong is not None or not texts:
            told = "nothing" if wrong is None else f"a {type(wrong).__name__}"
            raise TypeError(f"this network reads texts: give one or a list of them, not {told}")
        file = tokenizer_file(self.config.anchors)
        device = next(self.network.parameters()).device
        return encode(texts, file, self.config.tokens).to(device)

    @cached_property
    def _transform(self) -> Callable[[Any], Tensor]:
        models = [self.network.anchor(n).model for n in range(len(self.network.anchors))]
        config = self.config
        return transform_for(config.dataset, models, config.seed_of_split, config.pixels)

    def __len__(self) -> int:
        """The number of sub-networks."""
        return len(self.table)

    def select(
        self,
        stitch: int | None = None,
        *,
        macs: float | None = None,
        params: float | None = None,
        latency: float | None = None,
    ) -> int:
        """Make a sub-network the current one; returns its stitch id.

        Nothing is copied: this takes microseconds. Without `stitch` it is the one with the best
        score within all given budgets, the cheaper (in MACs) of two equal ones: by the images that
        the run held back for choosing, so that the test images stay a fair judge of it; of a run
        that held none back by the test images.

        Arguments:
            stitch: this sub-network, whatever it costs.
            macs, params: at most so many multiply-accumulates per image, parameters.
            latency: at most so many milliseconds, as `measure_latency` found.

        Raises:
            ValueError: there is no such stitch, no sub-network within the budget (names the
                cheapest), or latency was not measured.
        """
        budgets = {"macs": macs, "params": params, "latency": latency}
        given = {name: budget for name, budget in budgets.items() if budget is not None}
        if stitch is None:
            stitch = self._best_within(given)
        elif given:
            raise ValueError("select takes either a stitch or budgets, not both")
        elif not 0 <= stitch < len(self.table):
            raise ValueError(
                f"there is no stitch {stitch}: the run has stitches 0 to {len(self.table) - 1}"
            )
        self.stitch = stitch
        return stitch

    def _best_within(self, budgets: dict[str, float]) -> int:
        fits = np.ones(len(self._best_first), dtype=bool)
        for name, budget in budgets.items():
            if name not in self._costs:
                raise ValueError("latency is not known yet: call measure_latency() first")
            fits &= self._costs[name] <= budget
        chosen = fits[self._best_first].argmax()
        if fits.any():
            return int(self._best_first[chosen])
        cheapest = (
            f"the least is {self._costs[name].min():,.6g} {unit} (stitch "
            f"{self._costs[name].argmin()})"
            for name, unit in BUDGETS.items()
            if name in budgets
        )
        asked = " and ".join(f"{budget:,.6g} {BUDGETS[name]}" for name, budget in budgets.items())
        raise ValueError(f"no sub-network stays within {asked}; {', '.join(cheapest)}")

    def __call__(self, images: Tensor) -> Tensor:
        """Outputs (B, classes, ...) of the selected sub-network for images, no gradients."""
        with torch.inference_mode():
            return self.network(images, self.stitch)

    def measure_latency(
        self,
        batch_size: int = 1,
        repeats: int = 20,
        warm_up: int = 3,
        watch: Callable[[int], None] = lambda passes: None,
    ) -> pd.Series[float]:
        """Median milliseconds of every sub-network on this device, by stitch id.

        They are kept (columns of `table`), so that latency budgets work from now on. Arguments
        and errors as in `snnet.latency.measure_latencies`.
        """
        found = measure_latencies(self.network, batch_size, repeats, warm_up, watch)
        for column, field in (
            ("latency", "median"),
            ("latency_low", "low"),
            ("latency_high", "high"),
        ):
            self.table[column] = [getattr(latency, field) for latency in found]
        self._costs["latency"] = self.table["latency"].to_numpy()
        return self.table["latency"]

    def subnetwork(self, stitch: int | None = None) -> Subnetwork:
        """An independent copy of one sub-network (of the selected one by default)."""
        from snnet.export import Subnetwork

        return Subnetwork(self.network, self.stitch if stitch is None else stitch)
