"""Small encoders of texts, their tokenizer, and texts to read."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from snnet.anchor_spec import AnchorSpec
from snnet.anchors import create_anchor
from snnet.network import stitch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "the", "not", "a", "very"]
LENGTH = 9
SIZES = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 24}


def write_encoder(folder: Path, **options) -> Path:
    """A folder with the configuration and the tokenizer of a tiny BERT."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder.mkdir(parents=True, exist_ok=True)
    config = {"model_type": "bert", "vocab_size": len(WORDS), "max_position_embeddings": 16}
    (folder / "config.json").write_text(json.dumps({**config, **SIZES, **options}))
    numbers = {word: number for number, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def specs(folder: Path):
    """Settings of two anchors of different depth and width."""
    return [
        AnchorSpec(f"bert-{layers}", f"transformers:{folder}", options, weights="random")
        for layers, options in (
            (2, {"num_hidden_layers": 2}),
            (4, {"num_hidden_layers": 4, "hidden_size": 24, "initializer_range": 0.2}),
        )
    ]


def network_of(folder: Path, **options):
    torch.manual_seed(0)
    return stitch([create_anchor(spec) for spec in specs(folder)], (LENGTH,), **options)


def some_tokens(count: int, seed: int = 0) -> torch.Tensor:
    """Texts of all lengths, filled up with padding."""
    draws = torch.Generator().manual_seed(seed)
    tokens = torch.randint(2, len(WORDS), (count, LENGTH), generator=draws)
    lengths = torch.randint(2, LENGTH + 1, (count, 1), generator=draws)
    return torch.where(torch.arange(LENGTH) < lengths, tokens, 0)


def write_tables(folder: Path, train: int = 64, test: int = 24) -> Path:
    """Texts whose sentiment is that of one word in them."""
    folder.mkdir(parents=True)
    draws = torch.Generator().manual_seed(0)
    for name, count in (("train", train), ("test", test)):
        rows = []
        for number in range(count):
            label = number % 2
            around = torch.randint(6, len(WORDS), (int(torch.randint(1, 6, (), generator=draws)),))
            words = [*(WORDS[n] for n in around), ("bad", "good")[label]]
            rows.append(f"{' '.join(words)}\t{label}")
        (folder / f"{name}.tsv").write_text("\n".join(["sentence\tlabel", *rows]) + "\n")
    return folder
