"""What `ablate cluster check` finds on a real SLURM."""

from __future__ import annotations

import os
import re
import shlex
import sys

import pytest

from helpers.commands import run_ablate

pytestmark = pytest.mark.xdist_group("slurm")


def check(home, *resources):
    """How the command ended, and what it found: by name what works or not, and its words."""
    options = [word for resource in resources for word in ("--resource", resource)]
    done = run_ablate(home.root, "cluster", "check", *options)
    assert "Traceback" not in done.stderr
    found = {}
    for line in done.stdout.splitlines():
        head, _, detail = line.partition(": ")
        mark, name = head.split(None, 1)
        found[name] = (mark, detail)
    return done, found


def test_the_check_tries_what_workers_need(home, cluster):
    done, found = check(home, "partition=low")
    assert done.returncode == 0, done.stdout + done.stderr
    works = ("submission", "shared file system", "python", "CPUs", "signals", "requeue")
    marks = {name: mark for name, (mark, _) in found.items()}
    assert marks == dict.fromkeys(works, "works") | {"GPU": "-", "accounting": "-"}
    assert found["requeue"][1].startswith("back after")
    assert list(home.launches.iterdir()) == []
    refused, _ = check(home, "partition=none")
    assert refused.returncode == 2
    assert "invalid partition specified: none" in refused.stderr


def test_the_check_asks_for_what_workers_would_have(home, cluster):
    done, found = check(
        home,
        *("nodes=2", "gpus=a100:2", "cpus=2", "constraint=loop", "srun.mpi=none"),
        f"python=taskset -c {min(os.sched_getaffinity(0))} {shlex.quote(sys.executable)}",
        'setup=scontrol update JobId="$SLURM_JOB_ID" Requeue=0',
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert found["nodes"] == ("works", "2 of 2")
    assert found["CPUs"] == ("fails", "1 usable, 4 asked for on each node")
    assert found["GPU"] == ("works", "2 seen, 2 asked for on each node")
    assert found["signals"][0] == "works"
    mark, why = found["requeue"]
    assert mark == "fails"
    assert why.startswith("the site forbids to queue jobs again: ")
    assert "disabled" in why  # SLURM's own word


@pytest.mark.parametrize(
    ("resource", "why"),
    [
        ("python=/no/such/python", "the job ended: .*No such file or directory"),
        ("python=false", "the job ended"),
        ("hold=true", r"nothing comes; the job is PENDING: JobHeldUser \(you hold it"),
    ],
)
def test_a_job_that_cannot_tell_is_not_waited_for(home, cluster, resource, why):
    done, found = check(home, resource)
    assert done.returncode == 1
    mark, told = found["start"]
    assert mark == "fails"
    assert re.match(why, told), told
