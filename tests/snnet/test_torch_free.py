"""Modules of `snnet` that are fast to import stay so."""

from __future__ import annotations

import subprocess
import sys

import pytest

TORCH_FREE = ["config", "data.folder", "data.idx", "data.locations", "data.sizes", "errors"]
TORCH_FREE += ["files", "front", "routes", "run", "scales", "space", "wording"]


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCH_FREE)
def test_what_is_torch_free_says_so_truly(name):
    code = f"import sys, snnet.{name}; sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
