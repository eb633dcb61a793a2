"""What a stitching run is judged by in a search."""

from __future__ import annotations

import pandas as pd
import pytest

from ablations.errors import UserError
from ablations.files import write_json
from ablations.runs.home import Home
from snnet.front import front_area
from studies.experiments import objectives


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
    result = {"metrics": {"passes": 12.0}, "tables": ["stitch"], "provenance": {}}
    write_json(run.files / "result.json", {**result, "started": 1.0, "ended": 2.0})
    table.to_parquet(run.files / "stitch.parquet")
    judged = objectives.OBJECTIVES
    assert judged["top1"].score(run, 250) == [0.85]
    assert judged["pareto"].score(run, 0) == [objectives.front_area(table), 12.0]
    with pytest.raises(UserError, match="one route alone has no front"):
        objectives.front_area(table[~table.is_anchor])
    with pytest.raises(UserError, match="no sub-network has 40 MACs or fewer"):
        judged["top1"].score(run, 40)
    table.drop(columns="top1_validation").to_parquet(run.files / "stitch.parquet")
    with pytest.raises(UserError, match="run 0123 has no validation scores"):
        judged["auc"].score(run, 0)


def test_a_dataset_without_validation_images_is_refused(ablate, home):
    done = ablate("search", "overview", "--scale", "imagenet", "--trials", "3")
    assert done.returncode == 2
    assert "holds no images back to choose settings by" in done.stderr
    assert "--set validation_images=10000" in done.stderr
    assert not home.root.exists()
