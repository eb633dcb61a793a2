"""A BERT-like encoder with a classifier of whole texts."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from snnet.weight_files import Tensors

WORDS = "embeddings.word_embeddings.weight"  # a tensor that every BERT has
# what encoders are trained with, and what older files hold beside weights
SPARE = ("pooler.", "cls.", "embeddings.position_ids")


class SentenceClassifier(nn.Module):
    """Mean over the tokens that count (Reimers and Gurevych 2019, section 3), then one linear map.

    Attributes:
        bert: `BertModel` of transformers, without its pooler.
        padding: the number of the token that fills up short texts.
    """

    def __init__(self, bert: nn.Module, classes: int) -> None:
        super().__init__()
        config: Any = bert.config
        self.bert = bert
        self.padding: int = config.pad_token_id or 0
        self.num_classes = classes
        self.classifier = nn.Linear(config.hidden_size, classes)
        # what `snnet.weights` asks of timm's models
        vars(self)["pretrained_cfg"] = {"classifier": "classifier", "architecture": "bert"}

    def counting(self, tokens: Tensor) -> Tensor:
        """Which tokens (B, N) of texts count: all but the padding."""
        return tokens != self.padding

    def classify(self, values: Tensor, mask: Tensor) -> Tensor:
        """Features (B, N, C) that leave the last layer, and which count, to logits (B, classes)."""
        weights = mask.to(values.dtype).unsqueeze(-1)
        return self.classifier((values * weights).sum(1) / weights.sum(1).clamp(min=1))

    def forward(self, tokens: Tensor) -> Tensor:
        """Numbers of tokens (B, N) to logits (B, classes)."""
        mask = self.counting(tokens)
        found: Any = self.bert(input_ids=tokens, attention_mask=mask.long())
        return self.classify(found.last_hidden_state, mask)


def checkpoint_filter_fn(tensors: Tensors, model: nn.Module) -> Tensors:
    """Weights of an encoder under the names here, called as timm's functions of this name are.

    Whatever stands before the names of the encoder's own parts becomes `bert.`; what only its
    first training needed is left out.
    """
    (before, *_) = [name.removesuffix(WORDS) for name in tensors if name.endswith(WORDS)] or [""]
    inside = {
        name.removeprefix(before) if name.startswith(before) else name: tensor
        for name, tensor in tensors.items()
    }
    return {
        name if name.startswith("classifier.") else f"bert.{name}": tensor
        for name, tensor in inside.items()
        if not name.startswith(SPARE)
    }
