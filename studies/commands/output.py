"""The same rows as a csv or a JSON document, on standard output."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from typing import Any


def print_csv(rows: Sequence[dict[str, Any]]) -> None:
    """Rows with equal keys; None becomes an empty cell."""
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def print_json(value: Any) -> None:
    """Indented, None as null."""
    json.dump(value, sys.stdout, indent=1)
    sys.stdout.write("\n")
