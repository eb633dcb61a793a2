"""A finished run as a network to use: loaded once, another sub-network at any moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from pyarrow import ArrowException
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from snnet.anchors import Anchor, create_anchor
from snnet.config import StitchingConfig
from snnet.data.catalogue import class_names
from snnet.data.pictures import transform_for
from snnet.data.sizes import is_text
from snnet.data.tokens import encode, tokenizer_file
from snnet.errors import first_line
from snnet.front import chosen_by, held_out
from snnet.latency import measure_latencies
from snnet.network import StitchedNetwork, stitch_for
from snnet.run import (
    ADAPTERS,
    CONFIG,
    EXPERIMENT,
    IMAGE_SHAPE,
    MODEL,
    ROUTES,
    STITCHES,
    STUDY_FILE,
    files_of,
    find_run,
    table_file,
)
from snnet.study_file import execute
from snnet.tasks.scores import score_of
from snnet.weights import load_strictly
from snnet.wording import distinct, giga

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


def load(
    run: str | Path,
    device: str | torch.device = "cpu",
    *,
    home: str | Path | None = None,
    study: str | Path | None = None,
) -> TrainedNetwork:
    """The trained network of a run, in eval mode on `device`.

    A run that was made with a study file of one's own remembers that file, and loading the run
    executes it: what it registers, such as the adapter of an architecture, the network needs.

        network = snnet.load("3f9a")                     # the run of ./outputs whose key begins so
        network = snnet.load("outputs/runs/3f9a51c07be2d846", device="cuda")

    Arguments:
        run: a run directory (HOME/runs/KEY), or the beginning of a run key or directory.
        home: where run keys are looked for; by default $ABLATE_HOME, or `outputs`.
        study: a study file, instead of the one that the run remembers.

    Raises:
        ValueError: the run is missing, unfinished, damaged, or of another version; its study file
            fails, or is gone and needed; says which.
    """
    directory = find_run(run, home)
    path = directory / CONFIG
    record = _read_record(path)
    config = _read_config(record["config"], path)
    lost = _execute_study(record, study)
    directory = files_of(directory)
    table = _read_table(directory / table_file(STITCHES), score_of(config.dataset).name)
    tensors, image_shape, told = _read_model(directory / MODEL)
    anchors = _make_anchors(config, told.get(ADAPTERS), lost)
    kept = None if config.selection == "all" else told.get(ROUTES)
    network = stitch_for(config, anchors, image_shape, kept)
    load_strictly(network, tensors, directory / MODEL)
    routes = [route.name for route in network.space.routes]
    if table["route"].tolist() != routes:
        raise ValueError(
            f"{directory / table_file(STITCHES)} lists other sub-networks ({len(table)}) than its "
            f"{CONFIG} gives ({len(routes)}); the run was made by another version"
        )
    network.names = distinct([spec.name for spec in config.anchors])
    return TrainedNetwork(network.to(device), config, table)


def _execute_study(record: Mapping[str, Any], given: str | Path | None) -> Path | None:
    """Execute the study file of a run; the file, where it is not there any more."""
    if given is not None:
        if not Path(given).is_file():
            raise ValueError(f"there is no study file {given}")
        execute(Path(given))
        return None
    told = record.get(STUDY_FILE)
    file = Path(told) if isinstance(told, str) else None
    if file is None or not file.is_file():
        return file
    execute(file)
    return None


def _make_anchors(
    config: StitchingConfig, adapters: Sequence[str] | None, lost: Path | None
) -> list[Anchor]:
    """The anchors, with whatever weights: those of the run replace them.

    Arguments:
        adapters: names of the classes that cut them when the run was made; None: not known.
        lost: the study file of the run, where that is gone.
    """
    try:
        anchors = [create_anchor(replace(spec, weights="random")) for spec in config.anchors]
        found = [type(anchor).__name__ for anchor in anchors]
        for spec, then, now in zip(config.anchors, adapters or found, found, strict=True):
            if then != now:
                raise ValueError(
                    f"anchor {spec.name} ({spec.architecture}) is adapted by {then} in this run, "
                    f"and by {now} here: import what registers {then}"
                )
    except ValueError as error:
        if lost is None:
            raise
        raise ValueError(
            f"{error}; the run was made with the study file {lost}, which is not there any more: "
            "give another (--study FILE, or snnet.load(run, study=FILE))"
        ) from error
    return anchors


def _read_record(path: Path) -> dict[str, Any]:
    """What stands in the configuration of a run."""
    try:
        record = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{path.parent} is no run directory: it has no {CONFIG}") from None
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error})") from None
    if not isinstance(record, dict) or not isinstance(record.get("config"), dict):
        raise ValueError(f"{path} is no configuration of a run: it has no object 'config'")
    if record.get("experiment") != EXPERIMENT:
        raise ValueError(
            f"{path.parent} is a run of experiment {record.get('experiment')!r}; only runs of "
            f"{EXPERIMENT!r} can be loaded"
        )
    return record


def _read_config(settings: dict[str, Any], path: Path) -> StitchingConfig:
    adapter = TypeAdapter(StitchingConfig)
    try:
        config = adapter.validate_python(settings)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "config"
        reason = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{path} does not fit this version: {where}: {reason}") from None
    unknown = _unknown_field(settings, adapter.dump_python(config, mode="json"))
    if unknown:
        raise ValueError(
            f"{path} has a setting that this version does not know: {unknown}; load the run with "
            "the version that made it"
        )
    return config


def _unknown_field(given: Any, known: Any, *inside: str) -> str:
    """The first name, dots between, that `given` has and `known` lacks; empty without any."""
    if isinstance(given, dict) and isinstance(known, dict):
        children = list(given.items())
    elif isinstance(given, list) and isinstance(known, list):
        children, known = list(enumerate(given)), dict(enumerate(known))
    else:
        return ""
    for name, value in children:
        here = (*inside, str(name))
        if name not in known:
            return ".".join(here)
        found = _unknown_field(value, known[name], *here)
        if found:
            return found
    return ""


def _read_table(path: Path, score: str) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise ValueError(
            f"{path.parent} has no table of sub-networks ({path.name}): the run has not ended"
        ) from None
    except (ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged ({first_line(error)})") from None
    missing = {"route", "macs", "params", score} - set(table.columns)
    if missing:
        raise ValueError(f"{path} has no column {', '.join(sorted(missing))}")
    return table


def _read_model(path: Path) -> tuple[dict[str, Tensor], tuple[int, ...], dict[str, list[str]]]:
    """Tensors by name, the shape of the images, and what is told of adapters and routes."""
    if not path.is_file():
        raise ValueError(
            f"{path.parent} has no trained network ({path.name}): the run has not ended, or "
            "an older version made it"
        )
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            image_shape = json.loads(metadata.get(IMAGE_SHAPE, "null"))
            told = {
                name: json.loads(metadata[name]) for name in (ADAPTERS, ROUTES) if name in metadata
            }
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged ({first_line(error)})") from None
    if not isinstance(image_shape, list) or len(image_shape) not in (1, 3):
        raise ValueError(f"{path} does not tell the shape of its images (metadata {IMAGE_SHAPE})")
    return tensors, tuple(image_shape), told
