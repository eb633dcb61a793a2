"""Modules of `snnet`: imports only go down, and what is fast to import stays so."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TORCH_FREE = ["config", "data.locations", "data.sizes", "errors", "files", "front"]
TORCH_FREE += ["routes", "run", "scales", "space"]


def modules() -> dict[str, Path]:
    """Path of every module of `snnet` by its full name."""
    found = {}
    for path in (ROOT / "snnet").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


def imports(path: Path) -> set[str]:
    """Modules that a file names in any import, also in those inside of functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_no_module_imports_one_that_imports_it():
    known = modules()
    graph = {name: imports(path) & (known.keys() - {"snnet"}) for name, path in known.items()}
    assert len(graph) > 30
    # `export` is named by `loading` for its type and on demand; it does not know `loading`
    assert list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.slow
@pytest.mark.parametrize("name", TORCH_FREE)
def test_what_is_torch_free_says_so_truly(name):
    code = f"import sys, snnet.{name}; sys.exit('torch' in sys.modules or 'timm' in sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
