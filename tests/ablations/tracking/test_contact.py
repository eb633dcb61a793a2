"""Stores that are silent, gone, or none: told within a limit."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ablations.errors import UserError
from ablations.tracking import background, contact
from ablations.tracking.background import collecting
from ablations.tracking.store import check_uri, connect
from helpers.commands import copy_tables
from helpers.servers import free_port


@pytest.fixture
def silent_port():
    """Somebody listens there, takes every connection, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def answering(status, body):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.do_POST()

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("scheme", ["http", "postgresql+psycopg2"])
def test_a_silent_store_is_told(silent_port, monkeypatch, scheme):
    monkeypatch.setattr(contact, "ANSWER_SECONDS", 0.5)
    with pytest.raises(UserError, match=r"does not answer within 0 s: see whether it is up"):
        connect(f"{scheme}://127.0.0.1:{silent_port}/x")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("postgresql+psycopg2://me:secret@127.0.0.1:{port}/x", "Connection refused"),
        ("mysql://me:secret@127.0.0.1:{port}/x", "it needs the Python package MySQLdb"),
        ("http://me:secret@127.0.0.1:{port}", "Connection refused"),
    ],
)
def test_a_store_that_is_gone_is_told_at_once_without_the_password(uri, says):
    begun = time.monotonic()
    with pytest.raises(UserError, match="cannot be used: ") as refused:
        connect(uri.format(port=free_port()))
    assert says in str(refused.value) or "Max retries" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert time.monotonic() - begun < contact.ANSWER_SECONDS


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'"x"',
        b"null",
        b"",
        b"<html>",
        b'{"experiments": 3}',
        b'{"experiments": [{}]}',
    ],
)
def test_what_is_no_mlflow_is_refused(body):
    with answering(200, body) as uri, pytest.raises(UserError) as refused:
        connect(uri)
    assert "is no MLflow server" in str(refused.value) or "not in a valid JSON" in str(
        refused.value
    )
    assert "\n" not in str(refused.value)


def test_a_file_that_is_no_store(tmp_path):
    (tmp_path / "mlflow.db").mkdir()
    (tmp_path / "other.db").write_bytes(b"something else " * 100)
    for name, says in {"mlflow.db": "is a folder", "other.db": "not a database"}.items():
        with pytest.raises(UserError, match=says):
            connect(f"sqlite:///{tmp_path}/{name}")


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("sqlite", "names no file"),
        ("sqlite:///", "names no file"),
        ("http://[", "cannot be read"),
        ("http://127.0.0.1:x", "cannot be read"),
        ("http://", "names no host"),
        ("/tmp/x", "should begin with http"),
    ],
)
def test_addresses_of_nothing(uri, says):
    with pytest.raises(UserError, match=says):
        check_uri(uri)


def test_a_store_that_stays_silent_is_told_meanwhile_and_in_the_end(home, silent_port, monkeypatch):
    monkeypatch.setattr(background, "JOIN_SECONDS", 0.2)
    said = []
    with collecting(home, f"http://127.0.0.1:{silent_port}", said.append) as collector:
        pass
    assert collector.error
    assert said[-1].startswith("not everything was tracked: the tracking store http://127.0.0.1:")
    assert said[-1].endswith("`ablate sync` delivers what is missing")


KILLED = """
import os, sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("PRAGMA cache_size = 2")  # so that it writes before it commits
store.execute("BEGIN")
store.execute("CREATE TABLE half (text)")
store.executemany("INSERT INTO half VALUES (?)", [("x" * 4000,)] * 200)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_left_half_written_is_undone(tmp_path):
    path = tmp_path / "mlflow.db"
    copy_tables(path)
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert path.with_name("mlflow.db-journal").stat().st_size > 0
    assert connect(f"sqlite:///{path}").search_experiments()
    assert not path.with_name("mlflow.db-journal").exists()
