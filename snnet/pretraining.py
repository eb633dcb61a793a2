"""Anchors trained here, from scratch or from a start, cached by content and shared by all runs."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import save_file

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import Anchor, create_anchor
from snnet.data.dataset import Data
from snnet.files import writing
from snnet.optimisation import create_optimisation
from snnet.weight_files import read_file
from snnet.weight_places import named_weights
from snnet.weights import load_strictly

SCHEMA = 3  # raise it when the same spec would train to other weights


def drawn_by(spec: AnchorSpec, seed: int) -> AnchorSpec:
    """The anchor with the seed of its training: its own, or else the one that is given."""
    if spec.recipe.seed is not None:
        return spec
    return replace(spec, recipe=replace(spec.recipe, seed=seed))


def begun(spec: AnchorSpec) -> AnchorSpec:
    """The anchor as its training begins, if it is trained here, else as it is."""
    return replace(spec, weights=spec.start) if spec.weights == "recipe" else spec


def cache_path(spec: AnchorSpec, dataset: str, cache: Path) -> Path:
    """The file for the weights of `spec`, trained on `dataset` (its name and which images)."""
    settings = asdict(spec)
    if settings["head"] == "whole":  # as all were before there were others
        del settings["head"]
    begun = settings.pop("start")
    if begun != "random":  # what was trained before there were other starts keeps its name
        settings["start"] = [begun, _digest_of(spec)]
    content = json.dumps([SCHEMA, dataset, settings], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return cache / "anchors" / f"{spec.name}-{digest}.safetensors"


def _digest_of(spec: AnchorSpec) -> str | None:
    """A digest of the file that an anchor begins with; None where it names none."""
    file = named_weights(begun(spec))
    return None if file is None else _digest(file, file.stat().st_mtime_ns)


@lru_cache
def _digest(file: Path, changed: int) -> str:
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def pretrained_anchors(
    specs: Sequence[AnchorSpec],
    dataset: str,
    data: Data,
    cache: Path,
    say: Callable[[str], None],
    drop_path: float = 0.0,
    new_head: bool = True,
) -> list[Anchor]:
    """The anchors with their weights, in the order of `specs`; trains those that the cache lacks.

    Each is trained once even where several processes want it at the same time: whoever holds an
    anchor's lock trains it, the others take the next one or wait. `say` is told what goes on.

    Arguments:
        specs: with their seeds, see `drawn_by`.
        dataset: its name and which images train, by which cached weights are found.
        drop_path: timm's `drop_path_rate` in the anchors, see `drop_path_of`.
        new_head: see `snnet.weights.load_file`.

    Raises:
        ValueError: an anchor cannot be made, or its weights are not to be had.
    """
    (cache / "anchors").mkdir(parents=True, exist_ok=True)
    # the costliest first: two workers then end at about the same time
    missing = [spec for spec in reversed(specs) if spec.weights == "recipe"]
    while missing := [
        spec
        for spec in missing
        if not _train_into(cache_path(spec, dataset, cache), spec, data, say)
    ]:
        say(f"anchor {missing[0].name}: another worker trains it")
        time.sleep(0.2)
    anchors = []
    for spec in specs:
        torch.manual_seed(spec.recipe.seed or 0)  # for random weights
        anchor = create_anchor(spec, say, new_head, drop_path_rate=drop_path_of(spec, drop_path))
        if spec.weights == "recipe":
            path = cache_path(spec, dataset, cache)
            load_strictly(anchor, read_file(path), path)
        anchors.append(anchor)
    return anchors


def drop_path_of(spec: AnchorSpec, rate: float) -> Any:
    """The rate of drop path in an anchor: the run's, or where that is 0 the anchor's own."""
    return rate or spec.options.get("drop_path_rate", 0.0)


def _train_into(path: Path, spec: AnchorSpec, data: Data, say: Callable[[str], None]) -> bool:
    """Train an anchor into its file unless it is there, or another process trains it.

    Returns whether the file is there.
    """
    if path.exists():
        return True
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0):
            if not path.exists():
                weights = train_anchor(spec, data, say).state_dict()
                with writing(path) as temporary:
                    save_file(weights, temporary)
    except Timeout:
        return False
    return True


def train_anchor(spec: AnchorSpec, data: Data, say: Callable[[str], None]) -> Anchor:
    """Train one anchor by its recipe, from its start; it ends on the CPU.

    Random weights, a new classifier's too, are drawn by the recipe's seed.

    Arguments:
        say: told before every epoch.
    """
    recipe = spec.recipe
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(recipe.seed or 0)
    anchor = create_anchor(begun(spec), say).to(device)
    steps = data.steps(recipe.batch_size)
    optimizer, scheduler = create_optimisation({anchor: 1.0}, recipe, steps)
    anchor.train()
    for epoch in range(recipe.epochs):
        say(f"anchor {spec.name}: epoch {epoch + 1}/{recipe.epochs}")
        purpose = (spec.name, recipe.seed, epoch)
        batches = data.batches(recipe.batch_size, recipe.augmentation, *purpose)
        for step, batch in enumerate(batches):
            images, labels = (tensor.to(device) for tensor in batch)
            images, targets = data.task.mix(
                images,
                labels,
                recipe.augmentation,
                anchor.classes,
                recipe.label_smoothing,
                *purpose,
                step,
            )
            loss = data.task.loss(anchor(images), targets, recipe.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step_update(epoch * steps + step + 1)
    return anchor.cpu()
