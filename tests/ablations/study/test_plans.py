"""What was asked is kept as it was asked, and found again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.errors import UserError
from ablations.refused import Refused
from ablations.runs.directory import RunDirectory
from ablations.runs.home import Home
from ablations.study.claim import Claim
from ablations.study.expansion import expand
from ablations.study.plan import read_plan
from ablations.study.plans import check_free, find_run, plan_of, plans_of, save_plan
from ablations.study.search_record import GridRecord, SearchRecord, TrialRecord
from helpers.toy import MOMENTUM, PLAN, STUDY, TWO_SEEDS

designs = st.sampled_from(["one_factor", "factorial", "zipped"])
EQUIVALENT = Claim("They are alike", "top1", {"rate": "0.2"}, None, "equivalent", 0.5)


@given(
    seeds=st.integers(1, 4), design=designs, claims=st.sampled_from([(), (MOMENTUM, EQUIVALENT)])
)
def test_a_plan_is_read_as_it_was_written(seeds, design, claims):
    claims = claims if design != "zipped" else ()  # which has none of these levels
    study = replace(STUDY, design=design, claims=claims)
    plan = expand("toy", study, seeds=seeds).plan
    found = read_plan(json.loads(json.dumps(plan.record())), "here")
    assert found == plan
    assert list(found.runs) == list(plan.runs)
    assert found.record() == plan.record()


finite = st.floats(allow_nan=False, allow_infinity=False)
trials = st.builds(
    TrialRecord,
    number=st.integers(0, 99),
    state=st.sampled_from(["complete", "pruned", "running", "fail"]),
    params=st.dictionaries(st.text(max_size=5), st.one_of(finite, st.text(max_size=5)), max_size=3),
    values=st.none() | st.tuples(finite, finite),
    seeds=st.lists(finite, max_size=3).map(tuple),
    curve=st.dictionaries(st.integers(1, 100), finite, max_size=3),
)


@given(found=st.lists(trials, max_size=3).map(tuple), values=st.tuples(finite))
def test_what_a_search_found_is_read_as_it_was_written(found, values):
    choices = {"rate": {"low": 0.1, "high": 0.6, "log": False}, "rule": {"levels": ["plain"]}}
    grid = (GridRecord({"rate": 0.1, "rule": "plain"}, values),)
    plan = replace(PLAN, search=SearchRecord({"error": "minimize"}, choices, found, grid))
    again = read_plan(json.loads(json.dumps(plan.record())), "here")
    assert again == plan


def test_plans_of_before_say_nothing_of_a_search_or_how_to_look_at_them():
    record = replace(PLAN, presentation=None).record()
    assert not {"search", "presentation"} & record.keys()
    assert read_plan(record, "here").presentation is None


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda record: [], "TypeError"),
        (lambda record: None, "TypeError"),
        (lambda record: {}, "KeyError 'baseline'"),
        (lambda record: {**record, "cells": [{}]}, "KeyError"),
        (lambda record: {**record, "cells": None}, "TypeError"),
        (lambda record: {**record, "cells": [{**record["cells"][0], "seed": "x"}]}, "cells.0.seed"),
        (lambda record: {**record, "claims": [{"words": "w", "measure": 3}]}, "measure"),
        (lambda record: {**record, "presentation": {"charts": [{"metric": 3}]}}, "metric"),
        (lambda record: {**record, "baseline": 3}, "TypeError"),
        (lambda record: {**record, "axes": "many"}, "axes cannot be 'many'"),
        (lambda record: {**record, "claims": [{"words": 3}]}, "claims"),
    ],
)
def test_what_is_no_plan_is_told_in_one_sentence(damage, reason):
    with pytest.raises(UserError) as refused:
        read_plan(damage(PLAN.record()), "HOME/studies/toy.json")
    said = str(refused.value)
    assert said.startswith("HOME/studies/toy.json is no plan of a study (")
    assert reason in said
    assert said.endswith("; remove it and run the study anew")
    assert "\n" not in said


@pytest.mark.parametrize("text", ["{", "", "[]", '{"study": "toy"}', "\x00\x00"])
def test_a_damaged_file_is_told_by_name(home, text):
    save_plan(home, PLAN)
    path = home.studies / "toy.json"
    path.write_text(text)
    for ask in (plans_of, lambda home: plan_of(home, "toy"), lambda home: find_run(home, "0a")):
        with pytest.raises(UserError) as refused:
            ask(home)
        assert str(refused.value).startswith(f"{path} is ")
        assert len(str(refused.value).splitlines()) == 1


def test_a_study_is_found_by_its_name_or_file(home):
    with pytest.raises(UserError, match=r"study 'toy' was never run in .*: no study was run there"):
        plan_of(home, "toy")
    save_plan(home, PLAN)
    save_plan(home, replace(PLAN, study="other"))
    assert plan_of(home, "toy") == plan_of(home, "some/where/toy.py") == PLAN
    assert [plan.study for plan in plans_of(home)] == ["other", "toy"]
    with pytest.raises(UserError, match="did you mean other"):
        plan_of(home, "othr")


def test_more_replicates_of_the_same_question_stay(home):
    save_plan(home, TWO_SEEDS.plan)
    save_plan(home, PLAN)
    kept = plan_of(home, "toy")
    assert set(kept.runs) == set(TWO_SEEDS.plan.runs)
    assert kept.cells[: len(PLAN.cells)] == PLAN.cells
    save_plan(home, replace(PLAN, question="Another?"))
    assert plan_of(home, "toy").cells == PLAN.cells


def test_runs_of_earlier_questions_are_remembered(home):
    first, second = expand("toy", STUDY, seeds=1).plan, replace(TWO_SEEDS.plan, question="Two?")
    changed = expand("toy", STUDY, seeds=1, changes={"steps": [3]}).plan
    save_plan(home, first)
    assert plan_of(home, "toy").earlier == ()
    save_plan(home, changed)
    assert plan_of(home, "toy").earlier == tuple(first.runs)
    save_plan(home, second)  # asks for those of the first again
    assert plan_of(home, "toy").earlier == tuple(changed.runs)
    save_plan(home, changed)
    assert set(plan_of(home, "toy").earlier) == set(TWO_SEEDS.plan.runs)
    assert "earlier" not in first.record()


def test_one_damaged_plan_does_not_hide_the_others(home):
    save_plan(home, PLAN)
    path = home.studies / "other.json"
    path.write_text('{"study": "other"}')
    refused = Refused()
    assert plans_of(home, refused) == [PLAN]
    assert [str(error) for error in refused.errors] == [
        f"{path} is damaged (KeyError 'baseline'); `ablate repair` sets it aside"
    ]
    assert plan_of(home, "toy") == PLAN
    with pytest.raises(UserError, match=r"other\.json is damaged"):
        plan_of(home, "other")
    with pytest.raises(UserError, match=r"other\.json is damaged"):
        save_plan(home, replace(PLAN, study="other"))
    assert path.read_text() == '{"study": "other"}'


def test_a_plan_that_did_not_change_is_not_written_again(home):
    save_plan(home, PLAN)
    path = home.studies / "toy.json"
    before = path.stat().st_ino  # a write is a new file that is renamed
    save_plan(home, PLAN)
    assert path.stat().st_ino == before
    save_plan(home, TWO_SEEDS.plan)
    assert path.stat().st_ino != before


def tried(home, *keys):
    for key in keys:
        home.run(key).path.mkdir(parents=True)


def test_a_run_is_found_by_the_beginning_of_its_key(home):
    save_plan(home, PLAN)
    for key in PLAN.runs:  # only planned, so that there is no directory
        assert find_run(home, key) == find_run(home, key[:10]) == home.run(key)
    tried(home, "ffff0000")  # of no plan any more
    assert find_run(home, "ffff0") == home.run("ffff0000")


def test_a_beginning_that_several_share_is_refused(home):
    tried(home, *(f"abcd{n}" for n in range(3)))
    with pytest.raises(UserError, match=r"3 runs in .* begin with 'abcd'; give more of it: abcd0"):
        find_run(home, "abcd")
    tried(home, *(f"abcd{n}" for n in range(3, 7)))
    with pytest.raises(UserError, match=r"7 runs .*, abcd3, abcd4, \.\.\."):
        find_run(home, "abcd")
    tried(home, "abcd")  # a whole key is meant, whatever begins so
    assert find_run(home, "abcd") == home.run("abcd")


def test_a_letter_or_two_name_no_run(home):
    """`ablate cancel 0` was meant otherwise, though one key alone begins so."""
    tried(home, "0123456789abcdef")
    with pytest.raises(UserError, match="'012' may begin any key: give 4 letters of it or more"):
        find_run(home, "012")
    assert find_run(home, "0123") == home.run("0123456789abcdef")


def test_a_run_is_found_by_its_directory(home, tmp_path):
    elsewhere = tmp_path / "elsewhere/0123"
    elsewhere.mkdir(parents=True)
    (elsewhere / "config.json").write_text("{}")
    assert find_run(home, str(elsewhere)) == RunDirectory(elsewhere)
    with pytest.raises(UserError, match=r"is neither the beginning of a run key in .* nor the dir"):
        find_run(home, str(tmp_path / "nowhere"))


@pytest.mark.parametrize("reference", ["", ".", "..", "studies", "/"])
def test_a_folder_that_is_no_run_is_none(home, reference, monkeypatch):
    tried(home, "ab")
    home.studies.mkdir()
    monkeypatch.chdir(home.root)
    with pytest.raises(UserError, match="is neither the beginning of a run key"):
        find_run(home, reference)


def test_a_run_of_the_home_is_the_same_by_its_directory(home, tmp_path):
    tried(home, "ab")
    (tmp_path / "link").symlink_to(home.run("ab").path)
    for reference in (home.run("ab").path, tmp_path / "link"):
        assert find_run(home, str(reference)) == home.run("ab")


def test_replicates_stay_where_a_later_field_changed_no_key(home):
    save_plan(home, TWO_SEEDS.plan)
    settings = {**PLAN.settings, "later": 0}
    save_plan(home, replace(PLAN, settings=settings))
    assert set(plan_of(home, "toy").runs) == set(TWO_SEEDS.plan.runs)
    other = [replace(cell, key=f"{cell.key}-other") for cell in PLAN.cells]
    save_plan(home, replace(PLAN, settings=settings, cells=tuple(other)))
    assert plan_of(home, "toy").cells == tuple(other)


def test_a_name_with_a_dot_means_no_other_study(tmp_path):
    home = Home(tmp_path)
    for name in ("lr0", "lr0.1"):
        save_plan(home, replace(PLAN, study=name))
    assert plan_of(home, "lr0.1").study == "lr0.1"
    assert plan_of(home, "folder/lr0.1.py").study == "lr0.1"
    with pytest.raises(UserError, match=r"study 'lr0\.2' was never run"):
        plan_of(home, "lr0.2")


def test_the_study_of_another_file_keeps_its_name_unless_it_was_moved(home, tmp_path):
    one, other = (tmp_path / folder / "s.py" for folder in "ab")
    for file in (one, other):
        file.parent.mkdir()
        file.write_text("one")
    save_plan(home, replace(PLAN, study="s", file=str(one)))
    check_free(home, replace(PLAN, study="s", file=str(other)))  # a copy
    other.write_text("another")
    another = replace(PLAN, study="s", file=str(other))
    for refusing in (check_free, save_plan):
        with pytest.raises(
            UserError, match=r"s is the study of another file in .*a/s.py: .*--name"
        ):
            refusing(home, another)
    one.unlink()
    save_plan(home, another)
    assert plan_of(home, "s").file == str(other)
