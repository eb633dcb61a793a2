"""An experiment of a user's own: edits train anew, and what was run is kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ablations.study.plans import plan_of
from ablations.tracking.store import connect, search
from helpers.runs import states

STUDY = """\
from dataclasses import dataclass
from ablations import Axis, Experiment, Study

@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    seed: int = 0

def run(config, attempt):
    from tree_helper import factor
    return {"score": factor * config.rate}

STUDY = Study(
    title="Trees", question="Which rate?", baseline={}, axes=[Axis("rate", [0.1, 0.2])],
    experiment=Experiment(name="trees", config=Config, function=run),
)
"""


def git(folder, *arguments):
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    done = subprocess.run(
        ["git", "-C", folder, *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def study(tmp_path, monkeypatch):
    """The file, committed in a repository of its own."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "trees.py").write_text(STUDY)
    (folder / "tree_helper.py").write_text("factor = 1\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "trees")
    monkeypatch.setattr(sys, "path", list(sys.path))
    return folder / "trees.py"


def scores(home):
    plan = plan_of(home, "trees")
    return [home.run(cell.key).result()["metrics"]["score"] for cell in plan.cells]


def test_an_edit_trains_anew_and_all_versions_are_kept(ablate, home, study):
    said = ablate("run", str(study)).stdout
    assert "2 of 2 runs done" in said
    assert "earlier version" not in said
    assert scores(home) == [0.1, 0.2]
    tags = next(home.runs()).result()["provenance"]
    assert (tags["git_sha"], tags["git_dirty"]) == (git(study.parent, "rev-parse", "HEAD"), "false")

    study.with_name("tree_helper.py").write_text("factor = 10\n")
    told = "2 runs are of an earlier version of trees.py; they stay, this study trains anew"
    assert told in ablate("plan", str(study)).stdout
    said = ablate("run", str(study)).stdout
    assert told in said
    assert "0 of 2 runs done already" in said
    assert scores(home) == [1.0, 2.0]
    assert told not in ablate("plan", str(study)).stdout

    study.with_name("tree_helper.py").write_text("factor = 100\n")
    said = ablate("run", str(study), "--accept-old-code").stdout
    assert "2 runs of an earlier version of trees.py are taken as they are" in said
    assert "2 of 2 runs done already" in said
    assert scores(home) == [1.0, 2.0]
    assert sum(states(home).values()) == 4

    client = connect(home.tracking_uri)
    identity = client.get_experiment_by_name("trees").experiment_id
    (heading,) = search(client, identity, "tags.`ablations.study` = 'trees'")
    folders = client.list_artifacts(heading.info.run_id, "sources")
    assert len(folders) == 3
    for run in home.runs():
        folder = f"sources/{run.result()['provenance']['source']}"
        kept = {one.path for one in client.list_artifacts(heading.info.run_id, folder)}
        assert kept == {f"{folder}/trees.py", f"{folder}/tree_helper.py"}
