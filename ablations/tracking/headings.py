"""Runs of MLflow under which others are found: one for each study, below it one for each seed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ablations.files import write_json
from ablations.study.plan import Cell, Plan
from ablations.tracking.ledger import Entry, Ledger, Page, trusting
from ablations.tracking.names import (
    NOTE_TAG,
    PARENT_TAG,
    PLAN_FILE,
    PLAN_TAG,
    SOURCES,
    SOURCES_TAG,
    STUDY_TAG,
    digest_of,
    is_member_tag,
    member_tag,
    seed_name,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class Headings:
    """The headings of one study, and what its runs are told of their position below them."""

    def __init__(
        self,
        client: MlflowClient,
        ledger: Ledger,
        page: Page,
        plan: Plan,
        sources: Path,
        anew: bool,
    ) -> None:
        """Finds those that the store has.

        Arguments:
            sources: of the study, see `Home.sources`.
            anew: deliver the plan and them again.
        """
        self.client, self.ledger, self.page, self.plan = client, ledger, page, plan
        self.sources, self.anew = sources, anew
        self._known = ledger.studies(page)

    def sync(self) -> None:
        """Bring the study's run, its seeds', and the tags of its members up to date."""
        study, cells = self._study(), self.plan.runs
        # of thousands of seeds only those of which there is something to find
        seeds = {cells[key].seed for key in self.page.runs if key in cells}
        parents = {seed: self._seed(study, seed) for seed in sorted(seeds)}
        headings = {run.info.run_id for run in self._known.values()}.union(parents.values())

        def tag(key: str) -> None:
            run = self.ledger.find(self.page, key)
            if run is not None:  # else deleted in the store; made anew by the next pass
                wanted = self._tags(cells.get(key), run, parents, headings)
                self._tag(run, wanted, parents)

        for key in list(self.page.runs):
            trusting(self.ledger, self.page, key, partial(tag, key))

    def _study(self) -> str:
        """The id of the study's run, which holds the plan as an artifact and the question."""
        plan = self.plan
        run, digest = self._known.get(plan.study), digest_of(plan.record())
        if run is None:
            run = self._create(plan.study, f"study {plan.study}", {NOTE_TAG: plan.question})
        elif run.data.tags.get(PLAN_TAG) != digest:
            self.client.set_tag(run.info.run_id, NOTE_TAG, plan.question)
        if self.anew or run.data.tags.get(PLAN_TAG) != digest:
            with TemporaryDirectory() as temporary:
                path = Path(temporary) / PLAN_FILE
                write_json(path, plan.record())
                self.client.log_artifact(run.info.run_id, str(path))
            self.client.set_terminated(run.info.run_id)
            self.client.set_tag(run.info.run_id, PLAN_TAG, digest)
        self._deliver_sources(run)
        return str(run.info.run_id)

    def _deliver_sources(self, run: Run) -> None:
        """Keep the user's files of each launch as artifacts of the study's run."""
        folders = sorted(self.sources.glob("[!.]*"))
        digest = digest_of([folder.name for folder in folders])
        if not folders or (run.data.tags.get(SOURCES_TAG) == digest and not self.anew):
            return
        identity = run.info.run_id
        known = {Path(one.path).name for one in self.client.list_artifacts(identity, SOURCES)}
        for folder in folders:
            if self.anew or folder.name not in known:
                for path in sorted(folder.rglob("*.py")):
                    place = f"{SOURCES}/{path.parent.relative_to(self.sources)}"
                    self.client.log_artifact(identity, str(path), place)
        self.client.set_tag(identity, SOURCES_TAG, digest)

    def _seed(self, study: str, seed: int) -> str:
        """The id of the run that stands for a seed, below that of the study."""
        name, tags = seed_name(self.plan.study, seed), {PARENT_TAG: study}
        run = self._known.get(name)
        if run is None:
            run = self._create(name, f"{self.plan.study}: seed {seed}", tags)
        elif not tags.items() <= run.data.tags.items():  # the study's was deleted, and made anew
            self.client.set_tag(run.info.run_id, PARENT_TAG, study)
        return str(run.info.run_id)

    def _create(self, name: str, title: str, tags: Mapping[str, str]) -> Run:
        """A heading; `name` as `Ledger.studies` knows it."""
        tags = {STUDY_TAG: name, **tags}
        run = self.client.create_run(self.page.experiment, tags=tags, run_name=title)
        self.client.set_terminated(run.info.run_id)
        self._known[name] = run
        return run

    def _tags(
        self, cell: Cell | None, run: Entry, parents: Mapping[int, str], headings: set[str]
    ) -> dict[str, str]:
        """What a run is in this study: its label, its levels, and the heading that it is below."""
        if cell is None:
            return {}
        study, parent = self.plan.study, run.tags.get(PARENT_TAG, "")
        return {
            member_tag(study): cell.label,
            **{member_tag(study, axis): level for axis, level in cell.levels.items()},
            # a run that several studies ask for stays below the first of them
            PARENT_TAG: parent if parent in headings else parents[cell.seed],
        }

    def _tag(self, run: Entry, wanted: Mapping[str, str], parents: Mapping[int, str]) -> None:
        """Set the tags that a run lacks, and take off those of what the study no longer asks."""
        from mlflow.entities import RunTag

        for name in run.tags.keys() - wanted.keys():
            left = name == PARENT_TAG and run.tags[name] in parents.values()
            if left or is_member_tag(name, self.plan.study):
                self.client.delete_tag(run.run_id, name)
                del run.tags[name]
        new = {name: value for name, value in wanted.items() if run.tags.get(name) != value}
        if new:
            self.client.log_batch(run.run_id, tags=[RunTag(k, v) for k, v in new.items()])
            run.tags.update(new)
