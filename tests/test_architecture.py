"""What may import what: see docs/architecture.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"snnet", "ablations", "studies", "reports"}
ALLOWED = {
    "snnet": set(),
    "ablations": set(),
    "studies": {"snnet", "ablations"},
    "reports": {"ablations"},
}
FRONT = "snnet.front"  # the one module that reports share with searches; it needs no torch


def imported_rooms(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    if path.is_relative_to(ROOT / "reports"):
        names -= {FRONT}
    return {name.partition(".")[0] for name in names} & ROOMS


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_import_direction(room):
    files = list((ROOT / room).rglob("*.py"))
    assert files
    for path in files:
        assert imported_rooms(path) - {room} <= ALLOWED[room], path
