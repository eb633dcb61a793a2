"""One stitching run from anchors to scores."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import Anchor, create_anchor
from snnet.candidates import Candidates
from snnet.checkpoint import (
    CheckpointClock,
    load_network,
    resume_training,
    save_network,
    save_training,
    trained_routes,
)
from snnet.config import StitchingConfig
from snnet.data.catalogue import dataset_name, load_data
from snnet.data.dataset import Data
from snnet.distributed import Process, connect
from snnet.evaluation import Scores, evaluate
from snnet.front import held_out
from snnet.initialisation import Fit
from snnet.latency import measure_latencies
from snnet.memory import explaining_lack, forget_peak, peak_memory
from snnet.models import create_model
from snnet.network import StitchedNetwork, stitch_for
from snnet.pretraining import begun, drawn_by, pretrained_anchors
from snnet.rivals import rivals_of
from snnet.run import (
    CHECKPOINT,
    LATENCIES,
    LAYERS,
    MODEL,
    RIVALS,
    STITCHES,
    Follower,
    RunLike,
    validation_file,
)
from snnet.selection import select
from snnet.space import epochs_for
from snnet.tables import (
    latency_table,
    layer_table,
    rival_table,
    stitch_table,
    summary,
    validation_table,
)
from snnet.teacher_answers import answers_for
from snnet.training import Training
from snnet.validation import rungs_at, validation_scores
from snnet.weights import Say

EVALUATION_BATCH = 64  # images
LATENCY_BATCH = 64  # images
LATENCY_REPEATS, LATENCY_SECONDS = 10, 10.0  # at most; no longer than training took, either


def run_stitching(config: StitchingConfig, run: RunLike) -> dict[str, float]:
    """Stitch, initialise, score, train, and score once more.

    Saves the tables `stitch` and `latency` (one row a sub-network, index = stitch id), `layer`
    (one row a stitching layer) and, if asked, `rival` (see `snnet.rivals`), keeps the trained
    network, and returns the summary. Goes on from the checkpoint that an earlier attempt left.
    Several processes may share the run (see `snnet.distributed`): all call this, only the first
    writes.

    Raises:
        ValueError, MissingDataError: something is missing or does not fit; says what.
        DivergenceError: a loss became infinite or not a number.
        OutOfMemoryError: memory is not enough; names the batch size.
    """
    with connect() as process, explaining_lack(config.batch_size):
        forget_peak(process.device)
        return _run(config, run if process.first else Follower(run), process)


def _run(config: StitchingConfig, run: RunLike, process: Process) -> dict[str, float]:
    data, network = prepare(config, run)
    config = replace(config, epochs=epochs_for(config, network.space.stages))
    network.to(process.device)
    data = data.on(process.device)
    fits = _fit(network, data, config, run)
    if config.selection != "all":
        network, fits = _select(Candidates(network, data, config), fits, run, process)
    before = _score(network, data, process, run, "scores before training")
    if config.rivals:
        _keep_rivals(network, data, process, run)
    teacher = load_teacher(config, data, run, network.classes)
    answers = None
    if teacher is not None:
        teacher = teacher.to(process.device)
        if config.teacher_answers == "kept":
            classes, world = network.classes, process.world
            answers = answers_for(config, data, teacher, classes, world, run.cache)
    training = Training(network, data, config, process, teacher, answers)
    _train(training, run)
    after = _score(network, data, process, run, "scores after training")
    validation = validation_scores(network, data, process)
    if fits:
        run.save_table(LAYERS, layer_table(network, fits))
    visits, images = training.visits.tolist(), data.test_ids
    table = stitch_table(network, before, after, visits, training.trained_params, images)
    score = data.task.score
    if validation:
        table[held_out(score.name)] = validation
    run.save_table(STITCHES, table)
    if process.first:
        run.say("latency")
        seconds = min(LATENCY_SECONDS, training.seconds)
        found = measure_latencies(network, LATENCY_BATCH, LATENCY_REPEATS, seconds=seconds)
        run.save_table(LATENCIES, latency_table(found, LATENCY_BATCH))
    return summary(table, training, score) | peak_memory(process)


def prepare(config: StitchingConfig, run: RunLike) -> tuple[Data, StitchedNetwork]:
    """The data, and the stitched network with the anchors' weights and Kaiming's start.

    Raises:
        ValueError, MissingDataError: something is missing or does not fit; says what.
    """
    data = load_data(config, run)
    for remark in data.remarks:
        run.say(remark)
    anchors = pretrained_anchors(
        anchor_specs(config),
        dataset_name(config),
        data,
        run.cache,
        run.say,
        config.drop_path,
        learns_heads(config),
    )
    torch.manual_seed(config.seed)
    network = stitch_for(config, anchors, data.image_shape)
    check_classes(network.classes, data.classes, config.dataset)
    return data, network


def anchor_specs(config: StitchingConfig) -> list[AnchorSpec]:
    """The anchors as the run begins with them."""
    if config.pretrained:
        drawn = [drawn_by(spec, config.seed_of_anchors) for spec in config.anchors]
        return drawn if config.fine_tuned else [begun(spec) for spec in drawn]
    return [untrained(spec, config.seed_of_anchors) for spec in config.anchors]


def learns_heads(config: StitchingConfig) -> bool:
    """Whether the run trains the anchors' classifiers, so that they may begin anew."""
    return config.tuning == "full" and config.anchor_learning_rate > 0


def check_classes(told: int, held: int | None, dataset: str) -> None:
    """Refuse anchors that tell other classes apart than the dataset holds (None: not known).

    Raises:
        ValueError: they do.
    """
    if held not in (None, told):
        raise ValueError(
            f"the anchors tell {told} classes apart, dataset {dataset} has {held}; set "
            "num_classes in the anchors' options, and weights that fit"
        )


