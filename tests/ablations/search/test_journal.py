"""The journal of a search: torn, damaged, or about something else."""

from __future__ import annotations

import re
import shutil
from dataclasses import asdict

import optuna
import pytest
from click.testing import CliRunner

from ablations.cli.main import main
from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.search.journal import Journal, writing_journal
from helpers.commands import TOY
from helpers.searching import SEARCH, question, sit, trials_of


def test_a_line_that_a_crash_tore_is_asked_again(home):
    sit(home, question(), 4)
    path, before = home.journal("toy-search"), trials_of(home)
    lines = path.read_bytes().splitlines(keepends=True)
    made = [number for number, line in enumerate(lines) if b'"params"' in line]
    path.write_bytes(b"".join(lines[: made[-1]]) + lines[made[-1]][:40])
    (path.parent / "toy-search.journal.lock").symlink_to(path)  # Optuna's, of the killed process
    sit(home, question(), 4)
    assert [(t.number, t.params, t.value) for t in trials_of(home)] == [
        (t.number, t.params, t.value) for t in before
    ]
    assert len(list(home.runs())) == 4


def test_two_do_not_write_one_journal(home):
    asked = question()
    record = asked.aim.goals, asked.record(), asdict(asked.asked)
    with writing_journal(home.journal("toy-search"), *record):
        with pytest.raises(UserError, match="another process goes on with"):
            sit(home, asked, 1)
        assert Journal(home.journal("toy-search")).trials == []  # anybody may look


def test_another_question_needs_another_name(ablate, home):
    sit(home, question(), 2)
    for changed, named in (
        (("--over", "rate=0.05:0.7"), "ranges rate"),
        (("--set", "steps=7"), "settings steps, axes pace"),
        (("--objective", "top1@250"), "objective"),
        (("--seeds", "2"), "seeds"),
    ):
        same = SEARCH[:-2] if changed[0] == "--over" else SEARCH
        done = ablate(*same, "--trials", "3", *changed)
        assert done.returncode == 2
        assert f"is about something else ({named})" in done.stderr
        assert "--name NAME" in done.stderr
    assert len(trials_of(home)) == 2


def test_a_journal_that_is_damaged_is_told(ablate, home):
    sit(home, question(), 2)
    path = home.journal("toy-search")
    path.write_text("no journal\n" + path.read_text())
    done = ablate(*SEARCH, "--trials", "3")
    assert done.returncode == 2
    assert "toy-search.journal is damaged" in done.stderr


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The journal of two trials."""
    home = Home(tmp_path_factory.mktemp("searched") / "home")
    sit(home, question(), 2)
    return home.journal("toy-search")


@pytest.fixture
def journal(searched, home):
    path = home.journal("toy-search")
    path.parent.mkdir(parents=True)
    shutil.copy(searched, path)
    return path


def refused(home, *arguments):
    done = CliRunner().invoke(main, ["--home", str(home.root), "search", TOY, *arguments])
    assert done.exit_code == 2, done.output
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


MORE = (*SEARCH[2:], "--trials", "2")
DAMAGES = {
    "an empty line": (lambda text: "\n" + text, "a line that Optuna did not write"),
    "a number": (lambda text: f"{text}3\n", "a line that Optuna did not write"),
    "a list": (lambda text: f"{text}[1]\n", "a line that Optuna did not write"),
    "an object": (lambda text: text + "{}\n", "a line that Optuna did not write"),
    "another operation": (lambda text: text + '{"op_code":99}\n', "Optuna did not write"),
    "a field less": (lambda text: text + '{"op_code":4}\n', "Optuna did not write"),
    "bytes": (lambda text: "\0" * 100 + "\n" + text, "a line that Optuna did not write"),
    "another search": (lambda text: text.replace("toy-search", "b"), "it holds b, not toy-search"),
    "no keys": (lambda text: text.replace('"keys"', '"kees"'), "trial 0 names no runs"),
    "one key": (lambda text: text.replace('"keys":[', '"keys":"x","y":['), "trial 0 names no runs"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("arguments", [("--show",), MORE])
def test_whatever_a_journal_holds_is_told(home, journal, damage, arguments):
    change, says = DAMAGES[damage]
    journal.write_text(change(journal.read_text()))
    before = journal.read_bytes()
    told = refused(home, *arguments)
    assert f"{journal} is damaged (" in told
    assert says in told
    assert journal.read_bytes() == before


def test_a_file_that_is_no_journal_is_left_as_it_is(home, journal):
    journal.write_text('{"a": 1}')
    assert "it ends with b'{\"a\": 1}'" in refused(home, *MORE)
    assert journal.read_text() == '{"a": 1}'


def test_a_search_of_optuna_alone_is_told(home, journal):
    journal.unlink()
    backend = optuna.storages.journal.JournalFileBackend(str(journal))
    storage = optuna.storages.JournalStorage(backend)
    study = optuna.create_study(storage=storage, study_name="toy-search")
    study.optimize(lambda trial: trial.suggest_float("rate", 0, 1), n_trials=1)
    for arguments in (("--show",), MORE):
        assert "trial 0 names no runs, so no search here made it" in refused(home, *arguments)


def test_where_nothing_is_told_yet(home, journal):
    journal.write_text("")
    assert "holds no search yet" in refused(home, "--show")
    journal.unlink()
    journal.mkdir()
    assert "is no file; move it away" in refused(home, "--show")
    assert "Is a directory" in refused(home, *MORE)


def test_an_axis_that_is_called_otherwise_now_is_told(home, journal):
    journal.write_text(journal.read_text().replace("pace", "pase"))
    for arguments in (("--show",), MORE):
        assert "is about something else (axes pace, axes pase)" in refused(home, *arguments)


def test_options_that_cannot_be_read_are_told(home, journal):
    text = journal.read_text()
    journal.write_text(text.replace('"over":', '"ovre":'))
    assert "does not tell what was searched: this has no setting 'ovre'" in refused(home, "--show")
    journal.write_text(text.replace('"options"', '"others"'))
    assert "nothing was searched yet" in refused(home, "--show")


LOCKS = {
    "of a home that was moved": lambda lock: lock.symlink_to("/nowhere/toy-search.journal"),
    "of this one": lambda lock: lock.symlink_to(lock.with_suffix("")),
    "a file": lambda lock: lock.touch(),
}


@pytest.mark.parametrize("make", LOCKS.values(), ids=LOCKS)
def test_a_lock_that_a_killed_search_left_is_taken_over(home, journal, make, monkeypatch):
    monkeypatch.setattr("ablations.search.lock.PATIENCE", 0.1)
    lock = journal.with_name(f"{journal.name}.lock")
    make(lock)
    asked = question()
    with writing_journal(journal, asked.aim.goals, asked.record(), asdict(asked.asked)) as found:
        assert len(found.trials) == 2
    assert not lock.is_symlink()
    assert not lock.exists()


def test_a_directory_in_place_of_the_lock_is_told(home, journal, monkeypatch):
    monkeypatch.setattr("ablations.search.lock.PATIENCE", 0.1)
    lock = journal.with_name(f"{journal.name}.lock")
    lock.mkdir()
    assert re.search(r"journal\.lock is a directory .* move it away", refused(home, *MORE))
