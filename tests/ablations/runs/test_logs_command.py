"""The log of a run, and what stands in for one that is gone."""

from __future__ import annotations

import os

from ablations.files import write_json
from helpers.commands import TOY


def test_the_traceback_outlives_the_log(ablate, home, tmp_path):
    assert ablate("run", TOY, "--seeds", "1", "--set", f"fail_unless={tmp_path}/0").returncode == 1
    run, *_ = home.runs()
    os.unlink(run.attempt(1)["log"])
    done = ablate("logs", run.key)
    assert done.returncode == 0
    assert done.stdout == run.failure(1)["traceback"] + "\n"
    assert done.stderr == f"run {run.key}, attempt 1: its log is gone\n"
    path = run.path / "failure-1.json"
    secret = {"traceback": "no answer from http://me:secret@host/store"}  # of an earlier version
    write_json(path, run.failure(1) | secret)
    assert ablate("logs", run.key).stdout == "no answer from http://me:***@host/store\n"
    path.unlink()
    refused = ablate("logs", run.key)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"ablate: the log of run {run.key}, attempt 1, is not there")
