"""timm's models as settings describe them, wherever their weights come from."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from snnet.anchor_spec import AnchorSpec
from snnet.errors import CheckpointError, first_line
from snnet.text_models import create_text_model, is_text_model
from snnet.weight_places import local_weights, named_weights, nearest, who
from snnet.weights import Say, explain_download, has_new_head, load_file

HUB, LOCAL = "hf-hub", "local-dir"  # timm's prefixes of architectures that lie elsewhere
SECONDS = 5.0  # that the hub has to answer; its own client tries for 47
HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def silent(text: str) -> None:
    """Tell nobody."""


def create_model(
    spec: AnchorSpec, say: Say = silent, new_head: bool = True, **options: object
) -> nn.Module:
    """The model that `spec` describes, with its weights where they come from elsewhere.

    timm builds it, or transformers (see `snnet.text_models`).

    Its `pretrained_cfg` holds the input size of the model as it was built. On the meta device
    there are no weights, but where they come from is checked.

    Arguments:
        say: hears what was adapted in weights.
        new_head: see `load_file`.
        options: for timm, over those of `spec`.

    Raises:
        ValueError: timm does not know the architecture or the options, or its weights are not
            to be had (`snnet.errors.CheckpointError`).
    """
    chosen = {**spec.options, **options}
    if is_text_model(spec):
        return create_text_model(spec, say, new_head, chosen)
    before, colon, after = spec.architecture.partition(":")
    source, place = (before, after) if colon else ("", before)
    _check_architecture(spec, source, place)
    file = _weight_file(spec, source, place)
    fetched = spec.weights == "pretrained" and file is None
    if fetched:
        _check_reachable(spec, source, place, chosen)
    model = _build(spec, chosen, fetched and torch.get_default_device().type != "meta")
    if model.num_classes == 0:
        raise ValueError(f"{who(spec)} has num_classes 0 and so no classifier; set it to 1 or more")
    if fetched and has_new_head(model):
        _tell_new_head(spec, model, say, new_head)
    if file is not None:
        load_file(model, spec, file, say, new_head)
    record_input(model, chosen)
    return model


def model_name(model: nn.Module) -> str:
    """The architecture of a timm model, or the class of another."""
    origin = getattr(model, "pretrained_cfg", None)
    name = origin.get("architecture") if isinstance(origin, Mapping) else None
    return str(name or type(model).__name__)


def check_name(architecture: str) -> None:
    """Refuse an architecture that timm does not know.

    Raises:
        ValueError: says which is nearest.
    """
    name, _, tag = architecture.partition(".")
    if not timm.is_model(name):
        hint = nearest(name, timm.list_models(), "timm.list_models() tells what there is")
        raise ValueError(f"timm has no model {architecture!r}: {hint}")
    try:
        timm.models.get_pretrained_cfg(architecture)
    except RuntimeError:
        tags = [each.partition(".")[2] for each in timm.list_pretrained(f"{name}.*")]
        hint = nearest(tag, tags, f"choose from: {', '.join(tags)}")
        raise ValueError(f"timm has no weights {tag!r} of {name}: {hint}") from None


def _check_architecture(spec: AnchorSpec, source: str, place: str) -> None:
    if source == LOCAL:
        _check_local(spec, Path(os.path.expanduser(place)))
    elif source in (HUB, "hf_hub"):
        _check_hub(spec, place, ("config.json",))
    elif source or "/" in place:
        raise ValueError(
            f"anchor {spec.name}: architecture {spec.architecture!r} is neither the name of a timm "
            f"model nor {HUB}:ORGANISATION/NAME nor {LOCAL}:FOLDER"
        )
    else:
        try:
            check_name(spec.architecture)
        except ValueError as error:
            raise ValueError(f"anchor {spec.name}: {error}") from None


def _check_local(spec: AnchorSpec, folder: Path) -> None:
    file = folder / "config.json"
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or f"it is no JSON: {first_line(error)}"
        raise ValueError(f"{who(spec)}: {file} cannot be read ({reason})") from None
    if not isinstance(content, dict) or "architecture" not in content:
        raise ValueError(
            f"{who(spec)}: {file} names no architecture of timm's; write the folder with "
            "timm.models.save_for_hf"
        )
    if not timm.is_model(str(content["architecture"])):
        raise ValueError(f"{who(spec)}: {file} names {content['architecture']!r}, which timm lacks")


def _check_hub(spec: AnchorSpec, repository: str, files: tuple[str, ...]) -> None:
    """Refuse what is neither in the cache of the hub's client nor on a hub that answers."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    name, _, revision = repository.partition("@")
    try:
        for file in files:
            if isinstance(try_to_load_from_cache(name, file, revision=revision or None), str):
                return
        HfApi().model_info(name, revision=revision or None, timeout=SECONDS)
    except Exception as error:  # of the network, the hub, or a name that can be none
        if files == ("config.json",):
            raise CheckpointError(
                f"anchor {spec.name}: the model {name} is neither in the cache of huggingface_hub "
                f"nor to be had from its hub ({first_line(error)}); connect to the network, or "
                f"give a copy as architecture {LOCAL}:FOLDER"
            ) from None
        raise CheckpointError(explain_download(spec, error)) from None


