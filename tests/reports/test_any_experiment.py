"""Reports of experiments that have nothing to do with stitching."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import ablations
from ablations import Metric
from ablations.tracking.reader import read_study
from helpers.commands import run_ablate

FOREST = """
from dataclasses import dataclass
from ablations import Axis, Claim, Experiment, Metric, Study, Table

@dataclass(frozen=True)
class Config:
    trees: int = 10
    depth: int = 2
    seed: int = 0

def train(config, run):
    import pandas as pd
    accuracy = 0.8 + config.trees / 1000 + config.depth / 50 + config.seed / 300
    for step in (1, 2, 3):
        run.log(step, 3, {{"accuracy": accuracy * step / 3}})
    {table}
    return {{"accuracy": accuracy, "seconds": 0.001 * config.trees + 1e-5 * config.seed}}

EXPERIMENT = Experiment("forest", Config, train, {declared})
STUDY = Study(
    "Forests", "What makes a forest good?", EXPERIMENT,
    [Axis("trees", [10, 30, 100]), Axis("depth", [2, 4])], {{}}, design="factorial", seeds=3,
    claims=[
        Claim("more is better", "accuracy", at={{"trees": "100"}}, than={{"trees": "10"}}),
        Claim("thirty cost as much", "seconds", at={{"trees": "30"}}, than={{"trees": "10"}},
              relation="equivalent", margin=0.03),
    ],
)
"""
METRICS = """metrics=[
    Metric("accuracy", unit="%", goal="maximize", factor=100), Metric("seconds", unit="s"),
]"""
TABLE = """rows = [(n, 10 * n, accuracy - 1 / n) for n in (2, 4, 8)]
    run.save_table("sizes", pd.DataFrame(rows, columns=["size", "cost", "top"]))"""
HAS_TABLE = """table=Table("sizes", "size", [Metric("top", "accuracy", "%", factor=100)],
    cost=Metric("cost", unit="nodes"))"""


def study_file(folder: Path, table: str = "", declared: str = METRICS) -> Path:
    path = folder / "forest.py"
    path.write_text(FOREST.format(table=table, declared=declared))
    return path


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    """A home with the study, whose experiment says what its metrics are."""
    folder = tmp_path_factory.mktemp("forest")
    done = run_ablate(folder / "home", "run", str(study_file(folder)))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def figure(folder, name, *options):
    done = run_ablate(
        *(folder / "home", "report", "forest", "--figure", name, "--format", "csv", *options),
        *("--output", str(folder)),
    )
    assert done.returncode == 0, done.stderr
    return pd.read_csv(next(folder.glob(f"*{name}.csv")))


def test_the_page_of_metrics_alone(forest):
    done = run_ablate(forest / "home", "report", "forest")
    assert done.returncode == 0, done.stderr
    page = (forest / "home/reports/forest/index.html").read_text()
    assert "+9.0 points" in page  # of the first claim
    assert "+0.0200 s" in page
    in_full = page[page.index('id="claims"') :]
    assert in_full.count("all seeds give") == 2
    for title in ("Metrics of each level", "Effect of each level", "Training curves"):
        assert title in page
    told = page.lower().replace("text-anchor", "")  # of letters in figures
    for word in ("stitch", "top-1", "sub-network", "macs", "anchor"):
        assert word not in told, word
    table = pd.read_csv(forest / "home/reports/forest/trees-summary.csv")
    assert list(table) == ["level", "seeds", "accuracy (%)", "seconds (s)", "run (s)"]
    assert table["accuracy (%)"][2].startswith("94.3")
    assert "(+9.0 ± 0.0)" in table["accuracy (%)"][2]


def test_figures_of_metrics_alone(forest, monkeypatch):
    metric = figure(forest, "metric", "--axis", "trees")
    first = metric[(metric.metric == "accuracy") & (metric.level == "100") & (metric.seed == 0)]
    assert first.value.item() == pytest.approx(94)
    effects = figure(forest, "effects").set_index(["axis", "level", "measure"])
    assert effects.gain["trees", 100, "accuracy"] == pytest.approx(9)
    assert effects.gain["trees", 100, "seconds"] == pytest.approx(0.09)
    assert effects.unit["trees", 100, "seconds"] == "s"
    curves = figure(forest, "epochs", "--axis", "depth")
    assert set(curves.metric) == {"accuracy"}
    ends = curves[(curves.epoch == 3) & (curves.level == "4")].value
    assert sorted(ends) == pytest.approx([89, 89 + 1 / 3, 89 + 2 / 3])
    interaction = figure(forest, "interaction")
    assert set(interaction.label) == {"accuracy (%)"}
    monkeypatch.setattr("ablations.search.importance.FEWEST", 2)
    importance = figure(forest, "importance").set_index("setting").importance
    assert importance["trees"] > importance["depth"] > 0


@pytest.mark.parametrize("name", ["accuracy", "heatmap", "start", "cost", "scores", "latency"])
def test_what_needs_stitches_or_a_table_says_so(forest, name):
    axis = [] if name in ("heatmap", "cost", "latency") else ["--axis", "trees"]
    done = run_ablate(forest / "home", "report", "forest", "--figure", name, *axis)
    assert done.returncode == 2
    assert f"figure {name} of forest cannot be drawn: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_all_experiments_of_a_home_are_reported(forest, tracked_home, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    uri = f"sqlite:///{forest}/home/mlflow.db"
    done = run_ablate(home, "report", "--all", "--tracking-uri", uri)
    assert done.returncode == 0, done.stderr
    page = (home / "reports/index.html").read_text()
    assert "forest/index.html#trees-metric" in page
    assert (home / "reports/forest.pdf").exists()


def test_an_experiment_that_says_nothing_of_its_metrics(tmp_path):
    home = tmp_path / "home"
    path = study_file(tmp_path, declared="")
    assert run_ablate(home, "run", str(path), "--seeds", "1").returncode == 0
    done = run_ablate(home, "report", "forest")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(home / "reports/forest/trees-summary.csv")
    assert list(table) == ["level", "seeds", "accuracy", "seconds", "run (s)"]
    assert table.accuracy[2] == "0.940 (+0.090)"


def test_rows_of_a_table_are_drawn_over_their_cost(tmp_path):
    home = tmp_path / "home"
    path = study_file(tmp_path, TABLE, f"{METRICS}, {HAS_TABLE}")
    assert run_ablate(home, "run", str(path)).returncode == 0
    rows = figure(tmp_path, "scores", "--axis", "depth").set_index(["level", "row"])
    assert rows.score["4", 8] == pytest.approx(100 * (0.8 + 0.01 + 0.08 + 1 / 300 - 1 / 8))
    assert rows.cost["4", 8] == 80
    assert set(rows.cost_label) == {"cost (nodes)"}


# what columns of figures, tables, pages and the store are called
OURS = ["trial", "state", "setting", "best", "goal", "value", "second", "level", "seeds", "seed"]
OURS += ["key", "axis", "metric", "label", "run", "run_seconds", "cpu_hours", "progress/loss"]
OURS += ["sizes/top", "loss", "auc", "half_width", "row", "cost", "score"]
NAMED_LIKE_OURS = """
from dataclasses import dataclass
from ablations import Axis, Claim, Experiment, Metric, Study, Table

