"""A message when a launch has ended: to a command, or to an address."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ablations.errors import UserError
from ablations.launch.launcher import Snapshot
from ablations.runs.directory import Inspection, State
from ablations.terminal.notice import ending, sender, telling_the_end
from helpers.commands import TOY

STATES = {"a": State.DONE, "b": State.DONE, "c": State.FAILED}
SNAPSHOT = Snapshot({name: Inspection(state) for name, state in STATES.items()})


@pytest.fixture
def posted():
    """An address, and what came to it."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if self.path.startswith("/broken") else 204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()


def test_an_address_gets_a_sentence_and_facts(posted):
    address, came = posted
    sender(f"{address}/hook")(*ending("toy", SNAPSHOT, 200.4))
    text = "toy: 2 of 3 runs done, 1 failed, after 3 min 20 s"
    facts = {"study": "toy", "runs": 3, "done": 2, "failed": 1, "seconds": 200}
    assert came == [{"text": text, **facts}]


def test_an_address_that_fails_is_told_of_and_no_more(posted, capsys):
    sender(f"{posted[0]}/broken?token=secret")("over", {})
    told = capsys.readouterr().out
    assert "was not told: HTTP Error 500" in told
    assert "secret" not in told


def test_a_launch_that_no_worker_can_do_is_told():
    told = []
    with (
        pytest.raises(UserError, match="full"),
        telling_the_end(lambda *message: told.append(message), "toy"),
    ):
        raise UserError("the disk is full")
    assert told == [("toy ended early: the disk is full", {"study": "toy"})]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("no-such-command now", "there is no command 'no-such-command'"),
        ("http:///path", "names no host"),
        ("echo 'x", "is no command: No closing quotation"),
        (" ", "there is no command"),
    ],
)
def test_what_nobody_could_be_told_by_is_refused(target, reason):
    with pytest.raises(UserError, match=reason):
        sender(target)


def test_a_command_is_run_when_all_runs_are_over(ablate, tmp_path):
    heard = tmp_path / "heard"
    script = tmp_path / "hear.py"
    script.write_text(
        "import os, sys\n"
        f"open({str(heard)!r}, 'w').write(os.environ['ABLATE_MESSAGE'] + '\\n' + sys.argv[1])\n"
    )
    asked = ("--seeds", "1", "--set", "rate=0.1", "--set", "rule=plain", "--set", "pace=5")
    done = ablate("run", TOY, *asked, "--notify", f"{sys.executable} {script}")
    assert done.returncode == 0, done.stderr
    variable, argument = heard.read_text().splitlines()
    assert "1 of 1 runs done, after " in variable
    assert argument == variable
