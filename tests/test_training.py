"""Joint training: what a step touches, what resuming keeps, and which anchors it starts from."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest
import torch
from test_network import tiny_anchor

from snnet.checkpoint import resume_training, save_training
from snnet.config import IN_MEMORY, AnchorSpec, Augmentation, Recipe, StitchingConfig
from snnet.data.memory import affine, load_digits, take
from snnet.distributed import Process
from snnet.errors import CheckpointError, DivergenceError
from snnet.initialisation import initialise_least_squares
from snnet.network import stitch
from snnet.pretraining import cache_path, pretrained_anchors
from snnet.sampling import random_sampler, sandwich_sampler
from snnet.seeding import generator
from snnet.training import Training, slices_of

CONFIG = StitchingConfig(
    epochs=4,
    warmup_epochs=1,
    batch_size=16,
    learning_rate=1e-3,
    augmentation=Augmentation(degrees=5, scale=0.1, shift=0.5),
)


@pytest.fixture(scope="module")
def data():
    return take(load_digits(), 64, 32)


def training(data, **changes):
    config = replace(CONFIG, **changes)
    torch.manual_seed(config.seed)
    anchors = [tiny_anchor(w, w, drop_path_rate=config.drop_path) for w in (8, 12)]
    network = stitch(anchors, data.image_shape, direction=config.direction)
    initialise_least_squares(network, data.calibration(20, config.seed))
    return Training(network, data, config)


def weights(state):
    return {name: value.clone() for name, value in state.network.state_dict().items()}


DEMANDING = {
    "random": {},
    "sandwich": {"sampling": "sandwich"},
    "everything": {
        "sampling": "sandwich",
        "subnetworks_per_step": 2,
        "drop_path": 0.3,
        "gradient_clip": 1.0,
        "anchor_learning_rate": 0.1,
        "augmentation": Augmentation(degrees=5, mixup=0.8, cutmix=1.0),
    },
    "sgd": {"optimizer": "sgd"},
    "bf16": {"precision": "bf16"},
    "fp16": {"precision": "fp16"},
}


@pytest.mark.parametrize("changes", DEMANDING.values(), ids=DEMANDING)
def test_resumed_training_ends_with_the_same_bits(data, changes, tmp_path):
    """Stopped after any step, in the middle of an epoch or at its end."""
    whole = training(data, **changes)
    expected_metrics = [steady(whole.run_epoch()) for _ in range(4)]
    for stop in (1, 4, 6):  # steps; an epoch has four
        first = training(data, **changes)
        left = iter(range(stop - 1))
        while first.epoch * 4 + first.step < stop:
            first.run_epoch(pause=lambda left=left: next(left, None) is None)
        save_training(first, first.state(), tmp_path / "checkpoint")
        second = training(data, **changes)
        resume_training(second, tmp_path / "checkpoint")
        assert second.epoch * 4 + second.step == stop
        metrics = [steady(second.run_epoch()) for _ in range(4 - second.epoch)]
        assert metrics == expected_metrics[-len(metrics) :]
        expected, actual = weights(whole), weights(second)
        assert all(torch.equal(expected[name], actual[name]) for name in expected)
        assert torch.equal(whole.visits, second.visits)


def steady(metrics):
    return {name: value for name, value in metrics.items() if name != "images_per_second"}


def test_a_damaged_or_foreign_checkpoint_is_refused(data, tmp_path):
    run = training(data)
    path = tmp_path / "checkpoint"
    with pytest.raises(CheckpointError, match="there is no file"):
        resume_training(run, path)
    save_training(run, run.state(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="is damaged"):
        resume_training(run, path)
    other = training(data)
    other.network.layers.append(torch.nn.Linear(2, 2))
    save_training(other, other.state(), path)
    with pytest.raises(CheckpointError, match=r"unknown layers\.\d+\.(weight|bias) and 1 more"):
        resume_training(run, path)


def test_anchors_and_stitching_layers_have_rates_of_their_own(data):
    run = training(data, anchor_learning_rate=0.1, warmup_epochs=0)
    rate = {id(p): group["lr"] for group in run.optimizer.param_groups for p in group["params"]}
    for name, parameter in run.network.named_parameters():
        expected = 1e-3 if name.startswith("layers.") else 1e-4
        assert rate[id(parameter)] == pytest.approx(expected), name


def test_clipped_gradients_have_at_most_that_norm(data):
    run = training(data, gradient_clip=1e-3)
    run.run_epoch()
    norms = [p.grad.norm() for p in run.network.parameters() if p.grad is not None]
    assert torch.stack(norms).norm() <= 1.001e-3


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_a_teacher_is_learned_from(data, kind):
    """A teacher that always says 3 pulls the network there; without it, labels do not."""

    class Three(torch.nn.Module):
        def forward(self, images):
            return torch.eye(10)[3].mul(20).expand(len(images), 10)

    def says_three(**changes):
        config = replace(CONFIG, epochs=6, learning_rate=3e-3, **changes)
        base = training(data, epochs=6)
        run = Training(base.network, data, config, teacher=Three() if changes else None)
        for _ in range(6):
            run.run_epoch()
        run.network.eval()
        with torch.no_grad():
            logits = run.network(data.normalise(data.test_images), 0)
        return (logits.argmax(1) == 3).float().mean().item()

    teacher = AnchorSpec("three", "resnet18")
    assert says_three(distillation=kind, distillation_alpha=0.9, teacher=teacher) > 0.9
    assert says_three() < 0.5


def test_slices_go_round_the_processes():
    for count, world in ((8, 1), (8, 2), (8, 8), (2, 4)):
        slices = [slices_of(count, Process(rank, world)) for rank in range(world)]
        assert sorted({n for mine in slices for n in mine}) == list(range(count))
    with pytest.raises(ValueError, match="do not divide"):
        slices_of(3, Process(0, 2))


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
    draws, draw = generator("all"), random_sampler(range(5))
    assert {stitch for _ in range(200) for stitch in draw(draws)} == set(range(5))


def test_the_largest_teaches_and_is_not_taught(data):
    """The gradients of a step are those of its losses added up, the teacher's output detached."""
    run = training(data, sampling="sandwich", sandwich_random=1)
    network = run.network.train()
    images, labels = data.normalise(data.train_images[:16]), data.train_labels[:16]
    largest, *others = run._sampler(generator("stitches", 0, 0, 0, 0))
    logits = network(images, largest)
    loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    soft = logits.detach().softmax(1)
    for other in others:
        loss = loss - (soft * network(images, other).log_softmax(1)).sum(1).mean()
    names, parameters = zip(*network.named_parameters(), strict=True)
    expected = dict(
        zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True)
    )
    assert run._train_step(images, labels) == ""
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
    assert (len(one.train_labels), len(one.test_labels)) == (IN_MEMORY["digits"], 540)
    train = {image.numpy().tobytes() for image in one.train_images}
    test = {image.numpy().tobytes() for image in one.test_images}
    assert len(train & test) <= 3  # scikit-learn's set holds a few images twice


