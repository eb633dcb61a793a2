"""What is told of a run while it goes on, as curves of MLflow: each point is delivered once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ablations.tracking.names import PROGRESS_TAG, SAMPLES_TAG, progress_metric, system_metric

if TYPE_CHECKING:
    from mlflow.entities import Metric


@dataclass(frozen=True)
class Series:
    """All that was told, and how much of it the store has.

    Attributes:
        progress: what the run told, see `RunDirectory.progress`.
        samples: of the machine, see `RunDirectory.samples`.
        known: tags of the MLflow run.
    """

    progress: Sequence[Mapping[str, Any]]
    samples: Sequence[Mapping[str, Any]]
    known: Mapping[str, str]

    @property
    def tags(self) -> dict[str, str]:
        """How much the store has when the new points are there."""
        told = {PROGRESS_TAG: len(self.progress)}
        told |= {SAMPLES_TAG: len(self.samples)} if self.samples else {}
        # never less, though a look just when the folder of an attempt is renamed sees nothing
        return {tag: str(max(self._known(tag), count)) for tag, count in told.items()}

    def points(self) -> list[Metric]:
        """What is new of all curves."""
        return [*self._logged(), *self._sampled()]

    def _known(self, tag: str) -> int:
        return int(self.known.get(tag, 0))

    def _logged(self) -> Iterator[Metric]:
        from mlflow.entities import Metric

        for entry in self.progress[self._known(PROGRESS_TAG) :]:
            for name, value in entry.get("metrics", {}).items():
                time = int(entry["time"] * 1000)
                yield Metric(progress_metric(name), value, time, entry["step"])

    def _sampled(self) -> Iterator[Metric]:
        """The machine during all attempts, one after the other."""
        from mlflow.entities import Metric

        known = self._known(SAMPLES_TAG)
        for step, entry in enumerate(self.samples[known:], start=known):
            for name, value in entry["metrics"].items():
                yield Metric(system_metric(name), value, int(entry["time"] * 1000), step)
