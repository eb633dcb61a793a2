"""Files to which attempts append a line at a time: read as one, over all attempts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ablations.files import read_json_lines
from ablations.runs.layout import Numbered


def read_series(
    folders: Sequence[Path], series: Numbered, kind: Any, attempt: int | None = None
) -> list[dict[str, Any]]:
    """The lines that an attempt wrote; None: those of all attempts, in order.

    A line that is being written, or damaged, is left out.

    Arguments:
        folders: where the files may lie.
        kind: what each line must be, see `read_json`.
    """
    places = list(dict.fromkeys(folders))
    if attempt is None:
        found = {series.attempt(file.name) for one in places for file in one.glob(series.pattern)}
        numbers = sorted(filter(None, found))
    else:
        numbers = [attempt]
    names = map(series.of, numbers)
    return [line for name in names for one in places for line in read_json_lines(one / name, kind)]
