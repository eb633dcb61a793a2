"""A home that a group shares: files by the umask, and colleagues who may only read."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from ablations.launch.code_copy import copy_code, keep_study
from ablations.runs.lease import Owner
from helpers.colleague import GROUP, as_colleague
from helpers.commands import TINY, TOY, command
from helpers.states import disown
from helpers.toy import TWO_SEEDS
from helpers.tracking import begin

KEYS = {cell.name: cell.key for cell in TWO_SEEDS.plan.cells}


def check_shared(folder: Path) -> set[str]:
    """All below may be written by the group; gives the kinds of files that were looked at."""
    kinds = set()
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        found = path.stat()
        assert found.st_gid == GROUP, path
        assert found.st_mode & stat.S_IWGRP, path
        assert not found.st_mode & stat.S_IWOTH, path
        kinds.add(path.name if path.suffix == ".db" else path.suffix)
    return kinds


@pytest.mark.slow
def test_every_file_is_the_groups(shared):
    def ablate(*arguments):
        told = command(shared / "home", *arguments)
        done = subprocess.run(told, umask=0o002, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    ablate("run", TINY, "--workers", "1", "--set", "sampling=random", "--set", "init=kaiming")
    ablate("search", TOY, "--workers", "1", "--trials", "2")
    ablate("report", "toy-search")
    kinds = check_shared(shared)
    assert {"mlflow.db", ".safetensors", ".parquet", ".json", ".jsonl", ".journal"} <= kinds
    assert {".lock", ".pkl", ".out", ".html", ".png", ".pdf", ".txt"} <= kinds


def test_copies_of_code_are_the_groups(shared, tmp_path):
    """Also of files that are their writer's alone."""
    from ablations.runs.home import Home

    private = tmp_path / "mine.py"
    private.write_text("")
    private.chmod(0o600)
    before = os.umask(0o002)
    try:
        copy = copy_code(Home(shared / "home"))
        kept = keep_study(Home(shared / "home"), "mine", str(private))
    finally:
        os.umask(before)
    assert (copy / "ablations/launch/code_copy.py").exists()
    assert Path(kept).is_relative_to(shared)
    assert ".py" in check_shared(shared)


def test_a_colleague_reads(ablate, home, tmp_path):
    """Also while a run is at work on another host."""
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    key = KEYS["rate=0.2, seed 1"]
    assert not home.run(key).path.exists()
    begin(home, key)
    disown(home, key, Owner("elsewhere", 1, ""))
    with as_colleague(home.root) as colleague:

        def read(*arguments):
            told = [*colleague, *command(home.root, *arguments)]
            environment = {**os.environ, "TMPDIR": str(tmp_path)}
            done = subprocess.run(
                told, capture_output=True, text=True, env=environment, check=False
            )
            return done.returncode, done.stdout, done.stderr

        code, said, _ = read("status", "toy")
        assert code == 0
        assert "4 done" in said
        code, said, _ = read("plan", TOY)
        assert code == 0
        assert "rate=0.2, seed 1       running" in said
        code, said, _ = read("logs", KEYS["baseline, seed 0"])
        assert code == 0
        code, said, _ = read("report", "toy")
        assert code == 0
        assert f"{home.reports} cannot be written: drawn elsewhere" in said
        page = Path(re.search(r"report: (\S+)", said)[1])
        assert page.is_relative_to(tmp_path)
        assert "<html" in page.read_text()
        for arguments in (["run", TOY], ["sync"]):
            code, said, error = read(*arguments)
            assert code == 2, said
            assert "ermission denied" in error
            assert len(error.splitlines()) == 1
