"""The benchmarks. Each is the module of its name, with a function `run(quick, say)`.

Torch-free, so that `--help` answers at once.
"""

from __future__ import annotations

BENCHMARKS = {
    "initialisation": "least squares from Gram matrices against one pseudo-inverse per stitch",
    "evaluation": "all sub-networks in one sweep against one by one",
    "reading": "evaluation over an image folder, read once for all stitches against once for each",
    "cost_table": "MACs of all routes from one analysis per anchor against one per route",
    "sandwich_step": "a sandwich training step with shared beginnings against separate passes",
    "training_step": "the project's training loop against a hand-written one",
    "kept_teacher": "a hard-distilled step with kept answers against one that asks the teacher",
    "decoded_images": "an epoch over an image folder, decoded once, against timm's loader",
    "grid": "tracking 10,000 runs with the ledger against without; seconds of plan, run, status",
    "growth": "solve, evaluation and cost table as the number of stitches grows",
}
