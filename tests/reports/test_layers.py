"""Parts of `reports` import only what lies below them: see its docstring."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import reports

FOLDER = Path(reports.__file__).parent
LAYERS = ["statistics", "data", "drawing", "figures", "pages", "build"]  # from the lowest


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_part_has_a_layer():
    parts = {path.relative_to(FOLDER).parts[0] for path in FOLDER.rglob("*.py")}
    assert {Path(part).stem for part in parts} == {"__init__", *LAYERS}


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_down(layer):
    above = LAYERS[LAYERS.index(layer) + 1 :]
    files = [*(FOLDER / layer).rglob("*.py"), *FOLDER.glob(f"{layer}.py")]
    assert files
    for path in files:
        parts = [name.split(".") for name in imported(path) if name.startswith("reports.")]
        assert not {part[1] for part in parts} & set(above), path