def _check_reachable(
    spec: AnchorSpec, source: str, place: str, options: Mapping[str, object]
) -> None:
    """Refuse pretrained weights that cannot be had."""
    if source:
        _check_hub(spec, place, HUB_FILES)
    elif not {"pretrained_cfg", "pretrained_cfg_overlay"} & options.keys():
        known = timm.models.get_pretrained_cfg(spec.architecture)
        if known is None or not known.has_weights:
            raise CheckpointError(
                f"anchor {spec.name}: timm has no pretrained weights of {spec.architecture}; give "
                "a file as the anchor's weights, or take another architecture"
            )
        if known.hf_hub_id:
            _check_hub(spec, known.hf_hub_id, (known.hf_hub_filename or HUB_FILES[0], *HUB_FILES))


def _weight_file(spec: AnchorSpec, source: str, place: str) -> Path | None:
    """The file that the weights are in, where that is known."""
    if spec.weights == "pretrained" and source == LOCAL:
        return local_weights(spec, Path(os.path.expanduser(place)))
    return named_weights(spec)


def _build(spec: AnchorSpec, options: dict[str, Any], pretrained: bool) -> nn.Module:
    if pretrained:  # mistakes in the options are told apart from those of the download
        with torch.device("meta"):
            _build(spec, options, False)
    try:
        model: nn.Module = timm.create_model(spec.architecture, pretrained=pretrained, **options)
    except Exception as error:
        if "memory" in str(error):
            raise
        if pretrained:
            raise CheckpointError(_explain_pretrained(spec, error)) from error
        raise ValueError(f"{who(spec)}: {_explain_options(spec, options, error)}") from error
    return model


def _explain_pretrained(spec: AnchorSpec, error: Exception) -> str:
    if "state_dict" in str(error):
        return f"{who(spec)}: timm's weights do not fit the options: {' '.join(str(error).split())}"
    return explain_download(spec, error)


def _explain_options(spec: AnchorSpec, options: Mapping[str, object], error: Exception) -> str:
    """What is wrong with the options, as far as timm's error tells."""
    unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
    if unknown is None:
        given = ", ".join(f"{name}={value!r}" for name, value in options.items())
        return f"timm cannot build it with options {given or 'of its own'}: {first_line(error)}"
    try:
        with torch.device("meta"):
            plain = timm.create_model(spec.architecture)
    except Exception:  # of a model that somebody registered, and that needs options
        return f"it takes no option {unknown[1]!r}"
    if unknown[1] == "img_size":
        return (
            "it takes no option 'img_size', as it works on images of any size; say of which with "
            "the option pretrained_cfg_overlay={'input_size': [3, 64, 64]}"
        )
    known = [name for name in inspect.signature(type(plain).__init__).parameters if name != "self"]
    return f"it takes no option {unknown[1]!r}: " + nearest(
        unknown[1], known, f"choose from: {', '.join(known)}"
    )


def _tell_new_head(spec: AnchorSpec, model: nn.Module, say: Say, new_head: bool) -> None:
    there = getattr(model, "pretrained_cfg", {})["num_classes"]
    here = getattr(model, "num_classes", 0)
    told = f"timm's weights tell {there} classes apart, this run {here}"
    if not new_head:
        raise CheckpointError(
            f"{who(spec)}: {told}, and a new classifier would never learn here; take weights "
            "with one, or train it first"
        )
    say(f"{who(spec)}: {told}, so its classifier begins with random weights")


def record_input(model: nn.Module, options: Mapping[str, Any]) -> None:
    """Let `pretrained_cfg` tell the images that the model takes, not those of its weights.

    Arguments:
        options: with which timm made it, as far as they are known.
    """
    origin: dict[str, Any] = dict(getattr(model, "pretrained_cfg", {}))
    channels, *size = origin.get("input_size") or (3, 224, 224)
    first = origin.get("first_conv")
    convolution = dict(model.named_modules()).get(first) if isinstance(first, str) else None
    channels = options.get("in_chans", getattr(convolution, "in_channels", channels))
    built = getattr(getattr(model, "patch_embed", None), "img_size", None) or options.get(
        "img_size"
    )
    if built is not None:
        size = [built, built] if isinstance(built, int) else list(built)
    # a plain attribute of timm's, of which torch's types do not know
    vars(model)["pretrained_cfg"] = {**origin, "input_size": (channels, *size)}
