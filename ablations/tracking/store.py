"""The tracking store: reaching it, and finding what is in it."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from ablations.errors import UserError
from ablations.file_system import file_system, is_network, may_write
from ablations.tracking.contact import DATABASES, make_contact, reaching
from ablations.tracking.names import taken
from ablations.tracking.places import follow
from ablations.uris import sqlite_path, sqlite_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

SCHEMES = ("http", "https", "sqlite", *DATABASES, "databricks")
LOCK_SECONDS = 120.0  # another command makes the store so long, at most


def check_uri(uri: str) -> None:
    """Refuse what no tracking store can be, without importing mlflow.

    Raises:
        UserError: the scheme of `uri` is unknown, or it is an sqlite file on a network file system.
    """
    scheme = uri.partition(":")[0].partition("+")[0]
    if scheme not in SCHEMES:
        raise UserError(
            f"the tracking URI {uri!r} cannot be used: it should begin with {', '.join(SCHEMES)}"
        )
    try:
        parts = urlsplit(uri)
        nowhere = scheme.startswith("http") and not (parts.hostname and parts.port != 0)
    except ValueError as error:  # of brackets and ports
        raise UserError(f"the tracking URI {uri!r} cannot be read: {error}") from None
    if nowhere:
        raise UserError(f"the tracking URI {uri!r} names no host; write it like http://host:5000")
    path = sqlite_path(uri)
    if scheme == "sqlite" and path is None:
        raise UserError(
            f"the tracking URI {uri!r} names no file; write it like sqlite:////a/path/mlflow.db"
        )
    if path and is_network(kind := file_system(path)):
        raise UserError(
            f"the tracking store {path} would be on a network file system ({kind}), where locks do "
            "not hold between hosts and a database can be damaged; give "
            "--tracking-uri sqlite:////a/local/path.db or http://... of an MLflow server"
        )


def connect(uri: str, create: bool = False) -> MlflowClient:
    """A client for `uri`.

    Arguments:
        create: make the schema of a new sqlite store.

    Raises:
        UserError: the store does not answer, or is not there.
    """
    check_uri(uri)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    with reaching(uri):
        path = sqlite_path(uri)
        if path and create:
            _create_sqlite(path)
        elif path and not path.exists():
            raise UserError(f"there is no tracking store {path}; name it with --tracking-uri")
        client = make_contact(uri)
        if path and may_write(path):
            follow(path)
    return client


def _create_sqlite(path: Path) -> None:
    """Make the store elsewhere and rename it: killed half-way, its migrations never recover."""
    if path.exists():
        return
    if not path.parent.is_dir():
        raise UserError(f"cannot make the tracking store {path}: its folder does not exist")
    try:
        with (
            # first: where no file can be made, the lock would wait for ever
            TemporaryDirectory(prefix=".", suffix=".tmp", dir=path.parent) as temporary,
            FileLock(path.with_suffix(".lock"), timeout=LOCK_SECONDS),
        ):
            if not path.exists():
                new = Path(temporary) / path.name
                new.touch()  # with the mode of any new file: sqlite's own is not for a group
                _make_tables(new)
                os.replace(new, path)
    except Timeout as error:
        raise UserError(f"another command holds {error.lock_file}; try again later") from None
    except OSError as error:
        reason = f"{error.strerror or error}"
        raise UserError(f"cannot make the tracking store {path}: {reason}") from None


def _make_tables(path: Path) -> None:
    """Let MLflow make its tables in an empty file, which takes seconds."""
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=sqlite_uri(path)).search_experiments(max_results=1)


@contextmanager
def writable(uri: str) -> Iterator[str]:
    """The store; where this user can only read it, a copy that lasts as long as the block."""
    path = sqlite_path(uri)
    if path is None or not path.exists() or (may_write(path) and may_write(path.parent)):
        yield uri
        return
    with TemporaryDirectory(prefix="ablate-store-") as temporary:
        copy = Path(temporary).resolve() / path.name
        with (
            reaching(uri),
            closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as store,
            closing(sqlite3.connect(copy)) as new,
        ):
            store.backup(new)  # whole, even where somebody writes to it
        with reaching(uri):
            follow(copy, path.parent)
        yield sqlite_uri(copy)


def open_experiment(client: MlflowClient, name: str, artifacts: Path | None) -> Experiment:
    """The MLflow experiment `name`, made where it is missing.

    Arguments:
        artifacts: where its files go, or None to leave that to the server.

    Raises:
        UserError: somebody deleted it.
    """
    found = client.get_experiment_by_name(name)
    if found is None:
        location = (artifacts / taken(name)).as_uri() if artifacts else None
        return client.get_experiment(client.create_experiment(name, artifact_location=location))
    if found.lifecycle_stage != "active":
        raise UserError(
            f"the experiment {name} was deleted in the tracking store; bring it back with "
            f"`mlflow experiments restore -x {found.experiment_id}`"
        )
    return found


def search(client: MlflowClient, identity: str, condition: str) -> Iterator[Run]:
    """All runs of an experiment that meet MLflow's filter `condition`."""
    token = None
    while True:
        page = client.search_runs([identity], condition, max_results=1000, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
