"""One sweep scores every stitch as if alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.anchors import SHAPE, tiny_anchor
from snnet.evaluation import evaluate, sweep
from snnet.network import stitch
from snnet.shared_forward import ALONE, Merge, bytes_per_image


@pytest.mark.parametrize("direction", ["fast_to_slow", "slow_to_fast"])
@pytest.mark.parametrize("merge", [ALONE, Merge(positions=100), Merge(size=1 << 30)])
def test_sweep_equals_one_by_one(images, direction, merge):
    anchors = [tiny_anchor(w, w) for w in (8, 12, 16)]
    network = stitch(anchors, SHAPE, pairs="all", direction=direction).eval()
    together = sweep(network, images, merge=merge)
    # room for a few images only: the batch is cut
    bounded = sweep(network, images, 3 * bytes_per_image(network, range(len(together))), merge)
    with torch.no_grad():
        for stitch_id, logits in enumerate(together):
            alone = network(images, stitch_id)
            torch.testing.assert_close(logits, alone, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(bounded[stitch_id], alone, rtol=1e-4, atol=1e-5)


def test_evaluate_counts_what_is_right(network, images):
    labels = torch.arange(20) % 10
    batches = zip(images.split(7), labels.split(7), strict=True)
    scores = evaluate(network, batches)
    with torch.no_grad():
        for stitch_id, score in enumerate(scores):
            logits = network(images, stitch_id)
            right = (logits.argmax(1) == labels).numpy()
            packed = np.frombuffer(score["correct"], dtype=np.uint8)
            assert np.unpackbits(packed)[:20].astype(bool).tolist() == right.tolist()
            assert score["top1"] == pytest.approx(right.mean())
            assert score["top5"] >= score["top1"]
            loss = torch.nn.functional.cross_entropy(logits, labels).item()
            assert score["loss"] == pytest.approx(loss, rel=1e-5)
