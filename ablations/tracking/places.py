"""Where an sqlite store's files are: beside it, also after its folder was moved or copied."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ablations.runs.home import ARTIFACTS, OWN_STORE

LOCK_SECONDS = 30.0


def local_path(location: str) -> Path | None:
    """The folder that an address of MLflow names on this machine; None for one elsewhere."""
    parts = urlsplit(location)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def follow(store: Path, folder: Path | None = None) -> None:
    """Let the places of a store's files be where its folder is now.

    MLflow writes them down as absolute paths, and has no way to change them.

    Arguments:
        store: an sqlite file, which may be a copy.
        folder: the folder of the original.
    """
    folder = (folder or store.parent).resolve()
    with closing(sqlite3.connect(store, timeout=LOCK_SECONDS)) as connection:
        moves = list(_moves(connection, folder, store.name))
        with connection:  # all or nothing
            for identity, old, new in moves:
                connection.execute(
                    "UPDATE runs SET artifact_uri = ? || substr(artifact_uri, ?) "
                    "WHERE experiment_id = ? AND substr(artifact_uri, 1, ?) = ?",
                    (new, len(old) + 1, identity, len(old), old),
                )
                connection.execute(
                    "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
                    (new, identity),
                )


def _moves(
    connection: sqlite3.Connection, folder: Path, name: str
) -> Iterator[tuple[int, str, str]]:
    """Each experiment whose files are elsewhere than written down: its id, both addresses."""
    for identity, old in connection.execute(
        "SELECT experiment_id, artifact_location FROM experiments"
    ):
        there = local_path(old or "")
        if there is None or there.parent.name != ARTIFACTS:
            continue
        here = folder / ARTIFACTS / there.name
        lost = name == OWN_STORE and not there.exists()
        if here != there and (here.is_dir() or lost):
            yield identity, old, here.as_uri()