def test_calibration_images_depend_on_the_seed_alone(data):
    one, again, other = (torch.cat(list(data.calibration(20, seed))) for seed in (1, 1, 2))
    assert one.shape == (20, 1, 8, 8)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    with pytest.raises(ValueError, match="there are 64"):
        list(data.calibration(65, 0))


def test_augmentation_changes_each_image_its_own_way(data):
    images = data.normalise(data.train_images[:1]).repeat(8, 1, 1, 1)
    draws = torch.rand(4, 8, generator=generator("a"))
    changed = affine(images, CONFIG.augmentation, draws)
    assert changed.shape == images.shape
    assert len({image.numpy().tobytes() for image in changed}) == 8
    assert affine(images, Augmentation(), draws) is images


def test_parts_of_a_batch_and_later_starts_are_the_same_images(data):
    whole = list(data.batches(16, CONFIG.augmentation, "epoch"))
    halves = [list(data.batches(16, CONFIG.augmentation, "epoch", part=(n, 2))) for n in (0, 1)]
    late = list(data.batches(16, CONFIG.augmentation, "epoch", start=2))
    assert [len(labels) for _, labels in whole] == [16] * 4
    for step, (images, labels) in enumerate(whole):
        for n in (0, 1):
            torch.testing.assert_close(halves[n][step][0], images[n::2])
            assert torch.equal(halves[n][step][1], labels[n::2])
    assert torch.equal(late[0][0], whole[2][0])


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
        recipe=Recipe(epochs=2, warmup_epochs=1, batch_size=16),
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
    assert [anchor.model.embed_dim for anchor in anchors] == [8, 16]


def test_the_cache_tells_recipes_apart(tmp_path):
    other = replace(SPECS[0], recipe=replace(SPECS[0].recipe, epochs=3))
    paths = {cache_path(spec, "digits", tmp_path) for spec in (*SPECS, other)}
    assert len(paths) == 3
