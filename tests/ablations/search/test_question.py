"""What may be asked of a search, and how its answers are repeated."""

from __future__ import annotations

import json
import shlex

import pytest

from ablations.parsing import parse_changes
from ablations.search.journal import curve_of
from ablations.search.question import Asked, make_question
from ablations.study.catalogue import load_study, study_names
from ablations.study.expansion import expand
from ablations.study.plans import save_plan
from helpers.commands import TOY
from helpers.searching import question, sit, trials_of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--over", "rat=1:2"], "toy has no setting 'rat': did you mean rate?"),
        (["--over", "rate=0.6:0.05"], "0.6 should be less than 0.05"),
        (["--over", "rate=0:inf"], "0 should be less than inf"),
        (["--over", f"rate=0:{'9' * 400}"], "and both have an end"),
        (["--over", "rate=0:1", "--over", "rate=0:2"], "--over rate is given twice"),
        (["--set", "steps=5", "--set", "steps=6"], "--set steps is given twice: 5 and 6"),
        (["--trials", "1000000000000"], "1000000000000 is not in the range 1<=x<=100000"),
        (["--trials", "100000", "--seeds", "2"], "more than 100,000 runs"),
        (["--name", "a" * 101], "use at most 100 characters"),
        (["--objective", f"top1@{'9' * 400}"], "needs a number above 0 of MACS"),
        (["--objective", "top1@inf"], "needs a number above 0 of MACS"),
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


@pytest.mark.parametrize("name", [name for name in study_names() if load_study(name)[1].axes])
def test_a_setting_of_any_study_is_repeated_by_the_line_that_is_printed(home, name):
    asked = make_question(home, name, "s", Asked("auc", (), None, None, 1, (), None))
    assert json.loads(json.dumps(asked.record())) == asked.record()
    settings = list(asked.space.grid())
    for values in (settings[0], settings[-1]):
        words = shlex.split(f"{asked.command} {asked.space.arguments(values)}")
        assert words[:5] == ["ablate", "run", name, "--seeds", "1"]
        changes = parse_changes(words[6::2])
        (key,) = expand(name, load_study(name)[1], seeds=1, changes=changes).configs
        assert key == asked.space.key(values, 0)


FOREST = """\
from dataclasses import dataclass
from ablations import Axis, Experiment, Study

@dataclass(frozen=True)
class Config:
    depth: int = 3
    seed: int = 0

def train(config, run):
    for step in range(1, 5):
        run.log(step, 4, {"accuracy": step / 10})
    return {"accuracy": 1 / config.depth, "seconds": 0.1 * config.depth}

STUDY = Study("Forest", "How deep?", Experiment("forest", Config, train), baseline={},
              axes=[Axis("depth", [3, 4, 5, 6])])
"""


def test_an_experiment_without_objectives_is_searched_by_what_its_runs_return(
    ablate, home, tmp_path
):
    path = tmp_path / "forest.py"
    path.write_text(FOREST)

    def asked(objective, name="forest-search", **changes):
        return question(str(path), name, objective=objective, over=(), home=home, **changes)

    sit(home, asked("max:accuracy", prune="curves"), 4)
    trials = trials_of(home, "forest-search")
    assert {trial.params["depth"]: trial.value for trial in trials} == {
        str(depth): 1 / depth for depth in (3, 4, 5, 6)
    }
    assert curve_of(trials[0]) == {25: 0.1, 50: 0.2, 75: 0.3}
    sit(home, asked("max:accuracy,min:seconds", "both"), 4)
    assert [trial.values for trial in trials_of(home, "both")] == [
        [1 / int(trial.params["depth"]), 0.1 * int(trial.params["depth"])]
        for trial in trials_of(home, "both")
    ]
    save_plan(home, expand("forest", load_study(str(path))[1]).plan)
    for words, says in (
        ((), "min:METRIC; finished runs return accuracy, seconds"),
        (("--objective", "seconds"), "say --objective max:seconds or min:seconds"),
        (("--objective", "max:acuracy"), "the metrics that it returned: accuracy, seconds"),
    ):
        done = ablate("search", str(path), "--trials", "4", "--name", "new", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith(f"{says}\n"), done.stderr
    assert not home.journal("new").exists()


def test_the_help_teaches_objectives(ablate):
    shown = ablate("search", "--help").stdout
    assert "--objective max:accuracy,min:seconds" in shown
    assert "max:worst_top1" in shown.partition("Objectives of stitching")[2]
