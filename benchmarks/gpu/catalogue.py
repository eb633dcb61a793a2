"""What a GPU is asked. Each is the module of its name, with a function `run(quick, say, device)`.

Torch-free, so that `--help` answers at once.
"""

from __future__ import annotations

GPU_BENCHMARKS = {
    "training_step": "training against plain timm, and against the authors' loop, by precision",
    "sweep": "all sub-networks in one sweep against one by one",
    "least_squares": "Gram matrices on the device against one pseudo-inverse per stitch",
    "sharing": "two runs side by side on one device against one after the other",
}
