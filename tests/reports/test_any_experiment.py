"""Reports of experiments that have nothing to do with stitching."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

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
    assert page.count("all seeds give") == 2
    for title in ("Metrics of each level", "Effect of each level", "Training curves"):
        assert title in page
    for word in ("stitch", "top-1", "sub-network", "MACs", "anchor"):
        assert word not in page.lower().replace("stitch-", ""), word
    table = pd.read_csv(forest / "home/reports/forest/trees-summary.csv")
    assert list(table) == ["level", "seeds", "accuracy (%)", "seconds (s)", "run (s)"]
    assert table["accuracy (%)"][2].startswith("94.3")
    assert "(+9.0 ± 0.0)" in table["accuracy (%)"][2]


def test_figures_of_metrics_alone(forest):
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
