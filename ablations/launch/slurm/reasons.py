"""Why SLURM lets a job wait: its own word, what that means, and whether the wait ever ends."""

from __future__ import annotations

import re

# held by SLURM itself after a launch that failed: worth another try
RELEASABLE = re.compile(r"launch[ _]failed[ _]requeued[ _]held|JobHoldMaxRequeue", re.IGNORECASE)
HELD = re.compile(r"held|hold", re.IGNORECASE)  # by somebody, who may let it go
# what was asked for can never be had, or never again
NEVER = re.compile(
    r"DependencyNeverSatisfied|BadConstraints|Partition(Node|Time)Limit|InvalidAccount|InvalidQOS"
    r"|AccountNotAllowed|QOSNotAllowed|ReservationDeleted|MaxMemPerLimit|JobLaunchFailure"
    r"|(QOS|Assoc)?Max\w+PerJob(Limit)?|QOSMin\w+"
)
MEANINGS = {
    "Resources": "what it asks for is not free yet",
    "Priority": "others come first",
    "BeginTime": "SLURM lets it wait a while, as after each requeue",
    "Dependency": "other jobs must end first",
    "JobArrayTaskLimit": "as many of its array run as may at once",
    "ReqNodeNotAvail": "nodes that it needs are down, drained or reserved",
    "PartitionConfig": "no node of its partition has what it asks for, or those are down",
    "PartitionDown": "its partition is down",
    "PartitionInactive": "its partition is inactive",
    "Reservation": "its reservation has not begun",
    "Licenses": "the licenses that it asks for are in use",
    "JobHeldUser": "you hold it; `scontrol release` lets it go on",
    "JobHeldAdmin": "an administrator holds it",
    "JobHoldMaxRequeue": "it could not be started several times; the next launch releases it",
    "DependencyNeverSatisfied": "what it waits for did not come about",
    "BadConstraints": "no node has what it asks for",
    "PartitionNodeLimit": "it asks for more nodes than its partition gives",
    "PartitionTimeLimit": "it asks for more time than its partition gives",
    "InvalidAccount": "SLURM does not know its account",
    "InvalidQOS": "SLURM does not know its QOS",
}
OWNERS = {"QOS": "the QOS", "Assoc": "your account", "": "the cluster"}
THINGS = {
    **{"Jobs": "jobs", "Cpu": "CPUs", "CPU": "CPUs", "Mem": "memory", "Memory": "memory"},
    **{"GRES": "GPUs or the like", "Node": "nodes", "WallDuration": "time"},
}
LIMIT = re.compile(
    r"(?P<owner>QOS|Assoc|)(?P<kind>Max|Grp)(?P<thing>\w+?)(?P<whose>Per[A-Z]\w+?)?(Limit)?"
)


def may_release(reason: str) -> bool:
    """Whether SLURM holds a job because it could not be started, perhaps for a node's fault."""
    return RELEASABLE.fullmatch(reason) is not None


def is_held(reason: str) -> bool:
    """Whether a job waits until somebody lets it go."""
    return HELD.search(reason) is not None


def never_starts(reason: str) -> bool:
    """Whether a job as it is can never start."""
    return NEVER.fullmatch(reason) is not None


def meaning_of(reason: str) -> str:
    """What a reason means, in words; empty where SLURM's word has to do."""
    word = reason.partition(",")[0]  # details follow, such as the nodes that are missing
    if may_release(word) and word not in MEANINGS:
        return "it could not be started on its node; the next launch releases it"
    return MEANINGS.get(word) or _limit(word)


def _limit(word: str) -> str:
    """One of SLURM's many limits, by the parts of its name."""
    found = LIMIT.fullmatch(word)
    if not found:
        return ""
    owner, thing = OWNERS[found["owner"]], THINGS.get(found["thing"], found["thing"])
    if found["kind"] == "Grp":
        return f"all that share {owner} together use as much as they may: {thing}"
    if found["whose"] == "PerJob":
        return f"{owner} gives no job so much: {thing}"
    if found["thing"] == "Jobs":
        return f"{owner} lets you run no more at once"
    return f"{owner} lets you use no more at once: {thing}"
