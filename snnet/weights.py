"""Weights that come from elsewhere, made to fit the network: adapted as timm does, and told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn

from snnet.anchor_spec import AnchorSpec
from snnet.errors import CheckpointError, first_line
from snnet.weight_files import RESAVE, Found, Tensors, find_weights, read_file
from snnet.weight_names import rename

Say = Callable[[str], None]


def load_file(
    model: nn.Module, spec: AnchorSpec, path: Path, say: Say, new_head: bool = True
) -> None:
    """Load a file of weights into a timm model; nothing in it is ever executed.

    Reads safetensors and PyTorch's files, wherever in them the weights lie. Names and tables of
    positions, the first convolution and the classifier are adapted as timm does it. A model on
    the meta device is only checked, by little more than the file's header.

    Arguments:
        say: hears in one sentence what was adapted, if anything was.
        new_head: whether the classifier may begin with random weights, where the file has none
            or one of other classes.

    Raises:
        CheckpointError: the file is missing, damaged or of another model; says which.
    """
    who = f"anchor {spec.name}: "
    try:
        found = find_weights(read_file(path), model.state_dict().keys(), path)
    except CheckpointError as error:
        raise CheckpointError(f"{who}{error}") from None
    told = _how_found(found)
    tensors = _translate(model, found.tensors, told)
    _check_values(tensors, model, f"{who}{path}")
    _adapt_channels(model, tensors, told)
    head = _begin_head(model, tensors, told)
    if head and not new_head:
        raise CheckpointError(
            f"{who}{path} has no classifier of this run's {_classes(model)} classes, and a new "
            "one would never learn here; take weights with one, or train it first"
        )
    _check_fit(model, tensors, f"{who}{path}")
    if not next(iter(model.state_dict().values())).is_meta:
        model.load_state_dict(tensors)
    if told:
        say(f"{who}{path} was adapted: {'; '.join(told)}")


def _check_values(tensors: Tensors, model: nn.Module, path: str) -> None:
    """Refuse what would be loaded as other numbers than it holds, or as none.

    Whether they are finite is asked when they are loaded: all of the file is read for that.

    Raises:
        CheckpointError: names the first such tensor.
    """
    wanted = model.state_dict()
    loading = not any(one.is_meta for one in wanted.values())
    for name in [one for one in wanted if one in tensors]:
        tensor, floats = tensors[name], wanted[name].is_floating_point()
        if tensor.layout != torch.strided:
            reason = f"is sparse ({tensor.layout})"
        elif tensor.is_complex():
            reason = f"holds complex numbers ({tensor.dtype})"
        elif floats and not tensor.is_floating_point():
            reason = f"holds {tensor.dtype}, and the network's weights are fractions"
        elif loading and tensor.is_floating_point() and not tensor.float().isfinite().all():
            reason = "holds NaN or infinity"
        else:
            continue
        raise CheckpointError(f"{path} cannot be used: {name} {reason}; {RESAVE}")


def _how_found(found: Found) -> list[str]:
    told = [found.place] if found.place else []
    if found.left_out:
        told.append(f"left out {_some(found.left_out)}, which are beside it")
    return told


def _translate(model: nn.Module, tensors: Tensors, told: list[str]) -> Tensors:
    """The tensors under timm's names, with its sizes of position tables and patches."""
    given, tensors = tensors, rename(model, tensors)
    told += _renamed([name for name in tensors if name not in given])
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return dict(tensors)
    try:
        converted: Tensors = convert(dict(tensors), model)
    except Exception:  # timm met what it does not expect: the check of names then says what
        return dict(tensors)
    resized = [
        f"{name} from {_size(tensors[name])} to {_size(tensor)}"
        for name, tensor in converted.items()
        if name in tensors and tensor.shape != tensors[name].shape
    ]
    renamed = [name for name in converted if name not in tensors]
    if resized:
        told.append(f"resized {_some(resized)}")
    told += _renamed(renamed)
    kept = {id(tensor) for tensor in converted.values()}
    unused = [n for n, tensor in tensors.items() if n not in converted and id(tensor) not in kept]
    if unused:
        told.append(f"left out what the network does without: {_some(unused)}")
    return converted


