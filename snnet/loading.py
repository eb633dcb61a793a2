"""Reading a finished run: its settings, scores and weights make a `TrainedNetwork`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from pyarrow import ArrowException
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from snnet.anchors import Anchor, create_anchor
from snnet.config import StitchingConfig
from snnet.errors import first_line
from snnet.network import stitch_for
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
from snnet.trained import TrainedNetwork
from snnet.weights import load_strictly
from snnet.wording import distinct


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
    lost = _execute_study(record, study)
    with _naming(lost):
        config = _read_config(record["config"], path)
    directory = files_of(directory)
    table = _read_table(directory / table_file(STITCHES), score_of(config.dataset).name)
    tensors, image_shape, told = _read_model(directory / MODEL)
    with _naming(lost):
        anchors = _make_anchors(config, told.get(ADAPTERS))
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


@contextmanager
def _naming(lost: Path | None) -> Iterator[None]:
    """Tell of the run's study file, where that is gone, in what fails inside for want of it."""
    try:
        yield
    except ValueError as error:
        if lost is None:
            raise
        raise ValueError(
            f"{error}; the run was made with the study file {lost}, which is not there any more: "
            "give another (--study FILE, or snnet.load(run, study=FILE))"
        ) from error


def _make_anchors(config: StitchingConfig, adapters: Sequence[str] | None) -> list[Anchor]:
    """The anchors, with whatever weights: those of the run replace them.

    Arguments:
        adapters: names of the classes that cut them when the run was made; None: not known.
    """
    anchors = [create_anchor(replace(spec, weights="random")) for spec in config.anchors]
    found = [type(anchor).__name__ for anchor in anchors]
    for spec, then, now in zip(config.anchors, adapters or found, found, strict=True):
        if then != now:
            raise ValueError(
                f"anchor {spec.name} ({spec.architecture}) is adapted by {then} in this run, "
                f"and by {now} here: import what registers {then}"
            )
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
