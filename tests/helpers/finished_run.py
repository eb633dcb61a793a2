"""A run directory as a finished run leaves it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor
from snnet.config import StitchingConfig
from snnet.network import StitchedNetwork, stitch
from snnet.run import CONFIG, MODEL, RESULT, STITCHES, table_file

OPTIONS = {"img_size": 8, "patch_size": 2, "in_chans": 1, "num_classes": 10, "depth": 3}
KEY = "0123456789abcdef"


def tiny_spec(width: int) -> AnchorSpec:
    options = {**OPTIONS, "embed_dim": width, "num_heads": 2}
    return AnchorSpec(f"vit-{width}", "vit_tiny_patch16_224", options)


def two_vits() -> StitchedNetwork:
    torch.manual_seed(0)
    return stitch([create_anchor(tiny_spec(width)) for width in (8, 12)], (1, 8, 8)).eval()


def finished_run(home: Path, network: StitchedNetwork) -> Path:
    directory = home / "runs" / KEY
    files = directory / RESULT
    files.mkdir(parents=True)
    config = asdict(StitchingConfig(anchors=(tiny_spec(8), tiny_spec(12))))
    record = {"experiment": "stitching", "schema": 1, "config": config}
    (directory / CONFIG).write_text(json.dumps(record))
    metadata = {"image_shape": json.dumps([1, 8, 8])}
    save_file(network.state_dict(), files / MODEL, metadata)
    costs = np.array(network.costs())
    table = pd.DataFrame(
        {
            "route": [route.name for route in network.space.routes],
            "macs": costs[:, 0],
            "params": costs[:, 1],
            "top1": np.round(0.5 + 0.4 * costs[:, 0] / costs[:, 0].max(), 2),
        }
    )
    table.index.name = "stitch"
    table.to_parquet(files / table_file(STITCHES))
    return directory
