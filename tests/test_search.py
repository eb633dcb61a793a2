"""`ablate search`: whatever is killed when, so many trials and no more, and none of them twice."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import time
from dataclasses import asdict
from itertools import pairwise

import optuna
import pandas as pd
import pytest
from conftest import STUDIES, TOY
from optuna.trial import TrialState
from test_machinery import descendants, start, states, tracked_keys, wait_for

from ablations.errors import UserError
from ablations.launch.worker import Request, execute
from ablations.parsing import parse_changes
from ablations.runs.home import Home, State
from ablations.runs.lease import take_lease
from ablations.search.findings import show_findings
from ablations.search.journal import KEYS, Journal, writing_journal
from ablations.search.proposal import propose
from ablations.search.question import Asked, make_question
from ablations.search.space import Range
from ablations.search.trials import Search, Sitting
from ablations.study.catalogue import load_study, study_names
from ablations.study.plan import expand
from reports.data.front import front_area
from studies.experiments import objectives

NOISY = str(STUDIES / "noisy.py")
SEARCH = ("search", TOY, "--objective", "error", "--seeds", "1", "--over", "rate=0.05:0.6")


def question(study=TOY, name="toy-search", **changes):
    asked = Asked("error", ("rate=0.05:0.6",), None, None, 1, (), None)
    return make_question(study, name, Asked(**{**asdict(asked), **changes}))


def noisy(**changes):
    return question(NOISY, "noisy-search", **{"objective": "value", "over": (), **changes})


def trials_of(home, name="toy-search"):
    """As anybody reads them who has Optuna."""
    backend = optuna.storages.journal.JournalFileBackend(str(home.journal(name)))
    storage = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name=name, storage=storage).get_trials()


def sit(home, asked, trials, workers=1, most=None):
    """Search in this process; with `most` leave after so many runs, as if killed."""
    home.prepare()
    done, experiment = 0, asked.space.experiment
    record = asked.record(), asdict(asked.asked)
    with writing_journal(home.journal(asked.name), asked.aim.goals, *record) as journal:
        search = Search(home, asked, journal, Sitting(trials, workers))
        while search.step() or journal.running:
            due = [key for key in search.plan().runs if not home.run(key).result()]
            for key in due:
                if done == most:
                    return search
                directory = home.run(key)
                directory.path.mkdir()
                request = Request(key, experiment.dump(search.plan().runs[key].config), 0)
                lease = take_lease(directory.path, 1)
                execute(experiment, request, directory, lease, home.cache, {})
                done += 1
    return search


def test_killed_twice_it_asks_for_as_many_as_it_should_and_none_twice(ablate, home):
    moments = random.Random(seed := time.time_ns())
    print("moments drawn by", seed)
    arguments = (*SEARCH, "--trials", "20", "--workers", "2", "--set", "pause=0.1")
    for told in (3, 9):
        launcher = start(home, *arguments)
        wait_for(lambda told=told: states(home)[State.DONE] >= told, 60)
        time.sleep(moments.uniform(0, 1.5))
        processes = [*descendants(launcher)]
        launcher.kill()
        launcher.wait()
        for process in processes:
            if process.is_running():
                process.kill()
    last = ablate(*arguments)
    assert last.returncode == 0, last.stdout + last.stderr
    trials = trials_of(home)
    assert [trial.number for trial in trials] == list(range(20))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    keys = [key for trial in trials for key in trial.user_attrs[KEYS]]
    assert sorted(keys) == [run.key for run in home.runs()]  # each asked once, and no other run
    assert states(home) == {State.DONE: 20}
    assert tracked_keys(home) == dict.fromkeys(keys, 1)
    for trial in trials:
        assert trial.value == abs(home.run(trial.user_attrs[KEYS][0]).result()["metrics"]["final"])
    undisturbed = Home(home.root.with_name("undisturbed"))
    sit(undisturbed, question(changes=("pause=0.1",)), 10, workers=2)
    assert [trial.params for trial in trials_of(undisturbed)] == [t.params for t in trials[:10]]
    again = ablate(*arguments)
    assert "20 of 20 trials asked already" in again.stdout
    assert "nothing is left to do" in again.stdout
    assert len(trials_of(home)) == 20


def test_interrupted_it_leaves_in_good_order_and_goes_on(ablate, home):
    arguments = (*SEARCH, "--trials", "3", "--workers", "2", "--set", "pause=0.5")
    launcher = start(home, *arguments)
    wait_for(lambda: states(home)[State.RUNNING] >= 2)
    os.killpg(launcher.pid, signal.SIGINT)
    assert launcher.wait(60) == 130
    assert State.RUNNING not in states(home)
    assert ablate(*arguments).returncode == 0
    assert [trial.state for trial in trials_of(home)] == [TrialState.COMPLETE] * 3
    assert states(home) == {State.DONE: 3}


def test_what_grids_did_costs_nothing_and_what_it_did_grids_know(ablate, home):
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    before = {run.key for run in home.runs()}
    found = ablate("search", TOY, "--objective", "error", "--seeds", "1", "--trials", "20")
    assert found.returncode == 0, found.stdout + found.stderr
    assert "all 8 settings of the space were tried" in found.stdout
    trials = trials_of(home)
    assert trials[0].params == {"rate": "0.1", "rule": "plain", "pace": "5"}
    assert len({json.dumps(trial.params, sort_keys=True) for trial in trials}) == len(trials) == 8
    assert len(list(home.runs())) == 8
    for key in before:
        assert home.run(key).inspect(home.observer()).attempt == 1
    line = next(line for line in found.stdout.splitlines() if "ablate run" in line)
    best = min(trials, key=lambda trial: trial.value)
    planned = ablate("plan", *shlex.split(line)[2:], "--json")
    assert [cell["key"] for cell in json.loads(planned.stdout)["cells"]] == best.user_attrs[KEYS]
    shown = ablate("search", TOY, "--show")
    assert shown.stdout == found.stdout[-len(shown.stdout) :]
    print(shown.stdout)
    assert "rate   " in shown.stdout.partition("what matters for error")[2]
    assert "toy-search" in ablate("status", "toy-search").stdout


def test_failed_runs_are_told_and_the_search_goes_on(ablate, home, tmp_path):
    cure = tmp_path / "cure"
    arguments = (*SEARCH, "--workers", "2", "--set", f"fail_unless={cure}")
    first = ablate(*arguments, "--trials", "3")
    assert first.returncode == 1, first.stdout + first.stderr
    assert "the toy was told to fail [/bold]" in first.stdout
    assert [trial.state for trial in trials_of(home)] == [TrialState.FAIL] * 3
    cure.touch()
    assert ablate(*arguments, "--trials", "5").returncode == 0
    assert len(home.plan("toy-search")["cells"]) == 5
    assert states(home) == {State.FAILED: 3, State.DONE: 2}
    expected = [TrialState.FAIL] * 3 + [TrialState.COMPLETE] * 2
    assert [trial.state for trial in trials_of(home)] == expected


def test_fewer_seeds_run_side_by_side_and_their_mean_counts(home):
    search = sit(home, noisy(over=("offset=0:20",), seeds=3, changes=("mode=a,b",)), 2, most=2)
    assert search.question.pruning == "no"
    assert len(search.plan().cells) == 3  # of one trial alone
    sit(home, search.question, 2)
    first, _ = trials_of(home, "noisy-search")
    values = [home.run(key).result()["metrics"]["value"] for key in first.user_attrs[KEYS]]
    assert first.value == pytest.approx(sum(values) / 3)
    assert list(first.intermediate_values.values()) == values


def test_several_objectives_give_a_front(home, capsys):
    search = sit(home, question(objective="pareto"), 12)
    show_findings(home, search.question, search.journal)
    shown = capsys.readouterr().out.partition("trials that no other beats:")[2]
    best = sorted((trial.values for trial in search.journal.best), key=lambda values: values[0])
    assert all(one[1] > other[1] for one, other in pairwise(best))
    assert f"{best[0][0]:.4g}" in shown
    assert "what matters for error, by 12 trials" in shown
    first = next(t for t in search.journal.best if t.values == best[0])
    assert search.question.space.arguments(first.params) in shown


def test_runs_of_others_in_the_space_count_for_importance(home, capsys):
    sit(home, question(over=()), 8)
    search = sit(home, question(over=(), name="short"), 4)
    assert len(list(home.runs())) == 8
    show_findings(home, search.question, search.journal)
    shown = capsys.readouterr().out
    assert "what matters for error, by 4 trials and 4 settings of grids" in shown
    assert "optuna-dashboard" in shown


def test_a_space_of_whole_numbers_is_tried_to_its_end(home):
    """Of two modes and three limits, `where` refuses one pair."""
    search = sit(home, noisy(over=("limit=7:9",), changes=("mode=a,c",)), 20)
    assert search.exhausted
    tried = {(t.params["mode"], t.params["limit"]) for t in trials_of(home, "noisy-search")}
    assert tried == {("a", 7), ("a", 8), ("a", 9), ("c", 7), ("c", 8)}
    assert len(trials_of(home, "noisy-search")) == 5


def test_every_seed_proposes_its_own_and_always_the_same():
    asked = question()
    trials = [optuna.trial.create_trial(value=1.0)]

    def first(seed):
        return propose(asked.space, asked.aim.goals, trials, [], seed)

    assert first(3) == first(3)
    assert first(3) != first(4)
    repeated = asked.space.cell(first(3), 0).key
    assert propose(asked.space, asked.aim.goals, trials, [repeated], 3) != first(3)


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--over", "rat=1:2"], "toy has no setting 'rat': did you mean rate?"),
        (["--over", "rate=0.6:0.05"], "0.6 should be less than 0.05"),
        (["--over", "rate=0:inf"], "0 should be less than inf"),
        (["--over", "rate=0:1:log"], "a logarithmic range begins above 0"),
        (["--over", "rate=1"], "should read SETTING=LOW:HIGH"),
        (["--over", "rate=-1:1"], "rate cannot be '-1'"),
        (["--over", "fail_unless=1:2"], "fail_unless is no number"),
        (["--over", "rate=0.5:0.6"], "the baseline's 0.1 is outside of 0.5:0.6"),
        (["--over", "seed=1:3"], "seed cannot be searched"),
        (["--set", "rate=0.1", "--set", "rule=plain", "--set", "pace=5"], "no axis left"),
        (["--objective", "eror"], "there is no objective 'eror': did you mean error?"),
        (["--objective", "top1"], "the objective should read top1@MACS"),
        (["--objective", "top1@-3"], "needs a number above 0 of MACS"),
        (["--objective", "pareto", "--prune", "seeds"], "--prune seeds compares one value"),
        (["--seeds", "1", "--prune", "both"], "compares seed by seed: it needs --seeds 2 or more"),
        (["--objective", "top1@250", "--prune", "curves"], "do not tell top1@250 while they go on"),
        (["--name", "a/b"], "use letters, digits, - and _"),
        (["--name", "overview"], "a study is called so"),
        (["--show"], "nothing was searched yet"),
        (["--resource", "cpus=2"], "go with --cluster slurm"),
    ],
)
def test_mistakes_end_before_anything_starts(ablate, home, arguments, message):
    done = ablate("search", TOY, "--objective", "error", "--trials", "3", *arguments)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not home.root.exists()


def test_a_level_that_where_refuses_is_named():
    with pytest.raises(UserError, match=r"refuses every setting with mode=c; .* --set mode=a,b"):
        noisy()
    assert "c" in noisy(over=("limit=1:9",)).space.record()["axes"]["mode"]
    with pytest.raises(UserError, match="`where`"):
        noisy(changes=("mode=c,a",))


def test_another_question_needs_another_name(ablate, home):
    sit(home, question(), 2)
    for changed, named in (
        (("--over", "rate=0.05:0.7"), "ranges rate"),
        (("--set", "steps=7"), "settings steps, axes pace"),
        (("--objective", "top1@250"), "objective"),
        (("--seeds", "2"), "seeds"),
    ):
        done = ablate(*SEARCH, "--trials", "3", *changed)
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


def test_ranges_round_to_what_people_can_read():
    assert Range(1e-4, 1e-2).rounded(0.00123456) == 0.00123
    assert Range(0.12345, 0.2).rounded(0.12346) == 0.12345  # never outside
    assert Range(50, 500).rounded(123) == 123


@pytest.mark.parametrize("name", [name for name in study_names() if load_study(name)[1].axes])
def test_a_setting_of_any_study_is_repeated_by_the_line_that_is_printed(name):
    asked = make_question(name, "s", Asked("auc", (), None, None, 1, (), None))
    assert json.loads(json.dumps(asked.record())) == asked.record()
    settings = list(asked.space.grid())
    for values in (settings[0], settings[-1]):
        words = shlex.split(f"{asked.again} {asked.space.arguments(values)}")
        assert words[:5] == ["ablate", "run", name, "--seeds", "1"]
        changes = parse_changes(words[6::2])
        (cell,) = expand(name, load_study(name)[1], seeds=1, changes=changes).cells
        assert cell.key == asked.space.cell(values, 0).key


def test_a_stitching_run_is_judged_by_its_validation_images(tmp_path):
    table = pd.DataFrame(
        {
            "is_anchor": [True, True, False, False, False],
            "macs": [100, 400, 200, 300, 50],
            "top1": [0.1, 0.2, 0.3, 0.4, 0.5],
            "top1_validation": [0.7, 0.9, 0.85, 0.8, 0.6],
        }
    )
    renamed = table.drop(columns="top1").rename(columns={"top1_validation": "top1"})
    assert objectives.front_area(table) == pytest.approx(front_area(renamed))
    home = Home(tmp_path)
    run = home.run("0123")
    run.path.mkdir(parents=True)
    (run.path / "result.json").write_text('{"metrics": {"passes": 12.0}}')
    table.to_parquet(run.path / "stitch.parquet")
    judged = objectives.OBJECTIVES
    assert judged["top1"].score(run, 250) == [0.85]
    assert judged["pareto"].score(run, 0) == [objectives.front_area(table), 12.0]
    with pytest.raises(UserError, match="no sub-network has 40 MACs or fewer"):
        judged["top1"].score(run, 40)
    table.drop(columns="top1_validation").to_parquet(run.path / "stitch.parquet")
    with pytest.raises(UserError, match="run 0123 has no validation scores"):
        judged["auc"].score(run, 0)


def test_a_dataset_without_validation_images_is_refused(ablate, home):
    done = ablate("search", "overview", "--scale", "imagenet", "--trials", "3")
    assert done.returncode == 2
    assert "holds no images back to choose settings by" in done.stderr
    assert "--set validation_images=10000" in done.stderr
    assert not home.root.exists()