def _renamed(names: Sequence[str]) -> list[str]:
    return [f"renamed to the network's names {_some(names)}"] if names else []


def _adapt_channels(model: nn.Module, tensors: Tensors, told: list[str]) -> None:
    """Sum or repeat the first convolution's input channels where they are others."""
    wanted = model.state_dict()
    for module in _named(model, "first_conv"):
        name = f"{module}.weight"
        if name not in wanted or name not in tensors:
            continue
        there, here = tensors[name].shape, wanted[name].shape
        if len(there) == len(here) == 4 and there[1] != here[1] and there[2:] == here[2:]:
            tensors[name] = adapt_input_conv(here[1], tensors[name], there[1])
            told.append(f"{name} from {there[1]} to {here[1]} channels")


def _begin_head(model: nn.Module, tensors: Tensors, told: list[str]) -> list[str]:
    """Give the classifier its random weights where there are none that fit; returns their names."""
    wanted, new = model.state_dict(), list[str]()
    for module in _named(model, "classifier"):
        weight, top = f"{module}.weight", module.partition(".")[0] + "."
        if not any(name.startswith(top) for name in tensors):
            fresh = [name for name in wanted if name.startswith(top)]
            if fresh:
                told.append(f"it has no {top[:-1]}, which begins with random weights")
        elif weight in tensors and weight in wanted and len(tensors[weight]) != len(wanted[weight]):
            fresh = [name for name in (weight, f"{module}.bias") if name in wanted]
            told.append(
                f"it tells {len(tensors[weight])} classes apart, this run {len(wanted[weight])}, "
                f"so {module} begins with random weights"
            )
        else:
            continue
        new += fresh
    tensors |= {name: wanted[name] for name in new}
    return new


def _named(model: nn.Module, what: str) -> Sequence[str]:
    """The names of modules that timm knows of a model: its `first_conv` or `classifier`."""
    names: Any = getattr(model, "pretrained_cfg", {}).get(what) or ()
    return (names,) if isinstance(names, str) else tuple(names)


def _classes(model: nn.Module) -> int:
    classes: int = getattr(model, "num_classes", 0)
    return classes


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape))


def has_new_head(model: nn.Module) -> bool:
    """Whether timm would give a model that it built another classifier than its weights have."""
    theirs = getattr(model, "pretrained_cfg", {}).get("num_classes")
    return bool(_named(model, "classifier")) and theirs not in (None, _classes(model))


def load_strictly(module: nn.Module, tensors: Tensors, path: Path | str) -> None:
    """`load_state_dict`, with one sentence for what does not fit.

    Raises:
        CheckpointError: names or shapes differ.
    """
    _check_fit(module, tensors, path)
    module.load_state_dict(tensors)


def _check_fit(module: nn.Module, tensors: Tensors, path: Path | str) -> None:
    wanted = module.state_dict()
    for name, tensor in wanted.items():
        if name in tensors and tensors[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path} does not fit: {name} is {tuple(tensors[name].shape)} there, "
                f"{tuple(tensor.shape)} here"
            )
    # torch itself starts counters of batches, which old files lack
    counters = "num_batches_tracked"
    missing = [name for name in wanted if name not in tensors and not name.endswith(counters)]
    extra = [name for name in tensors if name not in wanted]
    lacks = [f"missing {_some(missing)}"] if missing else []
    lacks += [f"unknown {_some(extra)}"] if extra else []
    if lacks:
        raise CheckpointError(f"{path} does not fit: {'; '.join(lacks)}")


def _some(names: Sequence[str]) -> str:
    """The first names of some, and how many more there are."""
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return ", ".join(names[:2]) + more


def explain_download(spec: AnchorSpec, error: Exception) -> str:
    """One sentence for a failed download of pretrained weights."""
    return (
        f"anchor {spec.name}: timm has no pretrained weights of {spec.architecture} at hand and "
        f"could not download them ({first_line(error)}); connect to the network, fill the cache of "
        "huggingface_hub beforehand, or give a file as the anchor's weights"
    )
