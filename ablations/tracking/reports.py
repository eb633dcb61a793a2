"""What draws reports of tracked studies: packages that are found by their entry points."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ablations.errors import UserError
from ablations.file_system import may_write
from ablations.runs.home import Home

GROUP = "ablations.reports"


def drawing_plugins() -> list[Any]:
    """The packages that draw, such as `reports.build`."""
    return [point.load() for point in entry_points(group=GROUP)]


def store_to_draw(home: Home, study: str | None, tracking_uri: str | None) -> str:
    """The store that holds what is to be drawn.

    Raises:
        UserError: it is that of the home, and there is none yet.
    """
    uri = tracking_uri or home.tracking_uri
    if uri == home.tracking_uri and not home.store.exists():
        raise UserError(
            f"nothing is tracked in {home.root}; run `ablate run {study or 'STUDY'}` first"
        )
    return uri


def place_elsewhere(home: Home, name: str, tell: Callable[[str], None]) -> Path | None:
    """A new folder, for who may not write to the reports of the home; None for who may."""
    if may_write(home.reports):
        return None
    place = Path(mkdtemp(prefix="ablate-reports-"), name)
    tell(f"{home.reports} cannot be written: drawn elsewhere, or where --output says")
    return place
