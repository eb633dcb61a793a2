"""What `ablate cluster check` finds on a real SLURM."""

from __future__ import annotations

import pytest

from helpers.commands import run_ablate

pytestmark = pytest.mark.xdist_group("slurm")


def test_the_check_tries_what_workers_need(home, cluster):
    done = run_ablate(home.root, "cluster", "check", "--resource", "partition=low")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = dict(line.split(":", 1)[0].split(None, 1)[::-1] for line in done.stdout.splitlines())
    works = ("submission", "shared file system", "python", "signals", "requeue")
    assert lines == dict.fromkeys(works, "works") | {"GPU": "-", "accounting": "-"}
    assert list(home.launches.iterdir()) == []
    refused = run_ablate(home.root, "cluster", "check", "--resource", "partition=none")
    assert refused.returncode == 2
    assert "invalid partition" in refused.stderr
