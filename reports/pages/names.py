"""Names of studies, figures and tables: their order, files without suffix, ids on a page."""

from __future__ import annotations

import hashlib
import re


def place_among(name: str) -> list[str | int]:
    """What to sort names by: `steps-9` comes before `steps-10`."""
    parts = re.split(r"(\d+)", name)
    return [int(one) if number % 2 else one for number, one in enumerate(parts)]


def figure_name(figure: str, axis: str | None) -> str:
    """The name of a figure of an axis, or of the whole study."""
    return f"{_slug(axis)}-{figure}" if axis else figure


def table_name(axis: str | None) -> str:
    """The name of the summary table of an axis, or of a study without axes."""
    return f"{_slug(axis)}-summary" if axis else "summary"


def _slug(axis: str) -> str:
    """Another one for every axis: words with hyphens between them, else with a digest."""
    if re.fullmatch(r"\w+( \w+)*", axis, re.ASCII):
        return axis.replace(" ", "-")
    slug = re.sub(r"[^A-Za-z0-9_]+", "-", axis)
    return f"{slug}-{hashlib.sha256(axis.encode()).hexdigest()[:6]}"
