"""The collector: run directories reach MLflow once, whole, and while they grow."""

from __future__ import annotations

import json
import platform
import threading
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from ablations.errors import UserError
from ablations.runs.home import Home
from ablations.runs.lease import Owner, latest_lease, take_lease
from ablations.study.expansion import expand
from ablations.study.plans import plan_of, save_plan
from ablations.study.study import Axis
from ablations.tracking.collector import Collector, RefusedError
from ablations.tracking.delivery import flatten
from ablations.tracking.names import KEY_TAG, equals, member_tag, metric
from ablations.tracking.reader import read_study
from ablations.tracking.store import connect, search
from ablations.tracking.views import prepare_views
from helpers.commands import TOY
from helpers.servers import free_port, serving, sync_when_up
from helpers.toy import PLAN, STUDY
from helpers.tracking import begin, do, give_store, tracked


@pytest.fixture
def home(tmp_path, empty_store):
    home = Home(tmp_path)
    give_store(home, empty_store)
    save_plan(home, PLAN)
    return home


def test_everything_of_a_run_arrives(home):
    key = next(iter(PLAN.runs))
    do(home, key, {"git_sha": "abc", "git_dirty": "true", "git_diff": "-old\n+new\n"})
    assert Collector(home, home.tracking_uri).sync() == 1
    run = tracked(home)[key]
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "baseline, seed 0"
    assert run.data.params["rate"] == "0.1"
    assert run.data.params["rule"] == "plain"
    assert run.data.tags["git_sha"] == "abc"
    assert run.data.tags["git_dirty"] == "true"
    assert run.data.tags["study.toy"] == "baseline"
    assert run.data.tags["study.toy.rule"] == "plain"
    result = home.run(key).result()
    assert run.data.metrics.items() >= result["metrics"].items()
    client = connect(home.tracking_uri)
    loss = client.get_metric_history(run.info.run_id, "progress/loss")
    assert [point.step for point in loss] == [1, 2, 3, 4, 5]
    # no row of a table stands as a number of the run: what MLflow shows is the best one
    assert not [name for name in run.data.metrics if name.startswith("stitch")]
    curve = client.get_metric_history(run.info.run_id, "charts/stitch: best top1 by macs")
    costs = client.get_metric_history(run.info.run_id, "charts/stitch: at most macs")
    assert [point.step for point in curve] == [point.step for point in costs] == list(range(76))
    assert run.data.metrics["charts/stitch: best top1 by macs"] == 0.9
    assert run.data.metrics["charts/stitch: at most macs"] == 400
    assert run.data.tags["mlflow.source.name"] == "ablate run toy"
    assert run.data.tags["mlflow.source.git.commit"] == "abc"
    assert run.data.tags["mlflow.user"] == home.run(key).path.owner()
    assert run.data.tags["mlflow.note.content"] == (
        "baseline, seed 0 of study toy: mean top-1 80.7 %."
    )
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.profile) == ("plain", '{"rule": "plain", "steps": 5}')
    shown = client.download_artifacts(run.info.run_id, "stitch.csv", str(home.root))
    assert Path(shown).read_text().splitlines()[:2] == [
        "stitch,route,anchors,is_anchor,macs,params,visits,top1,top1_before",
        "0,0,0,True,100,10,1,0.7,0.7",
    ]
    assert {item.path for item in client.list_artifacts(run.info.run_id)} == {
        "config.json",
        "code.diff",
        "packages.txt",
        "stitch.csv",
        "stitch.parquet",
    }
    assert "git_diff" not in run.data.tags
    place = home.run(key).attempt(1)
    assert (run.data.tags["host"], run.data.tags["device"]) == (platform.node(), place["device"])
    for unit in ("cpu", "gpu"):
        (hours,) = client.get_metric_history(run.info.run_id, f"{unit}_hours")
        assert hours.step == 1
        assert hours.value == pytest.approx(place[f"{unit}s"] * home.run(key).seconds(1) / 3600)
    assert home.run(key).seconds(1) > 0
    assert f"mlflow=={version('mlflow')}" in (home.run(key).files / "packages.txt").read_text()
    assert (home.run(key).files / "code.diff").read_text() == "-old\n+new\n"


