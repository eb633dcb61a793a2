"""A report in MLflow: its page and the verdicts, at the run that stands for the study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ablations.errors import UserError
from ablations.terminal.display import warn
from ablations.tracking.reader import TrackedStudy
from ablations.tracking.reports import attach_report
from reports.data.verdicts import Verdict
from reports.statistics.evidence import words


def attach(uri: str, study: TrackedStudy, verdicts: Sequence[Verdict], page: Path) -> None:
    """Attach the page of a study to its run in the store `uri`, and the verdicts as tags.

    A store that refuses is told of: the report is drawn all the same.
    """
    told = {one.claim.words: (one.evidence.verdict, words(one.evidence)) for one in verdicts}
    try:
        attach_report(uri, study.plan, study.experiment, page, told)
    except UserError as error:
        warn(f"the report is not attached to the study in MLflow: {error}")