@dataclass(frozen=True)
class Config:
    level: int = 1
    state: int = 1
    value: int = 1
    seed: int = 0

def train(config, run):
    import pandas as pd
    base = 100 * config.level + 10 * config.state + config.value + config.seed / 10
    run.log(1, 2, {{"loss": 1.0, "level": 2.0}})
    run.log(2, 2, {{"loss": 0.5, "level": 1.0}})
    rows = pd.DataFrame({{"level": [2, 4], "half_width": [base, base + 1], "key": [1.0, 2.0]}})
    run.save_table("sizes", rows.assign(top=-1.0))
    run.save_table("progress", rows)
    return {{name: base + number for number, name in enumerate({names})}}

EXPERIMENT = Experiment("ours", Config, train, table=Table(
    "sizes", "level", [Metric("half_width", "level", "s")], cost=Metric("level", unit="s")))
STUDY = Study("Named like ours", "Is anything taken for another?", EXPERIMENT,
    [Axis("level", [1, 2]), Axis("state", [1, 2, 3]), Axis("key", {{"a": {{"value": 1}}}})],
    {{}}, seeds=2, claims=[
        Claim("up", "loss", at={{"level": "2"}}, than={{"level": "1"}}),
        Claim("positive", "loss"),
        Claim("wider", "half_width", at={{"state": "3"}}, than={{"state": "1"}}),
    ])
"""


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Runs and searches of an experiment that calls its settings, metrics and tables like ours."""
    folder = tmp_path_factory.mktemp("ours")
    path = folder / "ours.py"
    path.write_text(NAMED_LIKE_OURS.format(names=OURS))
    aims = ("--trials", "3", "--seeds", "1", "--over", "value=1:3")
    for words in (
        ("run", str(path)),
        ("search", str(path), *aims, "--objective", "max:trial", "--name", "one"),
        ("search", str(path), *aims, "--objective", "max:best,min:state", "--name", "two"),
    ):
        done = run_ablate(folder / "home", *words)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def told(level=1, state=1, value=1, seed=0.0):
    """What each metric is of a setting, by name."""
    base = 100 * level + 10 * state + value + seed / 10
    return {name: base + number for number, name in enumerate(OURS)}