def test_an_attempt_removes_what_a_killed_one_left_but_no_claim(home):
    key = next(iter(PLAN.runs))
    directory = home.run(key).path
    directory.mkdir(parents=True)
    (directory / ".checkpoint.safetensors.1234.tmp").touch()
    (directory / ".claim-1.json.5678.tmp").touch()
    do(home, key)
    assert [path.name for path in directory.glob(".*")] == [".claim-1.json.5678.tmp"]


def test_runs_hang_below_their_seed_and_study_and_each_but_once(home):
    for key in PLAN.runs:
        do(home, key)
    other = expand("another", STUDY, seeds=2).plan
    save_plan(home, other)
    Collector(home, home.tracking_uri).sync()
    client = connect(home.tracking_uri)
    found = {run.info.run_id: run for run in search(client, "1", "")}

    def above(run):
        parent = found.get(run.data.tags.get("mlflow.parentRunId"))
        return [] if parent is None else [parent.info.run_name, *above(parent)]

    assert len(tracked(home)) == 4
    for run in tracked(
        home
    ).values():  # both studies ask for them; the first in the alphabet has it
        assert above(run) == ["another: seed 0", "study another"]
    headings = sorted(run.info.run_name for run in found.values() if KEY_TAG not in run.data.tags)
    assert headings == [
        "another: seed 0",  # of the other seed there is nothing to find yet
        "study another",
        "study toy",
        "toy: seed 0",
    ]
    asked = replace(other, cells=[one for one in other.cells if one.levels["rate"] == "0.1"])
    (home.root / "studies/another.json").write_text(json.dumps(asked.record()))
    Collector(home, home.tracking_uri).sync()
    left = {run.info.run_name: above(run)[0] for run in tracked(home).values()}
    assert left.pop("rate=0.2, seed 0") == "toy: seed 0"
    assert set(left.values()) == {"another: seed 0"}


def test_collecting_again_changes_nothing(home):
    for key in PLAN.runs:
        do(home, key)
    told = []
    first = Collector(home, home.tracking_uri, tell=told.append)
    assert first.sync() == 4
    assert first.changed == set(PLAN.runs)
    assert told[0] == "looking at run 1 of 4, 0 brought up to date"
    assert told[-1] == "4 runs brought up to date; arranging those of toy"
    before = {key: run.to_dictionary() for key, run in tracked(home).items()}
    collector = Collector(home, home.tracking_uri)
    assert collector.sync() == 0
    assert collector.sync() == 0
    assert before == {key: run.to_dictionary() for key, run in tracked(home).items()}


def test_runs_of_others_in_the_same_experiment_stay(home):
    client = connect(home.tracking_uri, create=True)
    identity = client.create_experiment("toy", artifact_location=home.artifacts.as_uri())
    foreign = {client.create_run(identity).info.run_id for _ in range(3)}
    do(home, next(iter(PLAN.runs)))
    Collector(home, home.tracking_uri).sync()
    Collector(home, home.tracking_uri).sync()
    assert foreign <= {run.info.run_id for run in search(client, identity, "")}


def test_a_run_that_was_made_twice_is_kept_once(home):
    do(home, next(iter(PLAN.runs)))
    Collector(home, home.tracking_uri).sync()
    first = next(iter(tracked(home).values()))
    client = connect(home.tracking_uri)
    client.create_run(first.info.experiment_id, tags={KEY_TAG: first.data.tags[KEY_TAG]})
    Collector(home, home.tracking_uri).sync(everything=True)
    assert [run.info.run_id for run in tracked(home).values()] == [first.info.run_id]


