"""Where pages lead to in the MLflow UI."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ablations.errors import UserError
from ablations.tracking.reader import TrackedRun, TrackedStudy
from ablations.tracking.ui import DEFAULT_PORT
from ablations.tracking.views import run_path, view_path


@dataclass(frozen=True)
class Links:
    """Addresses in one MLflow UI."""

    base: str

    @classmethod
    def to(cls, uri: str, ui: str | None = None) -> Links:
        """Those of the UI at `ui`; by default of the server that `uri` is, else of `ablate ui`.

        Raises:
            UserError: `ui` is no address of a server.
        """
        if ui is not None and not re.match(r"https?://[^/\s]", ui):
            raise UserError(f"--ui {ui} is no address of a server; write it like http://host:5000")
        server = uri if uri.startswith("http") else f"http://127.0.0.1:{DEFAULT_PORT}"
        return cls(re.sub(r"//[^/@]*@", "//", ui or server).rstrip("/"))  # no password on a page

    def run(self, study: TrackedStudy, run: TrackedRun) -> str:
        """One run."""
        return self.base + run_path(study.experiment, run.run_id)

    def view(self, study: TrackedStudy, axis: str | None) -> str:
        """The runs of a study, grouped by an axis; `ablate ui` prepares it."""
        return self.base + view_path(study.experiment, study.plan.study, axis)
