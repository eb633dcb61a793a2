"""First contact with a tracking store, within a limit: MLflow alone tries for minutes, silently."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, TypeVar

from ablations.errors import UserError
from ablations.file_system import may_write
from ablations.uris import sqlite_path

if TYPE_CHECKING:
    from mlflow import MlflowClient

Outcome = TypeVar("Outcome")

# before mlflow is imported: it reports usage otherwise, and retries for minutes
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

ANSWER_SECONDS = 20.0
TABLES_SECONDS = 300.0  # MLflow makes those of a new database, some hundred of them
DATABASES = ("postgresql", "mysql", "mssql")


@contextmanager
def reaching(uri: str) -> Iterator[None]:
    """Turn MLflow's and its database's errors into one sentence."""
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (
        MlflowException,
        sqlalchemy.exc.SQLAlchemyError,
        sqlite3.Error,
        OSError,
        ImportError,
    ) as error:
        reason = next(iter(_plain(error).splitlines()), type(error).__name__)[:200]
        raise UserError(f"the tracking store {uri} cannot be used: {reason}") from error


def _plain(error: BaseException) -> str:
    """What went wrong; where it was in a database, in its own words, without the SQL."""
    from sqlalchemy.exc import DBAPIError

    cause: BaseException | None = error
    while cause:
        if isinstance(cause, DBAPIError):
            return str(cause.orig).strip()
        cause = cause.__cause__
    if isinstance(error, ModuleNotFoundError):
        return f"it needs the Python package {error.name}"
    return str(error).strip()


def make_contact(uri: str) -> MlflowClient:
    """A client of a store that has answered.

    Raises:
        UserError: it does not within a limit, or what answers is no MLflow.
        MlflowException, SQLAlchemyError, sqlite3.Error, OSError, ImportError: see `reaching`.
    """
    kind = uri.partition(":")[0].partition("+")[0]
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # errors are raised, too
    if kind == "sqlite":
        _within(ANSWER_SECONDS, uri, lambda: _open_file(uri))
    if kind in DATABASES:
        _within(ANSWER_SECONDS, uri, lambda: _log_in(uri))
    limit = ANSWER_SECONDS if kind.startswith("http") else TABLES_SECONDS
    return _within(limit, uri, lambda: _ask(uri))


def _within(seconds: float, uri: str, action: Callable[[], Outcome]) -> Outcome:
    """What `action` gives; one that hangs is left behind in its thread."""
    outcome: Future[Outcome] = Future()

    def act() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:  # raised again where it is awaited
            outcome.set_exception(error)

    threading.Thread(target=act, daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        if outcome.done():  # its own
            raise
        raise UserError(
            f"the tracking store {uri} does not answer within {seconds:.0f} s: see whether it is up"
        ) from None


def _open_file(uri: str) -> None:
    """Read the first page of an sqlite file, which tells whether it is one."""
    path = sqlite_path(uri)
    if path is None or not path.exists():
        return
    if path.is_dir():
        raise UserError(f"the tracking store {path} is a folder; name a file in it, such as x.db")
    # what a killed process left half-written only those undo who may write
    mode = "rw" if may_write(path) and may_write(path.parent) else "ro"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True)) as store:
        store.execute("PRAGMA schema_version").fetchone()


def _log_in(uri: str) -> None:
    """Reach a database once, where MLflow would try ten times."""
    from sqlalchemy import create_engine

    os.environ.setdefault("PGCONNECT_TIMEOUT", "15")
    engine = create_engine(uri)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def _ask(uri: str) -> MlflowClient:
    """Ask for the first experiment; some answers come from something else than MLflow."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(tracking_uri=uri)
    try:
        # `{}` is read as no experiments
        found = client.search_experiments(max_results=1) or [client.get_experiment("0")]
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # somebody deleted all of them
            return client
        raise
    except Exception as error:
        if isinstance(error, OSError | ImportError) or not uri.startswith("http"):
            raise
        raise UserError(f"at {uri} is no MLflow server: {type(error).__name__}: {error}") from error
    if not found[0].experiment_id:
        raise UserError(f"at {uri} is no MLflow server: it answers, but not as one")
    return client
