"""Weights that come from elsewhere: timm's pretrained ones, or a local file."""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError

from safetensors import SafetensorError
from timm.models import load_state_dict
from torch import Tensor, nn

from snnet.config import AnchorSpec
from snnet.errors import CheckpointError, first_line


def load_file(model: nn.Module, spec: AnchorSpec) -> None:
    """Load the file `spec.weights` into a timm model; nothing in it is ever executed.

    Reads safetensors and PyTorch's zip format, also where the weights lie under `model` or
    `state_dict`.

    Raises:
        CheckpointError: the file is missing, damaged or of another model; says which.
    """
    path = Path(spec.weights).expanduser()
    if not path.is_file():
        raise CheckpointError(
            f"anchor {spec.name}: there is no file {path}; weights are 'recipe', 'pretrained', "
            "'random' or the path of a safetensors or pth file"
        )
    try:
        tensors = load_state_dict(str(path), use_ema=False, weights_only=True)
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, KeyError, OSError) as error:
        raise CheckpointError(
            f"anchor {spec.name}: {path} is no safetensors file and no pth file of plain weights "
            f"({first_line(error)})"
        ) from None
    classifier = _classifier(model)
    if classifier in tensors:
        there, here = len(tensors[classifier]), len(model.state_dict()[classifier])
        if there != here:
            raise CheckpointError(
                f"anchor {spec.name}: {path} tells {there} classes apart, this run {here}; set "
                f"num_classes to {there} in the anchor's options, or take other weights"
            )
    load_strictly(model, tensors, f"anchor {spec.name}: {path}")


def _classifier(model: nn.Module) -> str:
    """The name of the last layer's weights."""
    return [name for name in model.state_dict() if name.endswith("weight")][-1]


def explain_download(spec: AnchorSpec, error: Exception) -> str:
    """One sentence for a failed download of pretrained weights."""
    return (
        f"anchor {spec.name}: timm has no pretrained weights of {spec.architecture} at hand and "
        f"could not download them ({first_line(error)}); connect to the network, fill the cache of "
        "huggingface_hub beforehand, or give a file as the anchor's weights"
    )


def load_strictly(module: nn.Module, tensors: dict[str, Tensor], path: Path | str) -> None:
    """`load_state_dict`, with one sentence for what does not fit.

    Raises:
        CheckpointError: names or shapes differ.
    """
    wanted = module.state_dict()
    for name, tensor in wanted.items():
        if name in tensors and tensors[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path} does not fit: {name} is {tuple(tensors[name].shape)} there, "
                f"{tuple(tensor.shape)} here"
            )
    missing = [name for name in wanted if name not in tensors]
    extra = [name for name in tensors if name not in wanted]
    if missing or extra:
        raise CheckpointError(
            f"{path} does not fit: {_some(missing, 'missing')}{_some(extra, 'unknown')}".rstrip(
                "; "
            )
        )
    module.load_state_dict(tensors)


def _some(names: list[str], what: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{what} {names[0]}{more}; "
