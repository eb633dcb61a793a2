"""What SLURM's words for a wait mean, and which waits never end."""

from __future__ import annotations

import pytest

from ablations.launch.slurm.reasons import (
    MEANINGS,
    is_held,
    may_release,
    meaning_of,
    never_starts,
)

ENDING = ["Resources", "Priority", "BeginTime", "Dependency", "JobArrayTaskLimit", "Licenses"]
ENDING += ["ReqNodeNotAvail, UnavailableNodes:n[1-2]", "PartitionConfig", "PartitionDown"]
ENDING += ["QOSMaxJobsPerUserLimit", "AssocGrpCpuLimit", "QOSGrpNodeLimit", "QOSMaxCpuPerUserLimit"]
HELD = ["JobHeldUser", "JobHeldAdmin", "job requeued in held state"]
FAILED = ["launch failed requeued held", "launch_failed_requeued_held", "JobHoldMaxRequeue"]
NEVER = ["DependencyNeverSatisfied", "BadConstraints", "PartitionNodeLimit", "PartitionTimeLimit"]
NEVER += ["QOSMaxCpuPerJobLimit", "AssocMaxWallDurationPerJobLimit", "MaxMemPerLimit"]
NEVER += ["QOSMinCpuNotSatisfied", "InvalidQOS", "AccountNotAllowed"]


@pytest.mark.parametrize("reason", [*ENDING, "", "SomethingNew"])
def test_some_waits_end_by_themselves(reason):
    assert not is_held(reason)
    assert not never_starts(reason)
    assert not may_release(reason)


@pytest.mark.parametrize("reason", HELD)
def test_some_end_when_somebody_lets_go(reason):
    assert is_held(reason)
    assert not may_release(reason)
    assert not never_starts(reason)


@pytest.mark.parametrize("reason", FAILED)
def test_some_are_ours_to_end(reason):
    assert may_release(reason)
    assert is_held(reason)
    assert meaning_of(reason).endswith("the next launch releases it")


@pytest.mark.parametrize("reason", NEVER)
def test_some_never_end(reason):
    assert never_starts(reason)
    assert not is_held(reason)


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        ("QOSMaxJobsPerUserLimit", "the QOS lets you run no more at once"),
        ("AssocMaxJobsLimit", "your account lets you run no more at once"),
        ("QOSMaxMemoryPerUser", "the QOS lets you use no more at once: memory"),
        ("QOSMaxGRESPerJob", "the QOS gives no job so much: GPUs or the like"),
        ("AssocGrpCpuLimit", "all that share your account together use as much as they may: CPUs"),
        ("ReqNodeNotAvail, UnavailableNodes:n1", MEANINGS["ReqNodeNotAvail"]),
        ("SomethingNew", ""),
        ("", ""),
    ],
)
def test_what_a_word_means(reason, meaning):
    assert meaning_of(reason) == meaning
