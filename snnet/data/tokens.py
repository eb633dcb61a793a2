"""Texts as numbers of tokens, as the anchors' own tokenizer cuts them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from snnet.anchor_spec import AnchorSpec
from snnet.errors import first_line
from snnet.text_models import TOKENIZER, folder_of


def tokenizer_file(anchors: Sequence[AnchorSpec]) -> Path:
    """The tokenizer that lies beside the first anchor which has one.

    Raises:
        ValueError: none has one, or an anchor is nowhere.
    """
    folders = [folder_of(spec) for spec in anchors]
    for folder in folders:
        if (folder / TOKENIZER).is_file():
            return folder / TOKENIZER
    raise ValueError(
        f"no anchor has a {TOKENIZER}: it was looked for in {', '.join(map(str, folders))}"
    )


def encode(texts: Sequence[str], file: Path, length: int) -> Tensor:
    """Texts as tokens (len(texts), length), long ones cut off and short ones filled up.

    Raises:
        ValueError: the file is no tokenizer, or the package tokenizers is not installed.
    """
    if find_spec("tokenizers") is None:
        raise ValueError(
            "texts are cut by tokenizers, which is not installed: pip install "
            "'snnet-ablations[text]'"
        )
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # of Rust
        raise ValueError(f"{file} is no tokenizer ({first_line(error)})") from None
    padding = tokenizer.token_to_id("[PAD]") or 0
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(pad_id=padding, length=length)
    found = tokenizer.encode_batch(list(texts))
    return torch.tensor([each.ids for each in found], dtype=torch.long)
