"""Encoders of texts as settings describe them, built by transformers.

An architecture is `transformers:PLACE`: a local folder with config.json, `package:NAME` (an
installed package that holds such a folder), or a name on the hub.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from snnet.anchor_spec import AnchorSpec
from snnet.depths import ENCODER
from snnet.errors import CheckpointError, first_line
from snnet.packaged import PREFIX, packaged_folder
from snnet.sentence_classifier import SentenceClassifier
from snnet.weight_places import local_weights, named_weights, nearest, who
from snnet.weights import load_file

CLASSES = 2  # unless `num_classes` of the options says otherwise
WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"


def is_text_model(spec: AnchorSpec) -> bool:
    """Whether transformers builds the network."""
    return spec.architecture.startswith(ENCODER)


def folder_of(spec: AnchorSpec) -> Path:
    """The folder with an encoder's files; those of the hub are fetched into its client's cache.

    Raises:
        ValueError: it is nowhere; says what to do.
    """
    place = spec.architecture.removeprefix(ENCODER)
    if place.startswith(PREFIX):
        try:
            return packaged_folder(place.removeprefix(PREFIX))
        except CheckpointError as error:
            raise ValueError(f"anchor {spec.name}: {error}") from None
    folder = Path(os.path.expanduser(place))
    if folder.is_dir():
        if not (folder / CONFIG).is_file():
            raise ValueError(f"{who(spec)}: {folder} holds no {CONFIG}")
        return folder
    return _fetched(spec, place)


def _fetched(spec: AnchorSpec, name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        files = [CONFIG, TOKENIZER, WEIGHTS]
        return Path(snapshot_download(name, allow_patterns=files, etag_timeout=5))
    except Exception as error:  # of the network, the hub, or a name that can be none
        raise ValueError(
            f"{who(spec)}: there is no folder {name}, and no such model in the cache of "
            f"huggingface_hub or on its hub ({first_line(error)}); give a folder with {CONFIG}, "
            f"{TOKENIZER} and {WEIGHTS}"
        ) from None


def create_text_model(
    spec: AnchorSpec, say: Callable[[str], None], new_head: bool, options: dict[str, Any]
) -> nn.Module:
    """The encoder that `spec` describes with a classifier, see `snnet.models.create_model`.

    Arguments:
        options: `num_classes`, and fields of transformers' configuration.

    Raises:
        ValueError: there is no such encoder, or its weights are not to be had.
    """
    if find_spec("transformers") is None:
        raise ValueError(
            f"{who(spec)} is built by transformers, which is not installed: "
            "pip install 'snnet-ablations[text]'"
        )
    folder = folder_of(spec)
    model = _build(spec, folder / CONFIG, dict(options))
    file = local_weights(spec, folder) if spec.weights == "pretrained" else named_weights(spec)
    if file is not None:
        load_file(model, spec, file, say, new_head)
    return model


def bare_encoder(bert: Any, classes: int = CLASSES) -> SentenceClassifier:
    """A BertModel of transformers as one that classifies; its pooler is taken off."""
    bert.set_attn_implementation("eager")  # of others torch counts no operation
    bert.pooler = None
    return SentenceClassifier(bert, classes)


def _build(spec: AnchorSpec, file: Path, options: dict[str, Any]) -> SentenceClassifier:
    from transformers import BertConfig, BertModel

    classes = options.pop("num_classes", CLASSES)
    if options.pop("drop_path_rate", 0.0):
        raise ValueError(f"{who(spec)} has no drop path; set drop_path to 0")
    try:
        content = json.loads(file.read_text())
        kind = content["model_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{who(spec)}: {file} cannot be read ({first_line(error)})") from None
    if kind != "bert":
        raise ValueError(f"{who(spec)}: {file} is of a {kind}, and only a bert can be stitched")
    known = BertConfig().to_dict()
    for name in options:
        if name not in known:
            raise ValueError(f"{who(spec)} takes no option {name!r}: {nearest(name, known, '')}")
    # of fused attention on CPUs torch counts no operation
    fields: dict[str, Any] = {**content, **options, "attn_implementation": "eager"}
    try:
        config = BertConfig(**fields)
        return SentenceClassifier(BertModel(config, add_pooling_layer=False), classes)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(
            f"{who(spec)}: transformers cannot build it with {options}: {first_line(error)}"
        ) from error