def test_two_collectors_at_once_double_nothing(home):
    home.store.unlink()  # they make it, too
    for key in PLAN.runs:
        do(home, key)
    collectors = [Collector(home, home.tracking_uri) for _ in range(3)]
    threads = [threading.Thread(target=collector.sync) for collector in collectors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tracked(home)) == 4


def test_curves_grow_and_states_follow_while_a_run_works(home):
    key = next(iter(PLAN.runs))
    directory = home.run(key)
    run, collector = begin(home, key), Collector(home, home.tracking_uri)
    client = connect(home.tracking_uri)
    for step in (1, 2, 3):
        run.log(step, 5, {"loss": 1.0 / step})
        assert collector.sync() == 1
        seen = tracked(home)[key]
        assert seen.info.status == "RUNNING"
        history = client.get_metric_history(seen.info.run_id, "progress/loss")
        assert [point.step for point in history] == list(range(1, step + 1))
    assert collector.sync() == 0
    # its owner dies
    dead = Owner(Owner.current().host, 1, "long ago")
    (directory.path / "claim-2.json").write_text(json.dumps(dead.__dict__))
    collector.sync()
    assert tracked(home)[key].info.status == "KILLED"
    # another worker takes it over and fails
    take_lease(directory.path, 3)
    collector.sync()
    assert tracked(home)[key].info.status == "RUNNING"
    address = "postgresql://u:secret@h/x"  # as earlier versions kept it
    told = {"error": f"ValueError: no {address}", "traceback": f"trace {address}"}
    failure = {**told, "started": 1.0, "ended": 2.0}
    (directory.path / "failure-3.json").write_text(json.dumps(failure))
    collector.sync()
    failed = tracked(home)[key]
    assert failed.info.status == "FAILED"
    assert failed.data.tags["error"] == "ValueError: no postgresql://u:***@h/x"
    assert failed.data.tags["mlflow.note.content"] == "```\ntrace postgresql://u:***@h/x```"
    # and the fourth attempt ends well
    do(home, key, attempt=4)
    collector.sync()
    ended = tracked(home)[key]
    assert ended.info.status == "FINISHED"
    assert "error" not in ended.data.tags
    assert latest_lease(directory.path).attempt == 4


def test_how_busy_the_machine_was_is_told_by_mlflows_names(home):
    key = next(iter(PLAN.runs))
    run, collector = begin(home, key), Collector(home, home.tracking_uri)
    client = connect(home.tracking_uri)
    file = run.directory / "system-metrics-1.jsonl"

    def told() -> list[tuple[int, int, float]]:
        name = "system/cpu_utilization_percentage"
        points = client.get_metric_history(tracked(home)[key].info.run_id, name)
        return [(point.step, point.timestamp, point.value) for point in points]

    assert collector.sync() == 1
    for number in (1, 2):
        entry = {"time": float(number), "metrics": {"cpu_utilization_percentage": 10 * number}}
        with open(file, "a") as lines:
            lines.write(json.dumps(entry) + "\n")
        assert collector.sync() == 1
        assert collector.sync() == 0
        assert len(told()) == number
    home.run(key).fence(1)
    home.run(key).release(1)
    do(home, key, attempt=2)  # the samples go with the run
    collector.sync()
    Collector(home, home.tracking_uri).sync(everything=True)
    assert told() == [(0, 1000, 10.0), (1, 2000, 20.0)]
    assert tracked(home)[key].info.status == "FINISHED"


def test_more_seeds_extend_the_plan_and_fewer_keep_it(home):
    save_plan(home, expand("toy", STUDY, seeds=3).plan)
    save_plan(home, expand("toy", STUDY, seeds=1).plan)
    assert {cell.seed for cell in plan_of(home, "toy").cells} == {0, 1, 2}
    changed = expand("toy", STUDY, seeds=1, changes={"rule": ["plain"]}).plan
    save_plan(home, changed)
    assert plan_of(home, "toy") == changed


