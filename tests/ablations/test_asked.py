"""Whatever a script gives that cannot be used is one sentence."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

import ablations
from ablations import UserError
from ablations.study.plans import save_plan
from helpers.commands import TOY
from helpers.toy import PLAN
from helpers.tracking import do, give_store


def refused(says, function, *given, **named):
    with pytest.raises(UserError, match=says) as told:
        function(*given, **named)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("home", "says"),
    [
        (TOY, "home cannot be '.*toy.py': .*toy.py is no folder"),
        (Path(TOY) / "inner", "toy.py is no folder"),
        ("a\0b", r"home cannot be 'a\\x00b': no path can hold such a letter"),
        ("\ud800", "home cannot be .*: no path can hold such a letter"),
        (3, "home cannot be 3: it should be the path of a folder"),
        (b"x", "home cannot be b'x': it should be the path of a folder"),
        (["x"], "should be the path of a folder"),
    ],
)
def test_a_home_is_the_path_of_a_folder(monkeypatch, home, says):
    for function in (ablations.plan, ablations.status, ablations.results, ablations.report):
        refused(says, function, TOY, home=home)
    monkeypatch.setenv("ABLATE_HOME", str(TOY))
    refused("is no folder", ablations.plan, TOY)


def test_what_the_file_system_refuses_to_a_report_is_told(home, empty_store, monkeypatch, tmp_path):
    give_store(home, empty_store)
    (tmp_path / "there").touch()
    for output in (tmp_path / "there", "/dev/null/x"):
        refused(
            f"output cannot be '{output}'", ablations.report, "toy", home=home.root, output=output
        )

    class Plugin:
        @staticmethod
        def build_report(*given):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(given[2]))

    monkeypatch.setattr("ablations.api.drawing_plugins", lambda: [Plugin])
    says = "No such file or directory: /proc/x"
    refused(says, ablations.report, "toy", home=home.root, output="/proc/x")


def test_addresses_are_texts(home):
    for store, says in (
        (Path("/a/b.db"), "the path '/a/b.db': it should be a text, .* sqlite:////a/b.db"),
        (3, "tracking_uri cannot be 3: it should be a text"),
    ):
        refused(says, ablations.run, TOY, home=home.root, tracking_uri=store)
        refused(says, ablations.report, "toy", home=home.root, tracking_uri=store)
    refused("ui cannot be 3: it should be the address", ablations.report, "toy", ui=3)
    refused("a study cannot be", ablations.plan, "a\0.py")


def test_a_table_that_finished_runs_do_not_keep_is_refused(home, monkeypatch):
    save_plan(home, PLAN)
    assert not len(ablations.table("toy", "stitch", home=home.root))
    do(home, next(iter(PLAN.runs)))
    monkeypatch.setattr("ablations.runs.directory.RunDirectory.result", lambda run: {"tables": []})
    refused("runs of toy keep no tables", ablations.table, "toy", "x", home=home.root)
    refused("name cannot be 3", ablations.table, "toy", 3, home=home.root)
