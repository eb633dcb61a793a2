"""What MLflow's own fields say of a run: source, user, description, and the data that it used."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.runs.provenance import GIT_SHA
from ablations.study.metric import Metric
from ablations.study.plan import Cell, Plan
from ablations.tracking.names import NOTE_TAG, digest_of

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

MOST = 4  # metrics in a sentence


def origin_tags(run: Path, plan: Plan | None, provenance: Mapping[str, str]) -> dict[str, str]:
    """Who made a run, with which command, from which commit: MLflow's tags of these.

    Arguments:
        run: its directory.
    """
    tags = {"mlflow.source.type": "LOCAL"}
    if plan:
        tags["mlflow.source.name"] = (
            f"ablate run {plan.variant.study if plan.variant else plan.study}"
        )
    if sha := provenance.get(GIT_SHA):
        tags["mlflow.source.git.commit"] = sha
    with suppress(KeyError, OSError):  # an id without a name, as in containers
        tags["mlflow.user"] = run.owner()
    return tags


def sentence(plan: Plan, cell: Cell, metrics: Mapping[str, float]) -> dict[str, str]:
    """What a run is in its study and what came of it, as the tag of its description."""
    told = [_in_words(one, metrics[one.name]) for one in plan.metrics if one.name in metrics]
    text = f"{cell.name} of study {plan.study}: {', '.join(told[:MOST])}." if told else ""
    return {NOTE_TAG: text or f"{cell.name} of study {plan.study}."}


def _in_words(one: Metric, value: float) -> str:
    return f"{one.title} {three_digits(one.factor * value)} {one.unit}".strip()


def three_digits(value: float) -> str:
    """A number for people: `0.953`, `95.3`, `12,300,000`."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e15 else f"{rounded:g}"


def dataset_of(config: Mapping[str, Any], settings: Sequence[str]) -> DatasetInput | None:
    """The data of a run as MLflow has datasets; None where the experiment names none.

    Arguments:
        settings: that choose the data, see `Presentation.dataset`.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    chosen = {name: config[name] for name in settings if name in config}
    if not chosen:
        return None
    text = json.dumps(chosen)
    name = str(next(iter(chosen.values())))
    data = Dataset(name, digest_of(chosen), "code", text, profile=text)
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])
