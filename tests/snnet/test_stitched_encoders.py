"""Encoders that a user has on disk or in hand, stitched."""

from __future__ import annotations

import csv
import io

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

import snnet
from ablations.cli.main import main
from helpers.texts import LENGTH, some_tokens, write_encoder
from snnet.families import outline, spec_of
from snnet.text_models import create_text_model

pytest.importorskip("transformers")


@pytest.fixture
def folders(tmp_path):
    """Two encoders as sentence-transformers keeps them, with weights."""
    made = []
    for name, layers in (("mini-l2", 2), ("mini-l4", 4)):
        folder = write_encoder(
            tmp_path / name, num_hidden_layers=layers, max_position_embeddings=64
        )
        torch.manual_seed(layers)
        bert = create_text_model(spec_of(str(folder)), print, True, {}).bert
        save_file(bert.state_dict(), folder / "model.safetensors")
        made.append(str(folder))
    return made


def test_folders_are_stitched_with_their_weights(folders):
    network = snnet.stitch(folders[::-1], (LENGTH,), pretrained=True, kernel=1).eval()
    assert [anchor.depths for anchor in network.anchors] == [(2,), (4,)]
    torch.manual_seed(2)
    wanted = create_text_model(spec_of(folders[0]), print, True, {}).bert.eval()
    tokens = some_tokens(5)
    mask = (tokens != 0).long()
    with torch.no_grad():
        hidden = wanted(tokens, mask).last_hidden_state
        features = network.anchor(0).stem(tokens)
        for block in network.anchor(0).blocks:
            features = block(features)
    counts = mask.bool()
    torch.testing.assert_close(features.values[counts], hidden[counts], rtol=1e-4, atol=1e-5)
    network.initialise([tokens])
    assert network(tokens, len(network.space.routes) - 1).shape == (5, 2)


def test_models_in_hand_are_stitched_and_costed(folders):
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 11}
    models = [BertModel(BertConfig(num_hidden_layers=n, **sizes)) for n in (3, 2)]
    network = snnet.stitch(models, (LENGTH,))
    assert [anchor.depths for anchor in network.anchors] == [(2,), (3,)]
    named = snnet.stitch([folders[0], models[0]], (LENGTH,))
    assert named.anatomies[0].block_macs == network.anatomies[0].block_macs
    assert network.image_shape == (LENGTH,)
    assert snnet.stitch(models).image_shape == (64,)


def test_folders_need_no_weights_to_be_listed(folders):
    anchor = outline(folders[0])
    assert next(anchor.parameters()).is_meta
    for length, command in ((64, []), (12, ["--tokens", "12"])):
        asked = ["stitches", "--anchors", ",".join(folders[::-1]), "--format", "csv", *command]
        found = CliRunner().invoke(main, asked)
        assert found.exit_code == 0, found.output
        rows = list(csv.DictReader(io.StringIO(found.stdout)))
        network = snnet.stitch(folders, (length,))
        assert [int(row["macs"]) for row in rows] == [macs for macs, _ in network.costs()]
    table = CliRunner().invoke(main, ["stitches", "--anchors", ",".join(folders)]).stdout
    assert "tokens 64" in table
    assert "mini-l2" in table


def test_what_cannot_be_stitched_is_one_sentence(folders):
    for anchors, says in (
        (f"{folders[0]},resnet18", "anchor 1 takes Images(), the first one Tokens("),
        (f"{folders[0]},./nothing", "timm has no model './nothing'"),
        (f"{folders[0]},transformers:./nothing", "there is no folder ./nothing"),
    ):
        found = CliRunner().invoke(main, ["stitches", "--anchors", anchors])
        assert found.exit_code == 2
        assert says in found.output
    with pytest.raises(ValueError, match=r"texts \(tokens,\), not \(8, 8\)"):
        snnet.stitch(folders, (8, 8))
