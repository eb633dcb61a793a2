"""What a search may look for: objectives of the experiment, and any metric that runs return."""

from __future__ import annotations

from math import inf

import pytest

from ablations.errors import UserError
from ablations.runs.attempt import Attempt
from ablations.runs.lease import take_lease
from ablations.study.metric import Metric
from ablations.study.objective import Objective, find_aim

OBJECTIVES = {
    "error": Objective({"error": "minimize"}, lambda run, budget: [0.5]),
    "within": Objective({"top1": "maximize"}, lambda run, budget: [budget], budget="MACS"),
}
METRICS = [
    Metric("seconds"),
    Metric("accuracy", goal="maximize"),
    Metric("val:loss", goal="minimize"),
]


def find(text, objectives=OBJECTIVES, metrics=METRICS, returned=("f1",)):
    return find_aim(objectives, metrics, text, lambda: returned)


@pytest.fixture
def lease(home):
    home.prepare()
    home.run("0" * 16).path.mkdir()
    return take_lease(home.run("0" * 16).path, 1)


@pytest.fixture
def run(home, lease):
    """A run that was begun."""
    directory = home.run("0" * 16)
    directory.begin(lease)
    return directory


@pytest.mark.parametrize(
    ("text", "means", "goals"),
    [
        (None, "error", {"error": "minimize"}),
        ("within@2M", "within@2M", {"within@2M": "maximize"}),
        ("max:f1", "max:f1", {"f1": "maximize"}),
        ("min:accuracy", "min:accuracy", {"accuracy": "minimize"}),
        ("accuracy", "max:accuracy", {"accuracy": "maximize"}),
        ("val:loss", "min:val:loss", {"val:loss": "minimize"}),
        ("max:f1, min:seconds", "max:f1,min:seconds", {"f1": "maximize", "seconds": "minimize"}),
        (
            "within@3,val:loss",
            "within@3,min:val:loss",
            {"within@3": "maximize", "val:loss": "minimize"},
        ),
    ],
)
def test_what_an_objective_means(text, means, goals):
    aim = find(text)
    assert (aim.text, aim.goals) == (means, goals)


def test_without_objectives_the_first_metric_with_a_goal_is_the_default():
    assert find(None, objectives={}).text == "max:accuracy"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("acuracy", "there is no objective 'acuracy': did you mean accuracy?"),
        ("xyz", "choose from: error, within@MACS, accuracy, val:loss, max:METRIC, min:METRIC"),
        ("seconds", "metric seconds has no goal: say --objective max:seconds or min:seconds"),
        ("f1", "metric f1 has no goal: say --objective max:f1 or min:f1"),
        ("max:", "the objective should read max:METRIC, not max:"),
        ("max:f1@2", "the objective should read max:METRIC, not max:f1@2"),
        ("within", "the objective should read within@MACS, not within"),
        ("max:a,min:b,min:c", "one value or two, not for 3"),
        ("max:a,min:a", "names a twice"),
    ],
)
def test_what_is_none_is_told(text, says):
    with pytest.raises(UserError) as refused:
        find(text)
    assert says in str(refused.value)


def test_where_nothing_is_named_it_is_told_how_to():
    with pytest.raises(UserError, match=r"max:METRIC or min:METRIC; finished runs return f1$"):
        find(None, objectives={}, metrics=METRICS[:1])
    with pytest.raises(UserError, match=r"say --objective max:METRIC or min:METRIC$"):
        find(None, objectives={}, metrics=(), returned=())


def test_a_metric_is_scored_as_it_is_returned(run, lease):
    ended = {"tables": [], "attempt": 1, "started": 1.0, "ended": 2.0, "provenance": {}}
    run.commit(lease, {"metrics": {"accuracy": 0.25, "seconds": 3.0}, **ended})
    assert find("max:accuracy").score(run) == [0.25]
    assert find("error,min:seconds").score(run) == [0.5, 3.0]
    with pytest.raises(UserError, match=r"no metric 'f1'; .* it returned: accuracy, seconds$"):
        find("max:f1").score(run)


def test_what_runs_log_under_its_name_is_the_curve_of_a_metric(run, home):
    attempt = Attempt(run.files, home.cache, 1)
    attempt.say("training")
    for step, of, value in ((1, 8, 0.1), (2, 8, 0.2), (8, 8, 0.9), (3, 0, 0.3)):
        attempt.log(step, of, {"accuracy": value, "loss": inf})
    assert find("max:accuracy").curve(run) == {12: 0.1, 25: 0.2}
    assert find("max:f1").curve(run) == {}
    assert find("max:accuracy,min:loss").curve(run) == {}


def test_a_curve_is_read_anew_where_the_run_ends_meanwhile(run):
    """Its files move then: as the result, or to the next attempt."""
    (run.files / "score").write_text("0.5")

    def curve(run, budget):
        folder = run.files
        if len(calls) < 1:
            run.fence(1)
        calls.append(folder.name)
        return {25: float((folder / "score").read_text())}

    calls = []
    objectives = {"score": Objective({"score": "maximize"}, curve, curve)}
    assert find("score", objectives).curve(run) == {25: 0.5}
    assert calls == ["files-1", "ended-1"]
    (run.files / "score").unlink()
    with pytest.raises(UserError, match="the curve of objective score fails: FileNotFoundError"):
        find("score", objectives).curve(run)