def test_another_question_replaces_the_plan_and_its_tags(home):
    for key in PLAN.runs:
        do(home, key)
    Collector(home, home.tracking_uri).sync()
    other = expand("toy", STUDY, seeds=1, changes={"pause": ["0.001"]}).plan
    save_plan(home, other)
    assert {cell.key for cell in plan_of(home, "toy").cells} == set(other.runs)
    Collector(home, home.tracking_uri).sync()
    assert not any("study.toy" in run.data.tags for run in tracked(home).values())


def test_one_bad_run_does_not_keep_the_others_back(home):
    keys = sorted(PLAN.runs)
    for key in keys:
        do(home, key)
    for key in keys[:2]:
        (home.run(key).files / "result.json").write_text("{")
    with pytest.raises(UserError, match="is damaged") as refusal:
        Collector(home, home.tracking_uri).sync()
    assert all(f"run {key} is not tracked: " in str(refusal.value) for key in keys[:2])
    finished = {key for key, run in tracked(home).items() if run.info.status == "FINISHED"}
    assert finished == set(keys[2:])
    assert read_study(home.tracking_uri, "toy").runs.keys() == finished


def test_what_the_database_refuses_of_a_run_does_not_keep_the_others_back(home):
    keys = sorted(PLAN.runs)
    begun = begin(home, keys[0])
    begun.log(1, 2, {"loss": 2**70})  # fits a float
    line = {"time": 1.0, "step": 2**70, "of": 2**70, "metrics": {"loss": 1.0}}
    with open(begun.directory / "progress-1.jsonl", "a") as file:
        file.write(json.dumps(line) + "\n")  # as earlier versions logged it
    for key in keys[1:]:
        do(home, key)
    with pytest.raises(RefusedError, match=f"run {keys[0]} is not tracked: .* too large"):
        Collector(home, home.tracking_uri).sync()
    assert read_study(home.tracking_uri, "toy").runs.keys() == {*keys[1:]}


def test_names_that_mlflow_does_not_take_are_cleaned(home):
    axes = [Axis("pace (steps)", {'it\'s "50" %': {"steps": 5}, "100 %": {"steps": 10}})]
    odd = expand("étude+1, 50%", replace(STUDY, axes=axes, claims=()), seeds=1).plan
    save_plan(home, odd)
    save_plan(home, PLAN)
    for key in sorted({*odd.runs, *PLAN.runs}):
        do(home, key)
    path = home.run(next(iter(odd.runs))).files / "result.json"
    result = json.loads(path.read_text())
    result["metrics"]["acc@1 (%)"] = 1.0
    path.write_text(json.dumps(result))
    Collector(home, home.tracking_uri).sync()
    study = read_study(home.tracking_uri, odd.study)
    assert study.plan == odd
    assert study.runs.keys() == odd.runs.keys()
    assert study.runs[next(iter(odd.runs))].metrics[metric("acc@1 (%)")] == 1.0
    assert read_study(home.tracking_uri, "toy").runs.keys() == PLAN.runs.keys()
    views = list(prepare_views(home.tracking_uri))
    assert {view.study for view in views} == {odd.study, "toy"}
    client = connect(home.tracking_uri)
    identity = client.get_experiment_by_name("toy").experiment_id
    for label in odd.axes["pace (steps)"]:
        condition = equals(member_tag(odd.study, "pace (steps)"), label)
        (found,) = client.search_runs([identity], condition)
        assert found.data.tags[member_tag(odd.study)] in (f"pace (steps)={label}", "baseline")


def test_one_study_that_cannot_be_tracked_does_not_keep_the_others_back(home):
    other = replace(PLAN, study="another", experiment="gone")
    save_plan(home, other)
    save_plan(home, PLAN)
    client = connect(home.tracking_uri)
    client.delete_experiment(client.create_experiment("gone"))
    for key in PLAN.runs:
        do(home, key)
    with pytest.raises(UserError, match="study another is not tracked: "):
        Collector(home, home.tracking_uri).sync()
    assert read_study(home.tracking_uri, "toy").runs.keys() == PLAN.runs.keys()


