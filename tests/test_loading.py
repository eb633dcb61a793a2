"""A finished run loaded, selected from, timed and exported."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from families import FAMILIES, family
from safetensors.torch import save_file

import snnet
from ablations.cli.main import main
from snnet.anchors import create_anchor
from snnet.config import AnchorSpec, StitchingConfig
from snnet.cost import route_costs
from snnet.export import Subnetwork, export_onnx
from snnet.network import stitch

OPTIONS = {"img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10, "depth": 3}
KEY = "0123456789abcdef"
SERVE = Path(__file__).parents[1] / "examples" / "serve.py"


def tiny_spec(width: int) -> AnchorSpec:
    options = {**OPTIONS, "embed_dim": width, "num_heads": 2}
    return AnchorSpec(f"vit-{width}", "vit_tiny_patch16_224", options)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return stitch([create_anchor(tiny_spec(width)) for width in (8, 12)], (1, 8, 8)).eval()


@pytest.fixture
def run(network, tmp_path):
    """A run directory as a finished run leaves it."""
    directory = tmp_path / "home" / "runs" / KEY
    directory.mkdir(parents=True)
    config = asdict(StitchingConfig(anchors=(tiny_spec(8), tiny_spec(12))))
    record = {"experiment": "stitching", "schema": 1, "config": config}
    (directory / "config.json").write_text(json.dumps(record))
    metadata = {"image_shape": json.dumps([1, 8, 8])}
    save_file(network.state_dict(), directory / "model.safetensors", metadata)
    costs = np.array(route_costs(network))
    table = pd.DataFrame(
        {
            "route": [route.name for route in network.space.routes],
            "macs": costs[:, 0],
            "params": costs[:, 1],
            "top1": np.round(0.5 + 0.4 * costs[:, 0] / costs[:, 0].max(), 2),
        }
    )
    table.index.name = "stitch"
    table.to_parquet(directory / "stitch.parquet")
    return directory


@pytest.fixture
def images():
    return torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def invoke(run: Path, *arguments: str):
    return CliRunner().invoke(main, ["--home", str(run.parents[1]), *arguments])


def test_a_loaded_run_is_the_trained_network(run, network, images):
    loaded = snnet.load(run)
    assert len(loaded) == len(network.space.routes)
    for number in range(len(loaded)):
        assert loaded.select(number) == number == loaded.stitch
        with torch.no_grad():
            assert torch.equal(loaded(images), network(images, number))


def test_pretrained_weights_are_not_fetched_again(run):
    path = run / "config.json"
    record = json.loads(path.read_text())
    for anchor in record["config"]["anchors"]:
        anchor["weights"] = "/nowhere/weights.pth"
    path.write_text(json.dumps(record))
    snnet.load(run)


def test_switching_copies_nothing(run):
    loaded = snnet.load(run)
    places = [parameter.data_ptr() for parameter in loaded.network.parameters()]
    for number in range(len(loaded)):
        loaded.select(number)
    assert places == [parameter.data_ptr() for parameter in loaded.network.parameters()]


def test_a_budget_takes_the_best_within_it(run):
    loaded = snnet.load(run)
    loaded.measure_latency(repeats=2)
    table = loaded.table
    for name in ("macs", "params", "latency"):
        for budget in table[name]:
            chosen = table.loc[loaded.select(**{name: budget})]
            within = table[table[name] <= budget]
            assert chosen[name] <= budget
            assert chosen.top1 == within.top1.max()
            assert chosen.macs == within[within.top1 == chosen.top1].macs.min()
    both = loaded.select(macs=table.macs.median(), params=table.params.median())
    assert table.macs[both] <= table.macs.median()
    assert table.params[both] <= table.params.median()
    assert loaded.select() == table.sort_values(["top1", "macs"], ascending=[False, True]).index[0]


def test_selections_that_cannot_be(run):
    loaded = snnet.load(run)
    cheapest = loaded.table.macs.idxmin()
    with pytest.raises(ValueError, match=rf"within 10 MACs; the least is .* \(stitch {cheapest}\)"):
        loaded.select(macs=10)
    with pytest.raises(ValueError, match="there is no stitch 99"):
        loaded.select(99)
    with pytest.raises(ValueError, match="not both"):
        loaded.select(1, macs=1e9)
    with pytest.raises(ValueError, match="call measure_latency"):
        loaded.select(latency=5)
    with pytest.raises(ValueError, match="batch_size and repeats"):
        loaded.measure_latency(batch_size=0)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def change_config(run: Path, change) -> None:
    record = json.loads((run / "config.json").read_text())
    change(record)
    (run / "config.json").write_text(json.dumps(record))


MISTAKES = {
    "no run directory": lambda run: (run / "config.json").unlink(),
    r"config.json is damaged": lambda run: damage(run / "config.json"),
    r"no table of sub-networks": lambda run: (run / "stitch.parquet").unlink(),
    r"stitch.parquet is damaged": lambda run: damage(run / "stitch.parquet"),
    r"no trained network": lambda run: (run / "model.safetensors").unlink(),
    r"model.safetensors is damaged": lambda run: damage(run / "model.safetensors"),
    r"does not tell the shape": lambda run: save_file(
        {"x": torch.zeros(1)}, run / "model.safetensors"
    ),
    r"does not fit: missing": lambda run: save_file(
        {"x": torch.zeros(1)}, run / "model.safetensors", {"image_shape": "[1, 8, 8]"}
    ),
    "experiment 'toy'": lambda run: change_config(run, lambda r: r.update(experiment="toy")),
    "does not know: colour": lambda run: change_config(
        run, lambda r: r["config"].update(colour="red")
    ),
    r"does not know: anchors.1.recipe.colour": lambda run: change_config(
        run, lambda r: r["config"]["anchors"][1]["recipe"].update(colour="red")
    ),
    "does not fit this version: kernel": lambda run: change_config(
        run, lambda r: r["config"].update(kernel=0)
    ),
    "no object 'config'": lambda run: (run / "config.json").write_text("[]"),
    "lists other sub-networks": lambda run: (
        pd.read_parquet(run / "stitch.parquet").iloc[:4].to_parquet(run / "stitch.parquet")
    ),
}


@pytest.mark.parametrize("says", MISTAKES)
def test_a_run_that_cannot_be_loaded_says_why(run, says):
    MISTAKES[says](run)
    with pytest.raises(ValueError, match=says) as raised:
        snnet.load(run)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_subnetwork_holds_what_it_runs_and_no_more(name):
    network = family(name).eval()
    images = torch.randn(2, *network.image_shape)
    shared = {parameter.data_ptr() for parameter in network.parameters()}
    routes = range(len(network.space.routes))
    for number, (_, params) in list(zip(routes, route_costs(network), strict=True))[::3]:
        alone = Subnetwork(network, number)
        assert sum(parameter.numel() for parameter in alone.parameters()) == params
        assert not shared & {parameter.data_ptr() for parameter in alone.parameters()}
        with torch.no_grad():
            assert torch.equal(alone(images), network(images, number))


def small_levit():
    options = {"img_size": 64, "depth": (2, 2, 2), "num_classes": 10}
    names = ("levit_128s", "levit_192")
    anchors = [create_anchor(AnchorSpec(name, name, options)) for name in names]
    return stitch(anchors, (3, 64, 64), stages=[0, 1])


@pytest.mark.parametrize("name", ["vit", "swin", "resnet", "levit"])
def test_onnx_gives_the_same_logits_for_any_batch(name, network, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    if name != "vit":
        network = (small_levit() if name == "levit" else family(name)).eval()
    last = len(network.space.routes) - 1
    path = tmp_path / "one.onnx"
    assert export_onnx(Subnetwork(network, last), path, network.image_shape) < 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        images = torch.randn(batch, *network.image_shape)
        (found,) = session.run(None, {"images": images.numpy()})
        with torch.no_grad():
            wanted = network(images, last)
        torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-3, atol=1e-4)
    assert [item.name for item in tmp_path.iterdir()] == ["one.onnx"]


def test_an_export_that_differs_is_not_kept(network, tmp_path, monkeypatch):
    monkeypatch.setattr("snnet.export._write", lambda module, path, shape: path.write_text(""))
    monkeypatch.setattr("snnet.export._compare", lambda module, path, shape: float("nan"))
    with pytest.raises(ValueError, match="differs from PyTorch's"):
        export_onnx(Subnetwork(network, 0), tmp_path / "one.onnx", (1, 8, 8))
    assert not list(tmp_path.iterdir())


def test_export_says_what_is_missing(network, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no directory"):
        export_onnx(network, tmp_path / "nowhere" / "one.onnx", (1, 8, 8))
    monkeypatch.setattr("snnet.export.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'snnet-ablations\[onnx\]'"):
        export_onnx(network, tmp_path / "one.onnx", (1, 8, 8))


def test_latency_command(run):
    found = invoke(run, "latency", KEY[:4], "--repeats", "2", "--format", "json")
    assert found.exit_code == 0, found.output
    record = json.loads(found.stdout)
    assert record["switch_microseconds"] < 100
    assert [row["stitch_id"] for row in record["stitches"]] == list(range(9))
    for row in record["stitches"]:
        assert 0 < row["latency_p10_ms"] <= row["latency_ms"] <= row["latency_p90_ms"]
    table = invoke(run, "latency", str(run), "--repeats", "1")
    assert "switching to another sub-network takes" in table.stdout
    assert "vit-8 0 > vit-12 0" in table.stdout
    cells = invoke(run, "latency", KEY, "--repeats", "1", "--format", "csv").stdout.splitlines()
    assert cells[0].startswith("stitch_id,route,macs,params,top1,latency_ms")
    assert len(cells) == 10


def test_export_command(run, tmp_path):
    pytest.importorskip("onnxruntime")
    output = tmp_path / "best.onnx"
    done = invoke(run, "export", KEY, "--macs", "1G", "--output", str(output))
    assert done.exit_code == 0, done.output
    assert output.exists()
    assert "logits (batch, 10)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["latency", "feed"], "neither the beginning of a run key"),
        (["latency", "0"], "2 runs in"),
        (["export", KEY, "--output", "x.onnx"], "say which sub-network"),
        (["export", KEY, "--stitch", "1", "--output", "x.pt"], "should end in .onnx"),
        (["export", KEY, "--stitch", "77", "--output", "x.onnx"], "there is no stitch 77"),
        (["export", KEY, "--macs", "1", "--output", "x.onnx"], "the least is"),
        (["export", "0f", "--stitch", "1", "--output", "x.onnx"], "no config.json"),
    ],
)
def test_mistakes_in_commands_are_one_line(run, arguments, says):
    (run.parent / "0f00").mkdir()
    found = invoke(run, *arguments)
    assert found.exit_code == 2
    assert says in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_the_serving_example(run):
    command = [sys.executable, str(SERVE), str(run), "--seconds", "1", "--step", "0.3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert len(done.stdout.splitlines()) >= 3
    assert "accuracy so far" in done.stdout
