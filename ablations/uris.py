"""Addresses of stores and files, written and read in one place: quoted, and without secrets."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

# what SQLAlchemy would read as something else than a part of the path
_QUOTED = {ord(letter): f"%{ord(letter):02X}" for letter in "%?#"}
_PASSWORD = re.compile(r"(://[^\s:/@]*):(?!\d+/)\S*@")  # but not what is a port
_SECRET = re.compile(r"([?&][^\s=&]*(?:pass|pwd|secret|token|key)[^\s=&]*=)[^\s&'\"]+", re.I)


def sqlite_uri(path: Path) -> str:
    """The address of an sqlite file, whatever letters its path has."""
    quoted = str(path).translate(_QUOTED)
    # where MLflow sees no driver, it makes the folder as it is quoted
    scheme = "sqlite" if quoted == str(path) else "sqlite+pysqlite"
    return f"{scheme}:///{quoted}"


def sqlite_path(uri: str) -> Path | None:
    """The file of an sqlite store; None for any other store, or where none is named."""
    scheme, _, rest = uri.partition("://")
    path = unquote(rest.removeprefix("/").partition("?")[0])
    return Path(path) if scheme.partition("+")[0] == "sqlite" and path else None


def without_secrets(text: str) -> str:
    """A text in which addresses show no passwords, tokens or keys."""
    return _SECRET.sub(r"\1***", _PASSWORD.sub(r"\1:***@", text))