@pytest.mark.parametrize("harm", ["gone", "empty", "half", "other bytes"])
def test_everything_is_delivered_anew_where_files_of_the_store_are_harmed(home, harm):
    for key in PLAN.runs:
        do(home, key)
    Collector(home, home.tracking_uri).sync()
    (table,) = sorted(home.artifacts.rglob("stitch.parquet"))[:1]
    (plan,) = home.artifacts.rglob("study.json")
    for path in (table, plan):
        content = path.read_bytes()
        if harm == "gone":
            path.unlink()
        else:
            half = content[: len(content) // 2]
            other = bytes(255 - byte for byte in content)
            path.write_bytes({"empty": b"", "half": half, "other bytes": other}[harm])
    with pytest.raises(
        UserError, match=r"study\.json of study toy .* is (missing|damaged); `ablate sync --all"
    ):
        read_study(home.tracking_uri, "toy")
    assert Collector(home, home.tracking_uri).sync() == 0  # nobody looks
    collector = Collector(home, home.tracking_uri)
    assert collector.sync(everything=True) == 1
    mended = next(key for key, run in tracked(home).items() if run.info.run_id in table.parts)
    assert collector.changed == {mended}
    assert read_study(home.tracking_uri, "toy").runs.keys() == PLAN.runs.keys()
    assert Collector(home, home.tracking_uri).sync(everything=True) == 0


def test_one_bad_plan_does_not_keep_the_others_back(home):
    key, *_ = PLAN.runs
    do(home, key)
    save_plan(home, PLAN)
    save_plan(home, replace(PLAN, study="other"))
    (home.studies / "other.json").write_text("[]")
    with pytest.raises(RefusedError, match=r"other\.json is damaged .*`ablate repair` sets it as"):
        Collector(home, home.tracking_uri).sync()
    assert read_study(home.tracking_uri, "toy").runs.keys() == {key}


@pytest.mark.parametrize("record", [[], {"study": "toy"}])
def test_a_bad_plan_in_the_store_is_told_alone(home, record):
    for name in ("toy", "other"):
        save_plan(home, replace(PLAN, study=name))
    Collector(home, home.tracking_uri).sync()
    plans = {
        json.loads(one.read_text())["study"]: one for one in home.artifacts.rglob("study.json")
    }
    path = plans["toy"]
    path.write_text(json.dumps(record))
    assert read_study(home.tracking_uri, "other").plan.study == "other"
    with pytest.raises(UserError, match=r"study\.json of study toy in the tracking store is "):
        read_study(home.tracking_uri, "toy")


def test_a_store_that_should_be_there_is_not_made(home, tmp_path):
    with pytest.raises(UserError, match="there is no tracking store"):
        Collector(home, f"sqlite:///{tmp_path}/elsewhere.db", create=False)
    assert not (tmp_path / "elsewhere.db").exists()


def test_settings_become_flat_parameters():
    config = {"a": 1, "b": {"c": 0.5, "d": {"e": "x"}}, "f": [1, 2]}
    assert flatten(config) == {"a": "1", "b.c": "0.5", "b.d.e": "x", "f": "[1, 2]"}


def test_a_server_that_comes_late_misses_nothing(ablate, tmp_path):
    """Runs go on while the server is down; once it is up, a sync brings everything."""
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    first = ablate("run", TOY, "--seeds", "1", "--tracking-uri", uri)
    assert first.returncode == 1, first.stderr
    assert "4 of 4 runs done" in first.stdout
    assert f"the tracking store {uri} cannot be used" in first.stdout
    down = ablate("sync", "--tracking-uri", uri)
    assert down.returncode == 2
    assert "cannot be used" in down.stderr
    assert "Traceback" not in down.stderr
    with serving(f"sqlite:///{tmp_path}/server.db", port, tmp_path):
        sync_when_up(ablate, uri)
        assert len(tracked(Home(tmp_path / "home"), uri)) == 4
        report = ablate("report", "toy", "--tracking-uri", uri)
        assert report.returncode == 0, report.stderr
