"""Putting a page with its files into a folder, so that nobody ever sees half of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

PAGE = "index.html"


def publish(target: Path, render: Callable[[Path], str]) -> Path:
    """Write a page and its files into `target`; returns the page, which is written last.

    Other files there stay as they are.

    Arguments:
        render: gives the page as HTML, and writes its files into the folder that it is given.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".", suffix=".tmp") as temporary:
        folder = Path(temporary)
        page = render(folder)
        for file in folder.iterdir():
            os.replace(file, target / file.name)
        (folder / PAGE).write_text(page, encoding="utf-8")
        os.replace(folder / PAGE, target / PAGE)
    return target / PAGE
