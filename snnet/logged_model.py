"""A trained network as a model of MLflow, for `mlflow.pyfunc.load_model`: nothing is pickled."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from snnet.loading import load
from snnet.run import CONFIG, MODEL, RESULT, STITCHES, files_of, table_file
from snnet.trained import TrainedNetwork

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

BEST = -1  # in place of a stitch: the one with the best score


def model_files(run: Path) -> list[Path]:
    """What of a run's directory the network is loaded from."""
    files = files_of(run)
    return [run / CONFIG, files / MODEL, files / table_file(STITCHES)]


def save_model(run: Path, target: Path, requirements: list[str], study: Path | None = None) -> None:
    """Write the network of a finished run as a model of MLflow into the new folder `target`.

    It predicts outputs (B, classes, ...) of images (B, C, H, W) or texts' tokens (B, N); the
    parameter `stitch` chooses the sub-network.

    Arguments:
        requirements: what pip needs to install where the model is loaded.
        study: see `snnet.loading.load`.

    Raises:
        ValueError: the run has no network that can be loaded.
    """
    from mlflow import pyfunc

    signature = _signature(load(run, study=study))
    config, *results = model_files(run)
    copy = target.parent / "run"
    (copy / RESULT).mkdir(parents=True)
    shutil.copy(config, copy)
    for file in results:
        shutil.copy(file, copy / RESULT)
    pyfunc.save_model(
        target,
        loader_module=__name__,
        data_path=str(copy),
        signature=signature,
        pip_requirements=requirements,
    )


def _signature(network: TrainedNetwork) -> ModelSignature:
    """What goes in and comes out, found with one example."""
    from mlflow.models import ModelSignature
    from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec

    stitched = network.network
    example = stitched.inputs.example(stitched.image_shape, 1, next(stitched.parameters()))
    inputs, outputs = example.numpy(), network(example).numpy()
    taken, given = (
        Schema([TensorSpec(array.dtype, (-1, *array.shape[1:]))]) for array in (inputs, outputs)
    )
    return ModelSignature(taken, given, ParamSchema([ParamSpec("stitch", "long", BEST)]))


class _Predictor:
    """What MLflow calls."""

    def __init__(self, network: TrainedNetwork) -> None:
        self._network, self._best = network, network.stitch

    def predict(self, inputs: np.ndarray | pd.DataFrame, params: dict[str, Any] | None) -> Any:
        """Outputs of the chosen sub-network, see `save_model`."""
        stitch = int((params or {}).get("stitch", BEST))
        self._network.select(self._best if stitch == BEST else stitch)
        return self._network(torch.from_numpy(np.asarray(inputs))).numpy()


def _load_pyfunc(path: str) -> _Predictor:
    """Load what `save_model` wrote: MLflow asks for it by this name."""
    return _Predictor(load(path))
