"""One sub-network on its own: as a plain module, and as an ONNX file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from snnet.anchors import Anchor
from snnet.features import Features
from snnet.files import writing
from snnet.inputs import IMAGES, MISFITS, Inputs
from snnet.layers import StitchingLayer
from snnet.network import StitchedNetwork

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TOLERANCE = 1e-4  # of the largest logit


class Subnetwork(nn.Module):
    """One sub-network, copied out of a stitched network: stem, body and head.

    Holds nothing that the route does not use, and shares nothing with the network.

    Attributes:
        stem: the first anchor without its blocks and head.
        body: blocks and stitching layers in order.
        head: the last anchor without its stem and blocks.
    """

    def __init__(self, network: StitchedNetwork, stitch: int) -> None:
        """Copy sub-network `stitch` (index into the space's routes), in eval mode.

        Raises:
            TypeError, ValueError: there is no such stitch.
        """
        super().__init__()
        network.check_stitch(stitch)
        route = network.space.routes[stitch]
        first, last = network.anchor(route.anchors[0]), network.anchor(route.anchors[-1])
        parameter = next(network.parameters())
        example = network.inputs.example(network.image_shape, 1, parameter)
        values = parameter.new_zeros(1, *network.anatomies[route.anchors[-1]].shapes[-1])
        features = last.as_features(values)
        _, *between, _ = network.functions[stitch]
        self.inputs, self.image_shape = network.inputs, network.image_shape
        self.stem = _part(first, first.stem, example)
        modules = cast(list[nn.Module], list(between))
        merged = {one: one.merged() if isinstance(one, StitchingLayer) else one for one in modules}
        # in one go, so that what is met twice is copied once
        self.body = nn.Sequential(*deepcopy([merged[one] for one in modules]))
        self.head = _part(last, last.head, features)
        self.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        """Images (B, C, H, W), or tokens (B, N), to logits (B, classes).

        Raises:
            TypeError, ValueError: what is given are no inputs that the network takes.
        """
        try:
            return self.head.head(self.body(self.stem.stem(inputs)))
        except MISFITS as error:
            self.inputs.check(inputs, self.image_shape, error, next(self.parameters()).dtype)
            raise


def _part(anchor: Anchor, function: Callable[[Any], Any], example: Features) -> Anchor:
    """A copy of `anchor` that holds what `function`, its stem or its head, uses, and no more."""
    training = anchor.training
    anchor.eval()
    with torch.no_grad(), _Touched() as touched:
        function(example)
    anchor.train(training)
    dropped: dict[int, Any] = {}
    for module in anchor.modules():
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        if not any(id(tensor) in touched.seen for tensor in own):
            dropped |= {id(tensor): None for tensor in own}
    for block in anchor.blocks:
        dropped |= {id(module): None for module in block.modules()}
    return deepcopy(anchor, dropped)  # puts None where it meets what was dropped


class _Touched(TorchFunctionMode):
    """Notes every tensor that an operation takes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        inputs = tree_leaves((args, kwargs))
        self.seen |= {id(leaf) for leaf in inputs if isinstance(leaf, Tensor)}
        return func(*args, **(kwargs or {}))


def export_onnx(module: nn.Module, path: str | Path, image_shape: Sequence[int]) -> float:
    """Write a module that takes images (B, C, H, W), or tokens (B, N), as an ONNX file.

    Batches may have any size. The file's input is called `images` or `tokens`, its output
    `logits`. It is run with onnxruntime before it
    gets its name, with a batch size other than the export's.

    Arguments:
        image_shape: (channels, height, width), or (tokens,).

    Returns:
        The largest difference from PyTorch's output, relative to the largest output.

    Raises:
        ValueError: packages are missing, the module cannot be exported, or outputs differ.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ValueError(f"export needs {', '.join(missing)}: pip install 'snnet-ablations[onnx]'")
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"there is no directory {path.parent} to write {path.name} to")
    module = deepcopy(module).cpu().eval()
    with writing(path) as temporary:
        _write(module, temporary, image_shape)
        difference = _compare(module, temporary, image_shape)
        if not difference <= TOLERANCE:
            raise ValueError(
                f"the exported network differs from PyTorch's by {difference:.1e} of the largest "
                f"output (allowed: {TOLERANCE:.0e}); {path} was not written"
            )
    return difference


def _write(module: nn.Module, path: Path, image_shape: Sequence[int]) -> None:
    inputs = _inputs_of(module)
    draws = torch.Generator().manual_seed(1)
    # a batch of one would be taken for a constant
    example = inputs.example(tuple(image_shape), 2, next(module.parameters()), draws)
    free = {number: torch.export.Dim(name) for number, name in inputs.free.items()}
    try:
        with _quiet():
            torch.onnx.export(
                module,
                (example,),
                str(path),
                dynamo=True,
                input_names=[inputs.name],
                output_names=["logits"],
                dynamic_shapes=(free,),
                external_data=False,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ValueError(f"PyTorch cannot export this network to ONNX: {reason}") from error


def _inputs_of(module: nn.Module) -> Inputs:
    """What a module takes; images, where it does not say."""
    return cast(Inputs, getattr(module, "inputs", IMAGES))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's remarks on operators that nobody asked for."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _compare(module: nn.Module, path: Path, image_shape: Sequence[int]) -> float:
    """The largest difference between onnxruntime's output and the module's."""
    import onnxruntime

    inputs, draws = _inputs_of(module), torch.Generator().manual_seed(0)
    example = inputs.example(tuple(image_shape), 3, next(module.parameters()), draws)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {inputs.name: example.numpy()})
    with torch.no_grad():
        wanted = module(example)
    largest = float(wanted.abs().max()) or 1.0  # a classifier that begins with zeros gives zeros
    return float((torch.from_numpy(found) - wanted).abs().max()) / largest
