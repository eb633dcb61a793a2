"""Tables for a text: Markdown, LaTeX and CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

FORMATS = ("csv", "md", "tex")

# what LaTeX's usual fonts and encodings do not hold, or print as something else
LATEX = {
    "\N{MINUS SIGN}": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "10¹²": "$10^{12}$",
    "\N{EN DASH}": "--",
    ">": r"\textgreater{}",
    "<": r"\textless{}",
}


def markdown(table: pd.DataFrame) -> str:
    """A table as Markdown has it."""
    texts = _texts(table)
    lines = [list(table.columns), ["---"] * len(table.columns), *texts.to_numpy().tolist()]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)


def latex(table: pd.DataFrame, columns: str | None = None) -> str:
    """A `tabular` with the rules of the package booktabs.

    Arguments:
        columns: its column format; by default all are aligned to the left.
    """
    text = _texts(table).to_latex(index=False, escape=True, column_format=columns)
    for character, command in LATEX.items():
        text = text.replace(character, command)
    return text


def save_tables(table: pd.DataFrame, path: Path) -> None:
    """Write `path` with .csv, .md and .tex."""
    for file_format in FORMATS:
        file = path.with_name(f"{path.name}.{file_format}")
        file.write_text(encode(table, file_format), encoding="utf-8")


def encode(table: pd.DataFrame, file_format: str) -> str:
    """The table as a `csv`, `md` or `tex` file; only the first holds all digits."""
    if file_format == "csv":
        return table.to_csv(index=False)
    return markdown(table) if file_format == "md" else latex(table)


def _texts(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype(object).map(_text)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return "\N{EN DASH}"
    return f"{value:.5g}" if isinstance(value, float) else str(value)
