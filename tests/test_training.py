"""Joint training: what a step touches, what resuming keeps, and which anchors it starts from."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest
import torch
from test_network import tiny_anchor

from snnet.config import TRAINING_IMAGES, AnchorSpec, Augmentation, Recipe, StitchingConfig
from snnet.data import Data, augment, load_digits
from snnet.initialisation import initialise_least_squares
from snnet.network import stitch
from snnet.pretraining import cache_path, pretrained_anchors
from snnet.sampling import random_sampler, sandwich_sampler
from snnet.seeding import generator
from snnet.training import DivergenceError, Training

CONFIG = StitchingConfig(
    epochs=4,
    warmup_epochs=1,
    batch_size=16,
    learning_rate=1e-3,
    augmentation=Augmentation(degrees=5, scale=0.1, shift=0.5),
)


@pytest.fixture(scope="module")
def data():
    digits = load_digits()
    return Data(
        digits.train_images[:64],
        digits.train_labels[:64],
        digits.test_images[:32],
        digits.test_labels[:32],
        classes=10,
    )


def training(data, **changes):
    config = replace(CONFIG, **changes)
    torch.manual_seed(config.seed)
    network = stitch([tiny_anchor(w, w) for w in (8, 12)], 2, 1, "nearest", config.direction)
    initialise_least_squares(network, data.calibration(20, config.seed))
    return Training(network, data, config)


def weights(state):
    return {name: value.clone() for name, value in state.network.state_dict().items()}


@pytest.mark.parametrize("sampling", ["random", "sandwich"])
def test_resumed_training_ends_with_the_same_bits(data, sampling, tmp_path):
    whole = training(data, sampling=sampling)
    for _ in range(4):
        whole.run_epoch()
    first = training(data, sampling=sampling)
    first.run_epoch()
    torch.save(first.state_dict(), tmp_path / "checkpoint.pt")
    second = training(data, sampling=sampling)
    second.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    while second.epoch < 4:
        second.run_epoch()
    expected, actual = weights(whole), weights(second)
    assert all(torch.equal(expected[name], actual[name]) for name in expected)
    assert torch.equal(whole.visits, second.visits)


def test_position_embeddings_are_not_decayed(data):
    run = training(data)
    decay = {
        id(p): group["weight_decay"]
        for group in run.optimizer.param_groups
        for p in group["params"]
    }
    for name, parameter in run.network.named_parameters():
        exempt = parameter.ndim < 2 or name.endswith(("pos_embed", "cls_token"))
        assert decay[id(parameter)] == (0 if exempt else 0.05), name


def test_training_lowers_the_loss(data):
    run = training(data, epochs=12)
    losses = [run.run_epoch()["loss"] for _ in range(12)]
    assert sum(losses[-3:]) < sum(losses[:3])


def test_seeds_differ_and_repeat(data):
    def trained(seed):
        run = training(data, seed=seed)
        run.run_epoch()
        return weights(run)

    a, again, b = trained(0), trained(0), trained(1)
    assert all(torch.equal(a[name], again[name]) for name in a)
    assert not all(torch.equal(a[name], b[name]) for name in a)


def test_stitching_layers_alone_leave_the_anchors(data):
    run = training(data, tuning="stitching_layers")
    before = weights(run)
    run.run_epoch()
    changed = {name for name, value in weights(run).items() if not torch.equal(before[name], value)}
    assert changed
    assert all(name.startswith("layers.") for name in changed)


def test_counts_of_passes_and_images(data):
    for sampling, passes in (("random", 4), ("sandwich", 4 * 5)):
        run = training(data, sampling=sampling, sandwich_random=3)
        metrics = run.run_epoch()
        assert metrics["passes"] == passes
        assert metrics["images_seen"] == 64
        assert int(run.visits.sum()) == passes


def test_sandwich_draws_largest_smallest_and_distinct_others():
    draw = sandwich_sampler(count=8, anchors=3, random_count=2)
    seen = set()
    for seed in range(40):
        chosen = draw(generator(seed))
        assert chosen[:2] == [2, 0]
        assert len(set(chosen)) == 4
        seen |= set(chosen)
    assert seen == set(range(8))


def test_random_draws_every_stitch():
    draws, draw = generator("all"), random_sampler(5)
    assert {stitch for _ in range(200) for stitch in draw(draws)} == set(range(5))


def test_the_largest_teaches_and_is_not_taught(data):
    """The gradients of a step are those of its losses added up, the teacher's output detached."""
    run = training(data, sampling="sandwich", sandwich_random=0)
    network = run.network.train()
    images, labels = data.train_images[:16], data.train_labels[:16]
    largest, smallest = (network.space.routes[n] for n in run._draw(generator(0)))
    logits = network(images, largest)
    loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    soft = logits.detach().softmax(1)
    loss = loss - (soft * network(images, smallest).log_softmax(1)).sum(1).mean()
    names, parameters = zip(*network.named_parameters(), strict=True)
    expected = dict(
        zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True)
    )
    run._step(images, labels, run._draw(generator(0)))
    for name, parameter in network.named_parameters():
        if expected[name] is None:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, expected[name])


