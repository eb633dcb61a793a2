"""The handwritten digits that come with scikit-learn."""

from __future__ import annotations

import torch

from snnet.data.memory import InMemory
from snnet.data.sizes import IN_MEMORY


def load_digits(seed: int) -> InMemory:
    """scikit-learn's handwritten digits: 1797 images of 8x8 px.

    The set has no official split: `seed` draws one, stratified: 40 % train, 15 % are held
    back for choosing, 45 % test.
    """
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    digits, sizes = load(), IN_MEMORY["digits"]
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)
    rest, test = train_test_split(
        range(len(labels)), test_size=sizes.test, stratify=digits.target, random_state=seed
    )
    train, held_back = train_test_split(
        rest, test_size=sizes.held_back, stratify=digits.target[rest], random_state=seed
    )
    return InMemory(
        images[train],
        labels[train],
        images[test],
        labels[test],
        torch.tensor(test),
        classes=sizes.classes,
        mean=images[train].mean().item(),
        deviation=images[train].std().item(),
        validation=(images[held_back], labels[held_back]),
    )
