"""A study file of a user's own architecture, and a run that was made with it."""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout
from functools import singledispatch
from pathlib import Path

from timm.models.mlp_mixer import MlpMixer

import snnet.anchors
from ablations.launch.requests import requests_of
from ablations.launch.worker import work
from ablations.runs.directory import RunDirectory
from ablations.runs.home import Home
from ablations.runs.lease import Observer
from ablations.study.catalogue import load_study
from ablations.study.expansion import expand
from helpers.doers import Here

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
STUDY = """
from timm.models import register_model

from ablations import Axis, Study
from studies.experiments.stitching import STITCHING


@register_model
def tiny_mixer(embed_dim=8, drop_path_rate=0.0, **other):
    sizes = {"img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10, "num_blocks": 2}
    return MlpMixer(**sizes, embed_dim=embed_dim, drop_path_rate=drop_path_rate)


ANCHORS = [
    {
        "name": f"mixer-{width}",
        "architecture": "tiny_mixer",
        "options": {"embed_dim": width},
        "weights": "random",
    }
    for width in (8, 12)
]
STUDY = Study(
    title="Mixers",
    question="Does an architecture of one's own join?",
    experiment=STITCHING,
    baseline={
        "anchors": ANCHORS,
        "epochs": 1,
        "warmup_epochs": 0,
        "training_images": 64,
        "test_images": 32,
        "calibration_images": 20,
    },
    axes=[Axis("kernel", [2])],
)
"""


def documented_adapter() -> str:
    """The code of docs/extending.md that adds MLP-Mixer."""
    (code,) = [part for part in PAGE.read_text().split("```python")[1:] if "MlpMixer" in part]
    return code.partition("```")[0]


def write_study(folder: Path) -> Path:
    path = folder / "mixers.py"
    path.write_text(documented_adapter() + STUDY)
    return path


def do_one_run(home: Home, file: Path, name: str = "baseline") -> RunDirectory:
    """The run of this name of the study in a file, done in this process."""
    home.prepare()
    expansion = expand(file.stem, load_study(str(file))[1])
    (key,) = (cell.key for cell in expansion.plan.cells if cell.name == f"{name}, seed 0")
    seen = {one: home.run(one).inspect(Observer()) for one in expansion.configs}
    (request,) = (one for one in requests_of(expansion, seen) if one.key == key)
    doers = Here(home, expansion.experiment)
    with redirect_stdout(io.StringIO()):  # what goes into a worker's log
        assert work(str(home.root), str(file), [request], {}, doers=doers) == 0
    return home.run(key)


def forget_mixers(monkeypatch) -> None:
    """Let this process be as one that has not executed the file yet."""
    fresh = singledispatch(snnet.anchors.adapt.registry[object])
    for kind, adapter in snnet.anchors.adapt.registry.items():
        if kind is not MlpMixer:
            fresh.register(kind, adapter)
    monkeypatch.setattr(snnet.anchors, "adapt", fresh)
    for name, module in list(sys.modules.items()):
        if os.path.basename(getattr(module, "__file__", None) or "") == "mixers.py":
            monkeypatch.delitem(sys.modules, name)