def untrained(spec: AnchorSpec, seed: int) -> AnchorSpec:
    """An anchor like `spec` with random weights, drawn by `seed`."""
    return replace(spec, weights="random", recipe=replace(spec.recipe, seed=seed))


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
        spec = drawn_by(config.teacher, config.seed_of_anchors)
        (teacher,) = pretrained_anchors([spec], name, data, run.cache, run.say)
        model: Any = teacher if spec.head == "positions" else teacher.model
    else:
        model = create_teacher(config.teacher, run.say, new_head=False)
    check_teacher(model, classes)
    return model


def create_teacher(spec: AnchorSpec, say: Say, new_head: bool) -> nn.Module:
    """A network that teaches: a model of timm's, or where it tells of positions an anchor.

    Raises:
        ValueError: it cannot be made.
    """
    make: Any = create_anchor if spec.head == "positions" else create_model
    teacher: nn.Module = make(spec, say, new_head)
    return teacher


def check_teacher(teacher: Any, classes: int) -> None:
    """Refuse a teacher that tells other classes apart than the anchors.

    Raises:
        ValueError: it does.
    """
    told = teacher.classes if isinstance(teacher, Anchor) else teacher.num_classes
    if told != classes:
        raise ValueError(f"the teacher tells {told} classes apart, the anchors {classes}")


def _fit(network: StitchedNetwork, data: Data, config: StitchingConfig, run: RunLike) -> list[Fit]:
    """Give the stitching layers the start that `config` asks for; how well each fits, if fitted."""
    if config.init != "least_squares":
        return []
    run.say("least squares")
    images = data.calibration(config.calibration_images, config.seed)
    fits = network.initialise(images, config.solve, config.solve_precision)
    ridges = sum(fit.ridge for fit in fits)
    if ridges:
        run.say(f"least squares: {ridges} of {len(fits)} layers were singular, got a ridge")
    return fits


def _select(
    candidates: Candidates, fits: list[Fit], run: RunLike, process: Process
) -> tuple[StitchedNetwork, list[Fit]]:
    """The network of the stitches that are kept, and how well their layers fit, if fitted.

    An attempt that goes on keeps those of the one before, and all processes those of the first.
    """
    run.say("selection")
    kept = trained_routes(run.directory) or select(candidates)
    network = candidates.network.restricted(process.everyone(kept)[0])
    layers = candidates.network.space.layers
    return network, [fits[layers.index(layer)] for layer in network.space.layers if fits]


def _train(training: Training, run: RunLike) -> None:
    """Train to the end, leaving checkpoints; a request to stop leaves one more."""
    process, epochs = training.process, training.config.epochs
    checkpoint, model = run.directory / CHECKPOINT, run.directory / MODEL
    if process.any(model.exists())[0]:  # an earlier attempt ended after its training
        training.finish()
        values = load_network(training.network, model)
        training.visits = torch.tensor(values["visits"])
        training.seconds, training.epoch = values["seconds"], values["epoch"]
        return
    if process.any(checkpoint.exists())[0]:
        resume_training(training, checkpoint)
    run.say("training")
    clock = CheckpointClock()
    with run.deferring_stop():
        while training.epoch < epochs:
            metrics = training.run_epoch(lambda: run.stopping or (process.first and clock.due))
            if metrics is not None:
                run.log(training.epoch, epochs, metrics | _reach_rungs(training, run))
            if training.epoch < epochs and _leave_checkpoint(training, run, clock):
                run.request_stop()  # a signal may have come to another process alone
                return  # the context raises
        training.finish()
        if process.first:
            _keep_network(training, run)
            checkpoint.unlink(missing_ok=True)


def _leave_checkpoint(training: Training, run: RunLike, clock: CheckpointClock) -> bool:
    """Write a checkpoint if one is due, or an end was asked for; returns whether it was."""
    process = training.process
    stopping, due = process.any(run.stopping, process.first and clock.due)
    if stopping or due:
        state = training.state()  # asks all processes
        if process.first:
            with clock.writing(), run.writing(CHECKPOINT) as path:
                save_training(training, state, path)
    return stopping


def _keep_network(training: Training, run: RunLike) -> None:
    values = {
        "visits": training.visits.tolist(),
        "seconds": training.seconds,
        "epoch": training.epoch,
    }
    with run.writing(MODEL) as path:
        save_network(training.network, values, path)


def _reach_rungs(training: Training, run: RunLike) -> dict[str, float]:
    """Keep the scores, and give their mean, if the epoch that ended reached a rung."""
    rungs = rungs_at(training.epoch, training.config.epochs)
    scores = validation_scores(training.network, training.data, training.process) if rungs else []
    if not scores:
        return {}
    score = training.data.task.score.name
    if training.process.first:
        for rung in rungs:
            with run.writing(validation_file(rung)) as path:
                validation_table(training.network, scores, score).to_parquet(path)
    return {f"validation_{score}": sum(scores) / len(scores)}


def _keep_rivals(network: StitchedNetwork, data: Data, process: Process, run: RunLike) -> None:
    """Score what needs no joint training, with the anchors as they are."""
    rivals = rivals_of(network)
    scores = _score(rivals, data, process, run, "scores of rivals")
    run.save_table(RIVALS, rival_table(rivals, scores))


def _score(
    network: StitchedNetwork, data: Data, process: Process, run: RunLike, phase: str
) -> list[Scores]:
    run.say(phase)
    told = time.monotonic()

    def watch(images: int) -> None:
        nonlocal told
        if time.monotonic() - told > 5:
            told = time.monotonic()
            run.say(f"{phase}: {images * process.world}/{data.test_count} images")

    batches = data.test_batches(EVALUATION_BATCH, process.part)
    return evaluate(network, batches, process.interleave, watch, data.task)
