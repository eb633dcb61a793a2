"""An ablation of a random forest: `ablate run examples/forest.py`, then `report` or `search`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from ablations import Axis, Claim, Experiment, Metric, Study


@dataclass(frozen=True)
class Forest:
    """What can be varied."""

    trees: Annotated[int, Ge(1)] = 100
    depth: int | None = None
    features: Literal["sqrt", "log2"] | None = "sqrt"
    seed: int = 0


def train(config, run):
    """Grow a forest; gives its accuracy, and how large it is."""
    from sklearn.datasets import load_digits
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.model_selection import train_test_split

    parts = train_test_split(*load_digits(return_X_y=True), random_state=config.seed)
    images, test_images, labels, test_labels = parts
    model = RandomForestClassifier(
        config.trees, max_depth=config.depth, max_features=config.features, random_state=config.seed
    ).fit(images, labels)
    nodes = sum(tree.tree_.node_count for tree in model.estimators_)
    return {"accuracy": model.score(test_images, test_labels), "nodes": nodes}


ACCURACY = Metric("accuracy", unit="%", goal="maximize", factor=100)
FOREST = Experiment("forest", Forest, train, metrics=[ACCURACY, Metric("nodes", goal="minimize")])
MORE = Claim("a hundred trees beat ten", "accuracy", at={"trees": "100"}, than={"trees": "10"})
AXES = [Axis("trees", [100, 10, 30]), Axis("depth", [None, 4, 8])]
STUDY = Study("Forests", "What makes a forest good?", FOREST, AXES, {}, seeds=5, claims=[MORE])
