"""Learning from a teacher, or from the largest anchor."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from helpers.training import CONFIG, training
from snnet.anchor_spec import AnchorSpec
from snnet.seeding import generator
from snnet.training import Training


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


def test_the_largest_teaches_and_is_not_taught(data):
    """The gradients of a step are those of its losses added up, the teacher's output detached."""
    run = training(data, sampling="sandwich", sandwich_random=1)
    network = run.network.train()
    images, labels = data.normalise(data.train_images[:16]), data.train_labels[:16]
    largest, *others = run._sampler(generator("stitches", 0, 0, 0, 0), run.visits)
    logits = network(images, largest)
    loss = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    soft = logits.detach().softmax(1)
    for other in others:
        loss = loss - (soft * network(images, other).log_softmax(1)).sum(1).mean()
    names, parameters = zip(*network.named_parameters(), strict=True)
    expected = dict(
        zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True)
    )
    run._train_step(images, labels)
    assert run._tally.read() is None
    for name, parameter in network.named_parameters():
        if expected[name] is None:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, expected[name])