def test_divergence_names_epoch_step_and_stitch(data):
    run = training(data)
    with torch.no_grad():
        for parameter in run.network.parameters():
            parameter.fill_(float("nan"))
    with pytest.raises(DivergenceError, match=r"epoch 0, step 0, stitch \d+"):
        run.run_epoch()


def test_the_split_is_fixed_and_apart():
    one, two = load_digits(), load_digits()
    assert torch.equal(one.test_labels, two.test_labels)
    assert (len(one.train_labels), len(one.test_labels)) == (TRAINING_IMAGES["digits"], 540)
    train = {image.numpy().tobytes() for image in one.train_images}
    test = {image.numpy().tobytes() for image in one.test_images}
    assert len(train & test) <= 3  # scikit-learn's set holds a few images twice


def test_calibration_images_depend_on_the_seed_alone(data):
    assert torch.equal(data.calibration(10, 1), data.calibration(10, 1))
    assert not torch.equal(data.calibration(10, 1), data.calibration(10, 2))
    with pytest.raises(ValueError, match="there are 64"):
        data.calibration(65, 0)


def test_augmentation_changes_each_image_its_own_way(data):
    images = data.train_images[:1].repeat(8, 1, 1, 1)
    changed = augment(images, CONFIG.augmentation, generator("a"))
    assert changed.shape == images.shape
    assert len({image.numpy().tobytes() for image in changed}) == 8
    assert augment(images, Augmentation(), generator("a")) is images


SPECS = [
    AnchorSpec(
        f"vit-{width}",
        "vit_tiny_patch16_224",
        {
            "img_size": 8,
            "patch_size": 2,
            "in_chans": 1,
            "num_classes": 10,
            "depth": 2,
            "embed_dim": width,
            "num_heads": 2,
        },
        Recipe(epochs=2, warmup_epochs=1, batch_size=16),
    )
    for width in (8, 16)
]


def want_anchors(cache, data, said):
    torch.set_num_threads(1)
    pretrained_anchors(SPECS, "digits", data, cache, said.append)


def test_two_processes_train_each_anchor_once(data, tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        said = manager.list()
        workers = [
            context.Process(target=want_anchors, args=(tmp_path, data, said)) for _ in range(2)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
        assert [worker.exitcode for worker in workers] == [0, 0]
        epochs = sorted(line for line in said if "epoch" in line)
    assert epochs == sorted(f"anchor vit-{w}: epoch {e}/2" for w in (8, 16) for e in (1, 2))
    again = []
    anchors = pretrained_anchors(SPECS, "digits", data, tmp_path, again.append)
    assert not again
    assert [anchor.width for anchor in anchors] == [8, 16]


def test_the_cache_tells_recipes_apart(tmp_path):
    other = replace(SPECS[0], recipe=replace(SPECS[0].recipe, epochs=3))
    paths = {cache_path(spec, "digits", tmp_path) for spec in (*SPECS, other)}
    assert len(paths) == 3