def test_no_metric_is_taken_for_a_column_of_ours(ours):
    """The right numbers on the page, in the summary, in figures and in the store."""
    done = run_ablate(ours / "home", "report", "ours")
    assert done.returncode == 0, done.stderr
    page = (ours / "home/reports/ours/index.html").read_text()
    for effect in ("+100, 2 seeds", "+130 [129, 131]", "+20.0 s, 2 seeds"):  # of the claims
        assert effect in page
    table = pd.read_csv(ours / "home/reports/ours/level-summary.csv")
    assert table.level.tolist() == ["1 (baseline)", "2"]
    assert table.seeds.tolist() == ["2/2", "2/2"]
    assert (table["run (s)"] < 60).all()
    for name in ("trial", "metric.level", "metric.seeds", "run_seconds", "cpu_hours"):
        own = told(seed=0.5)[name.removeprefix("metric.")]
        assert float(str(table[name][0]).split()[0]) == pytest.approx(own, abs=0.6), name
    study = read_study(f"sqlite:///{ours}/home/mlflow.db", "ours")
    for run in study.runs.values():
        base = run.value(Metric("trial"))
        found = [run.value(Metric(name)) for name in OURS]
        assert found == pytest.approx([base + number for number in range(len(OURS))])
        assert run.read_curve("loss") == {1: 1.0, 2: 0.5}
        assert run.metrics["run_seconds"] < 60


def test_a_table_called_like_ours_is_drawn_right(ours):
    rows = pd.read_csv(draw_of(ours, "ours", "scores", "--axis", "state"))
    rows = rows.set_index(["level", "row"])
    assert rows.cost["3", 4] == 4
    assert rows.score["3", 4] == pytest.approx(132.05)
    assert pd.isna(rows.half_width["3", 4])  # of two seeds there is none


def test_a_trial_shows_the_value_of_its_objective(ours):
    one = pd.read_csv(draw_of(ours, "one", "trials"))
    assert one.trial.tolist() == [0, 1, 2]
    assert one.value[0] == told()["trial"]
    assert set(one.value_name) == {"trial"}
    assert one.value[one.best].is_monotonic_increasing
    two = pd.read_csv(draw_of(ours, "two", "trials"))
    assert two.value[0] == told()["best"]
    assert two.second[0] == told()["state"]
    assert set(two.second_goal) == {"minimize"}
    choices = pd.read_csv(draw_of(ours, "one", "choices"))
    assert set(choices.choice) == {"level", "state", "value"}
    for name in ("one", "two"):
        done = run_ablate(ours / "home", "report", name)
        assert done.returncode == 0, done.stderr


def test_tables_of_pandas_have_a_column_for_each_name(ours):
    found = ablations.results(ours / "ours.py", home=ours / "home")
    assert list(found)[:4] == ["seed", "level", "state", "axis.key"]
    assert len(set(found)) == len(list(found)) == 4 + len(OURS)
    assert found["metric.state"].iloc[0] == told()["state"]
    rows = ablations.table(ours / "ours.py", "sizes", home=ours / "home")
    assert list(rows)[:4] == ["key", "seed", "level", "state"]
    assert {"axis.key", "sizes.level", "sizes.key", "half_width"} <= set(rows)
    assert set(rows["sizes.level"]) == {2, 4}


def draw_of(folder, study, name, *options):
    """The data of a figure, in a file."""
    words = ("report", study, "--figure", name, "--format", "csv", *options)
    done = run_ablate(folder / "home", *words, "--output", str(folder / study))
    assert done.returncode == 0, done.stderr
    return next((folder / study).glob(f"*{name}.csv"))


def test_a_misspelt_claim_and_an_unreturned_metric_keep_nothing_else_back(tmp_path):
    declared = METRICS.replace("]", 'Metric("nosuch")]')
    text = FOREST.format(table="", declared=declared)
    path = tmp_path / "forest.py"
    path.write_text(text.replace('is better", "accuracy"', 'is better", "acuracy"'))
    done = run_ablate(tmp_path / "home", "run", str(path), "--seeds", "1")
    assert done.returncode == 0, done.stderr
    done = run_ablate(tmp_path / "home", "plan", str(path))
    assert "'acuracy', which its experiment does not declare: did you mean accuracy?" in done.stdout
    done = run_ablate(tmp_path / "home", "report", "--all")
    assert done.returncode == 0, done.stderr
    told = done.stdout + done.stderr
    assert "study forest: claim 'more is better': it cannot be judged: there is no" in told
    assert "no run returned 'nosuch'" in told
    assert (tmp_path / "home/reports/index.html").exists()
    assert "cannot be judged" in (tmp_path / "home/reports/forest/index.html").read_text()
