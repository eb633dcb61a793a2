"""The handwritten digits that come with scikit-learn."""

from __future__ import annotations

import torch

from snnet.data.memory import InMemory
from snnet.data.sizes import IN_MEMORY


def load_digits() -> InMemory:
    """scikit-learn's handwritten digits: 1797 images of 8x8 px.

    60 % train, 30 % test; the remaining 10 % are held back for choosing settings. The stratified
    split is fixed (random_state 0), so that all runs test on the same images.
    """
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    digits, sizes = load(), IN_MEMORY["digits"]
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)
    rest, test = train_test_split(
        range(len(labels)), test_size=sizes.test, stratify=digits.target, random_state=0
    )
    train, held_back = train_test_split(
        rest, test_size=sizes.held_back, stratify=digits.target[rest], random_state=0
    )
    return InMemory(
        images[train],
        labels[train],
        images[test],
        labels[test],
        classes=sizes.classes,
        mean=images[train].mean().item(),
        deviation=images[train].std().item(),
        validation=(images[held_back], labels[held_back]),
    )
