"""Weights in ONNX files of encoders, under the names that PyTorch had for them.

An exporter renames the matrices of linear layers and turns them round, but keeps the names of their
biases: so a matrix is called after the bias that is added to its product.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from snnet.errors import CheckpointError, first_line


def read_onnx(path: Path) -> dict[str, Tensor]:
    """All weights of an ONNX file by name.

    Raises:
        CheckpointError: it cannot be read, or the package onnx is missing.
    """
    if find_spec("onnx") is None:
        raise CheckpointError(f"reading {path} needs the package onnx: pip install onnx")
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(str(path)).graph
    except Exception as error:  # protobuf's own, of several kinds
        raise CheckpointError(f"{path} is no ONNX file ({first_line(error)})") from None
    weights = {
        each.name: torch.from_numpy(numpy_helper.to_array(each).copy())
        for each in graph.initializer
    }
    factors = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    for node in graph.node:
        if node.op_type != "Add":
            continue
        for product, bias in (node.input, tuple(reversed(node.input))):
            matrix = factors.get(product)
            if matrix in weights and bias in weights and bias.endswith(".bias"):
                name = f"{bias.removesuffix('.bias')}.weight"
                weights[name] = weights.pop(matrix).T.contiguous()
    return weights
