"""A plain PyTorch training script as an experiment, which goes on where it was interrupted."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt

from ablations import Axis, Claim, Experiment, Metric, Study


@dataclass(frozen=True)
class Training:
    """What can be varied."""

    rate: Annotated[float, Gt(0)] = 0.1
    optimiser: Literal["sgd", "adam"] = "sgd"
    epochs: int = 20
    seed: int = 0


def train(config, run):
    """Train a small network on digits; gives its accuracy on images that it has not seen."""
    import torch
    from sklearn.datasets import load_digits
    from torch.nn import Linear, ReLU, Sequential
    from torch.nn.functional import cross_entropy

    torch.manual_seed(config.seed)
    images, labels = (torch.tensor(part) for part in load_digits(return_X_y=True))
    images, order = images.float() / 16, torch.randperm(len(labels))
    kept, seen = order[:500], order[500:]
    model = Sequential(Linear(64, 32), ReLU(), Linear(32, 10))
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[config.optimiser]
    optimiser, first = kind(model.parameters(), config.rate), 0
    checkpoint = run.directory / "checkpoint.pt"
    if checkpoint.exists():  # of an attempt that was interrupted
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        first = state["epoch"]
    for epoch in range(first, config.epochs):
        draws = torch.Generator().manual_seed(1000 * config.seed + epoch)  # the same when resumed
        for batch in seen[torch.randperm(len(seen), generator=draws)].split(64):
            loss = cross_entropy(model(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        run.log(epoch + 1, config.epochs, {"loss": loss.item()})
        state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
        with run.writing(checkpoint.name) as path:
            torch.save({**state, "epoch": epoch + 1}, path)
    return {"accuracy": (model(images[kept]).argmax(1) == labels[kept]).float().mean().item()}


ACCURACY = Metric("accuracy", unit="%", goal="maximize", factor=100)
NETWORK = Experiment("network", Training, train, metrics=[ACCURACY])
ADAM = Claim("Adam is better at 0.1", "accuracy", at={"optimiser": "adam"}, than={})
AXES = [Axis("rate", [0.1, 0.01]), Axis("optimiser", ["sgd", "adam"])]
STUDY = Study("Training", "Which optimiser?", NETWORK, AXES, {}, "factorial", claims=[ADAM])
