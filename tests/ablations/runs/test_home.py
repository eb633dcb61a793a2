"""The home: all is below its root, and nothing is made before it is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ablations.errors import UserError
from ablations.file_system import check_space
from ablations.runs.home import Home


def paths(home):
    names = [name for name, one in vars(Home).items() if isinstance(one, property)]
    apart = ("tracking_uri", "_place")
    return [home.root / getattr(home, name) for name in names if name not in apart]


def test_all_paths_are_below_the_root_and_none_is_made(home):
    found = paths(home)
    assert len(set(found)) == len(found) == 9
    for path in (*found, home.report("toy"), home.journal("toy"), home.run("abc").path):
        assert path.is_relative_to(home.root)
    assert list(home.runs()) == []
    assert not home.root.exists()


def test_what_others_keep_is_absolute_wherever_one_stands(tmp_path, monkeypatch):
    """MLflow and Optuna remember it."""
    monkeypatch.chdir(tmp_path)
    home = Home(Path("outputs"))
    for path in (home.store, home.artifacts, home.journal("toy")):
        assert path.is_relative_to(tmp_path / "outputs")
    assert home.tracking_uri == f"sqlite:///{tmp_path}/outputs/mlflow.db"


def test_workers_find_the_directories_in_which_they_make_others(home):
    home.prepare()
    home.prepare()  # a second launch
    assert sorted(path.name for path in home.root.iterdir()) == ["launches", "runs"]


def test_a_home_that_is_not_there_is_refused(home):
    with pytest.raises(UserError, match=f"there is no {home.root}; run a study first"):
        home.check()
    home.root.write_text("a file is in the way")
    with pytest.raises(UserError, match="run a study first"):
        home.check()
    home.root.unlink()
    home.root.mkdir()
    home.check()


def test_runs_are_listed_by_key_and_what_lies_beside_them_is_none(home):
    home.prepare()
    for key in ("b", "a", "c"):
        home.run(key).path.mkdir()
    (home.root / "runs" / "notes.txt").touch()
    for name in ("a (copy)", "Copy of b", "lost+found", ".git", "c.bak", "a-old"):
        (home.root / "runs" / name).mkdir()
    assert [run.key for run in home.runs()] == ["a", "b", "c"]
    assert next(home.runs()) == home.run("a")


@pytest.mark.parametrize("name", ["", ".", "..", "../up", "/tmp/x", "a/b", "a\0b", "a\\b"])
def test_no_name_leads_out_of_the_home(home, name):
    for place in (home.run, home.report, home.journal, home.plan):
        with pytest.raises(UserError, match="cannot be the name"):
            place(name)


def test_a_loop_of_links_is_no_home(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    home = Home(tmp_path / "loop")
    with pytest.raises(UserError, match="there is no"):
        home.check()
    with pytest.raises(UserError, match="cannot write to"):
        check_space(home.root)
    assert not home.store.exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("s" * 240, "is too long for files to be called by it: use at most 215 bytes"),
        ("\N{GREEK SMALL LETTER ALPHA}" * 120, "is too long"),
        ("index.html", "a report over all studies has a file index.html"),
        ("claims.csv", "call this study otherwise"),
        ("forest.png", "call this study otherwise"),
    ],
)
def test_a_name_that_files_cannot_have_is_refused(home, name, told):
    for path in (home.plan, home.report, home.sources, home.journal):
        with pytest.raises(UserError, match=told):
            path(name)
    assert home.plan("s" * 215).name == f"{'s' * 215}.json"


@pytest.mark.parametrize("name", ["h\udcff", "linked"])
def test_a_home_whose_path_is_no_text_is_refused(tmp_path, name):
    (tmp_path / "linked").symlink_to("h\udcff")
    with pytest.raises(UserError, match=r"udcff.*, is not UTF-8.*another --home"):
        Home(tmp_path / name)
