"""What draws reports of tracked studies, found by entry points; and reports in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ablations.errors import UserError
from ablations.file_system import may_write
from ablations.runs.home import Home
from ablations.study.plan import Plan
from ablations.tracking.contact import reaching
from ablations.tracking.names import NOTE_TAG, STUDY_TAG, TRAINING, seed_name, verdict_tag
from ablations.tracking.places import local_path
from ablations.tracking.store import connect, search

REPORT = "report"  # the folder of artifacts with the page
GROUP = "ablations.reports"


def drawing_plugins() -> list[Any]:
    """The packages that draw, such as `reports.build`."""
    return [point.load() for point in entry_points(group=GROUP)]


def store_to_draw(home: Home, study: str | None, tracking_uri: str | None) -> str:
    """The store that holds what is to be drawn.

    Raises:
        UserError: it is that of the home, and there is none yet.
    """
    uri = tracking_uri or home.tracking_uri
    if uri == home.tracking_uri and not home.store.exists():
        raise UserError(
            f"nothing is tracked in {home.root}; run `ablate run {study or 'STUDY'}` first"
        )
    return uri


def place_elsewhere(home: Home, name: str, tell: Callable[[str], None]) -> Path | None:
    """A new folder, for who may not write to the reports of the home; None for who may."""
    if may_write(home.reports):
        return None
    place = Path(mkdtemp(prefix="ablate-reports-"), name)
    tell(f"{home.reports} cannot be written: drawn elsewhere, or where --output says")
    return place


def attach_report(
    uri: str, plan: Plan, experiment: str, page: Path, verdicts: Mapping[str, tuple[str, str]]
) -> None:
    """Keep a report with the run that stands for its study: the page, a note, verdicts as tags.

    The runs that stand for its seeds get the tags, too.

    Arguments:
        experiment: MLflow's id of it.
        verdicts: by the words of the claim: the verdict, and the evidence in words.
    """
    client, tags = connect(uri), {verdict_tag(claim): one for claim, (one, _) in verdicts.items()}
    names = {plan.study, *(seed_name(plan.study, cell.seed) for cell in plan.cells)}
    with reaching(uri):
        folder = local_path(client.get_experiment(experiment).artifact_location)
        if folder is not None and not may_write(folder):  # somebody only reads here
            return
        for run in search(client, experiment, f"tags.`{STUDY_TAG}` LIKE '%'"):
            name, identity = run.data.tags[STUDY_TAG], run.info.run_id
            new = dict(tags) if name in names else {}
            if name == plan.study:
                client.log_artifact(identity, str(page), REPORT)
                new[NOTE_TAG] = _note(plan, experiment, identity, page, verdicts)
            for tag, value in new.items():
                client.set_tag(identity, tag, value)


def _note(
    plan: Plan, experiment: str, run: str, page: Path, verdicts: Mapping[str, tuple[str, str]]
) -> str:
    """The description of a study's run, as Markdown."""
    place = f"#/experiments/{experiment}/runs/{run}/artifacts/{REPORT}/{page.name}?{TRAINING}"
    lines = [plan.question, f"[The report]({place})"]
    told = [f"- **{verdict}**: {claim} ({why})" for claim, (verdict, why) in verdicts.items()]
    return "\n\n".join([*lines, "\n".join(told)]).strip()
