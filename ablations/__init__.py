"""The machinery: study -> plan -> runs -> workers -> tracking, and the command line.

It runs any `Experiment`: a typed configuration and a function that takes it and returns metrics.
What a study file needs is imported from here: `from ablations import Axis, Claim, Study`. So is
what the command line does, for scripts and notebooks: `ablations.run("overview")`, see
`ablations.api`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ablations.api import plan, report, results, run, status, table
    from ablations.errors import UserError
    from ablations.runs.attempt import Attempt
    from ablations.runs.attempt import Attempt as Run
    from ablations.study.claim import Claim
    from ablations.study.experiment import Experiment
    from ablations.study.limits import Limits
    from ablations.study.metric import Metric, Table
    from ablations.study.objective import Objective
    from ablations.study.presentation import Chart, Presentation
    from ablations.study.study import Axis, Study

__all__ = [
    "Attempt",
    "Axis",
    "Chart",
    "Claim",
    "Experiment",
    "Limits",
    "Metric",
    "Objective",
    "Presentation",
    "Run",
    "Study",
    "Table",
    "UserError",
    "plan",
    "report",
    "results",
    "run",
    "status",
    "table",
]
# where each is; imported when it is asked for, so that the command line starts quickly
_HOMES = {
    "Attempt": "ablations.runs.attempt",
    "Axis": "ablations.study.study",
    "Chart": "ablations.study.presentation",
    "Claim": "ablations.study.claim",
    "Experiment": "ablations.study.experiment",
    "Limits": "ablations.study.limits",
    "Metric": "ablations.study.metric",
    "Objective": "ablations.study.objective",
    "Presentation": "ablations.study.presentation",
    "Study": "ablations.study.study",
    "Table": "ablations.study.metric",
    "UserError": "ablations.errors",
    **dict.fromkeys(("plan", "report", "results", "run", "status", "table"), "ablations.api"),
}


def __getattr__(name: str) -> Any:
    if name == "Run":  # what `Attempt` was called
        name = "Attempt"
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
