"""BERT and encoders built like it, as transformers has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from snnet.anchors.base import Anchor, adapt
from snnet.features import Masked
from snnet.inputs import Tokens
from snnet.sentence_classifier import SentenceClassifier


class MaskedLayer(nn.Module):
    """A layer whose tokens look only at those that count."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: Masked) -> Masked:
        """Features (B, N, C) through the layer; the mask goes with them."""
        values, mask = features
        lowest = torch.finfo(values.dtype).min
        added = values.new_zeros(mask.shape).masked_fill(~mask, lowest)  # to products of tokens
        return Masked(self.layer(values, added[:, None, None, :]), mask)


@adapt.register(SentenceClassifier)
class BertAnchor(Anchor):
    """One stage of layers. Features are those of tokens, with the mask of those that count."""

    model: SentenceClassifier
    post_norm = True

    def __init__(self, model: SentenceClassifier) -> None:
        encoder: Any = model.bert
        super().__init__(model, [[MaskedLayer(layer) for layer in encoder.encoder.layer]])
        self.inputs = Tokens(encoder.config.vocab_size, model.padding)

    @property
    def head_modules(self) -> Sequence[nn.Module]:
        """Classifier."""
        return [self.model.classifier]

    def as_features(self, values: Tensor) -> Masked:
        """Features of texts without padding."""
        return Masked(values, values.new_ones(values.shape[:2]).bool())

    def stem(self, inputs: Tensor) -> Masked:
        """Embeddings of tokens and their positions, and which count."""
        encoder: Any = self.model.bert
        return Masked(encoder.embeddings(input_ids=inputs), self.model.counting(inputs))

    def head(self, features: Masked) -> Tensor:
        """Mean over the tokens that count, classifier."""
        return self.model.classify(*features)
