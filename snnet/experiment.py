"""One stitching run from anchors to scores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pandas as pd
import torch
from torch import nn

from snnet.anchors import create_anchor, create_model
from snnet.checkpoint import load_network, resume_training, save_network, save_training
from snnet.config import IN_MEMORY, AnchorSpec, StitchingConfig
from snnet.cost import route_costs
from snnet.costs import count_params
from snnet.data.memory import LOADERS, Data, take
from snnet.distributed import Process, connect
from snnet.evaluation import Score, evaluate
from snnet.initialisation import Fit, initialise_least_squares
from snnet.latency import measure_latencies
from snnet.network import StitchedNetwork, stitch_for
from snnet.pretraining import pretrained_anchors
from snnet.run import Follower, RunLike
from snnet.space import epochs_for
from snnet.training import Training
from snnet.validation import rungs_at, validation_file, validation_scores, validation_table

CHECKPOINT = "checkpoint.safetensors"  # while training goes on
MODEL = "model.safetensors"  # once it has ended
CHECKPOINT_SECONDS = 10.0  # between checkpoints, at least
CHECKPOINT_SHARE = 0.02  # of the time may go into writing them
EVALUATION_BATCH = 64
LATENCY_BATCH = 64  # images
LATENCY_REPEATS, LATENCY_SECONDS = 10, 10.0  # at most


def run_stitching(config: StitchingConfig, run: RunLike) -> dict[str, float]:
    """Stitch, initialise, score, train, score again.

    Saves the tables `stitch` and `latency` (one row a sub-network, index = stitch id) and `layer`
    (one row a stitching layer), keeps the trained network, and returns the summary. Goes on from
    the checkpoint that an earlier attempt left. Several processes may share the run (see
    `snnet.distributed`): all call this, only the first writes.
    """
    with connect() as process:
        return _run(config, run if process.first else Follower(run), process)


def _run(config: StitchingConfig, run: RunLike, process: Process) -> dict[str, float]:
    data, network = prepare(config, run)
    config = replace(config, epochs=epochs_for(config, network.space.stages))
    network.to(process.device)
    fits: list[Fit] = []
    if config.init == "least_squares":
        run.say("least squares")
        images = data.calibration(config.calibration_images, config.seed)
        fits = initialise_least_squares(network, images, config.solve)
        ridges = sum(fit.ridge for fit in fits)
        if ridges:
            run.say(f"least squares: {ridges} of {len(fits)} layers were singular, got a ridge")
    before = _score(network, data, process, run, "scores before training")
    teacher = load_teacher(config, data, run, network.classes)
    training = Training(
        network, data, config, process, teacher.to(process.device) if teacher else None
    )
    _train(training, run)
    after = _score(network, data, process, run, "scores after training")
    validation = validation_scores(network, data, process)
    if fits:
        run.save_table("layer", layer_table(network, fits))
    table = stitch_table(network, before, after, training.visits.tolist())
    if validation:  # for choosing settings; reports show the test images
        table["top1_validation"] = validation
    run.save_table("stitch", table)
    if process.first:
        run.say("latency")
        run.save_table("latency", latency_table(network))
    return summary(table, training)


def prepare(config: StitchingConfig, run: RunLike) -> tuple[Data, StitchedNetwork]:
    """The data, and the stitched network with the anchors' weights and Kaiming's start.

    Raises:
        ValueError, MissingDataError: something is missing or does not fit; says what.
    """
    data = load_data(config)
    options = {"drop_path_rate": config.drop_path} if config.drop_path else {}
    specs = (
        config.anchors if config.pretrained else [untrained(s, config.seed) for s in config.anchors]
    )
    anchors = pretrained_anchors(specs, dataset_name(config), data, run.cache, run.say, **options)
    torch.manual_seed(config.seed)
    network = stitch_for(config, anchors, data.image_shape)
    if data.classes not in (None, network.classes):
        raise ValueError(
            f"the anchors tell {network.classes} classes apart, dataset {config.dataset} has "
            f"{data.classes}; set num_classes in the anchors' options, and weights that fit"
        )
    return data, network


def untrained(spec: AnchorSpec, seed: int) -> AnchorSpec:
    """The same network with random weights, drawn by `seed`."""
    return replace(spec, weights="random", recipe=replace(spec.recipe, seed=seed))


def load_data(config: StitchingConfig) -> Data:
    """The images that `config` names, preprocessed as its anchors want them."""
    counts = config.training_images, config.test_images
    if config.dataset in IN_MEMORY:
        return take(LOADERS[config.dataset](), *counts)
    from snnet.data.images import load_images  # torchvision: only where needed
    from snnet.data.preprocessing import preprocessing_of

    with torch.device("meta"):
        bare = [replace(spec, weights="random") for spec in config.anchors]
        models = [create_anchor(spec).model for spec in bare]
    preprocessing = preprocessing_of(models)
    return load_images(config.dataset, preprocessing, *counts, config.validation_images)


def dataset_name(config: StitchingConfig) -> str:
    """The dataset with its subset: what anchors trained on it depend on."""
    name = config.dataset
    if config.training_images is not None:
        name += f"-{config.training_images}"
    return f"{name}-without-{config.validation_images}" if config.validation_images else name


def load_teacher(
    config: StitchingConfig, data: Data, run: RunLike, classes: int
) -> nn.Module | None:
    """The network that teaches, any of timm's, or None.

    Raises:
        ValueError: its weights are not to be had, or it tells other classes apart.
    """
    if config.distillation == "none" or config.teacher is None:
        return None
    if config.teacher.weights == "recipe":
        name = dataset_name(config)
        (teacher,) = pretrained_anchors([config.teacher], name, data, run.cache, run.say)
        model: Any = teacher.model
    else:
        model = create_model(config.teacher)
    if model.num_classes != classes:
        raise ValueError(
            f"the teacher tells {model.num_classes} classes apart, the anchors {classes}"
        )
    return model


def _train(training: Training, run: RunLike) -> None:
    """Train to the end, leaving checkpoints; a request to stop leaves one more."""
    config, network, process = training.config, training.network, training.process
    checkpoint, model = run.directory / CHECKPOINT, run.directory / MODEL
    if process.any(model.exists())[0]:  # an earlier attempt ended after its training
        values = load_network(network, model)
        training.visits = torch.tensor(values["visits"])
        training.seconds, training.epoch = values["seconds"], values["epoch"]
        return
    if process.any(checkpoint.exists())[0]:
        resume_training(training, checkpoint)
    run.say("training")
    clock = _Clock()
    with run.deferring_stop():
        while training.epoch < config.epochs:
            metrics = training.run_epoch(lambda: run.stopping or (process.first and clock.due))
            if metrics is not None:
                metrics |= _reach_rungs(training, run)
                run.log(training.epoch, config.epochs, metrics)
            if training.epoch == config.epochs:
                break
            stopping, due = process.any(run.stopping, process.first and clock.due)
            if stopping or due:
                state = training.state()  # asks all processes
                if process.first:
                    with clock.writing(), run.writing(CHECKPOINT) as path:
                        save_training(training, state, path)
            if stopping:
                run.request_stop()  # a signal may have come to another process alone
                return  # the context raises
        kept = {"visits": training.visits.tolist(), "seconds": training.seconds}
        if process.first:
            with run.writing(MODEL) as path:
                save_network(network, {**kept, "epoch": training.epoch}, path)
            checkpoint.unlink(missing_ok=True)


def _reach_rungs(training: Training, run: RunLike) -> dict[str, float]:
    """Where the epoch that ended reached a rung: keep the scores, and give their mean."""
    rungs = rungs_at(training.epoch, training.config.epochs)
    scores = validation_scores(training.network, training.data, training.process) if rungs else []
    if not scores:
        return {}
    if training.process.first:
        for rung in rungs:
            with run.writing(validation_file(rung)) as path:
                validation_table(training.network, scores).to_parquet(path)
    return {"validation_top1": sum(scores) / len(scores)}


class _Clock:
    """When the next checkpoint is due: rarely enough that writing costs little."""

    def __init__(self) -> None:
        self._next = time.monotonic() + CHECKPOINT_SECONDS

    @property
    def due(self) -> bool:
        return time.monotonic() >= self._next

    @contextmanager
    def writing(self) -> Iterator[None]:
        start = time.monotonic()
        yield
        now = time.monotonic()
        self._next = now + max(CHECKPOINT_SECONDS, (now - start) / CHECKPOINT_SHARE)


def _score(
    network: StitchedNetwork, data: Data, process: Process, run: RunLike, phase: str
) -> list[Score]:
    run.say(phase)
    told = time.monotonic()

    def watch(images: int) -> None:
        nonlocal told
        if time.monotonic() - told > 5:
            told = time.monotonic()
            run.say(f"{phase}: {images * process.world}/{data.test_count} images")

    batches = data.test_batches(EVALUATION_BATCH, process.part)
    return evaluate(network, batches, process.interleave, watch)


def layer_table(network: StitchedNetwork, fits: list[Fit]) -> pd.DataFrame:
    """One row a stitching layer: which pairs it serves, and how well its start fits them."""
    layers = network.space.layers
    table = pd.DataFrame(
        {
            "front": [layer.front for layer in layers],
            "back": [layer.back for layer in layers],
            "pairs": [" ".join(f"{i}>{j}" for i, j in layer.pairs) for layer in layers],
            "residual": [fit.residual for fit in fits],
            "ridge": [int(fit.ridge) for fit in fits],
        }
    )
    table.index.name = "layer"
    return table


def latency_table(network: StitchedNetwork) -> pd.DataFrame:
    """One row a sub-network: how long a batch takes here, in ms: median, 10 and 90 %."""
    found = measure_latencies(network, LATENCY_BATCH, LATENCY_REPEATS, seconds=LATENCY_SECONDS)
    table = pd.DataFrame(
        {
            "batch_size": LATENCY_BATCH,
            "latency": [one.median for one in found],
            "latency_low": [one.low for one in found],
            "latency_high": [one.high for one in found],
        }
    )
    table.index.name = "stitch"
    return table


def stitch_table(
    network: StitchedNetwork, before: list[Score], after: list[Score], visits: list[int]
) -> pd.DataFrame:
    """One row a sub-network: route, cost, visits, and scores before and after training."""
    routes, costs = network.space.routes, route_costs(network)
    layer_of = network.space.layer_of()
    table = pd.DataFrame(
        {
            "route": [route.name for route in routes],
            "anchors": ["-".join(map(str, route.anchors)) for route in routes],
            "is_anchor": [route.is_anchor for route in routes],
            "layers": [
                " ".join(str(layer_of[joint]) for joint in route.joints) for route in routes
            ],
            "macs": [macs for macs, _ in costs],
            "params": [params for _, params in costs],
            "visits": visits,
        }
    )
    for suffix, scores in (("_before", before), ("", after)):
        for field in ("top1", "top5", "loss", "correct"):
            table[field + suffix] = [getattr(score, field) for score in scores]
    table.index.name = "stitch"
    return table


def summary(table: pd.DataFrame, training: Training) -> dict[str, float]:
    """The numbers that tell a run in a line."""
    anchors = table[table.is_anchor]
    steps = training.epoch * training.steps_per_epoch
    kept = float((anchors.top1 - anchors.top1_before).mean())
    return {
        "stitches": float(len(table)),
        "mean_top1": float(table.top1.mean()),
        "mean_top1_before": float(table.top1_before.mean()),
        "worst_top1": float(table.top1.min()),
        **({"anchor_change_top1": kept} if len(anchors) else {}),
        "train_seconds": training.seconds,
        "images_per_second": steps * training.config.batch_size / training.seconds,
        "passes": float(training.visits.sum()),
        "stored_params": float(count_params(training.network)),
    }
