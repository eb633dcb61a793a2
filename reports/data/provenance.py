"""Where a run comes from, as its tags tell it: see `ablations.runs.provenance`."""

from __future__ import annotations

from ablations.runs.provenance import DEVICE, GIT_DIRTY, GIT_SHA, VERSION
from ablations.tracking.reader import TrackedRun


def commit(run: TrackedRun) -> str:
    """SHA of the code; empty where it was not under git."""
    return run.tags.get(GIT_SHA, "")


def has_local_changes(run: TrackedRun) -> bool:
    """Whether the code differed from its commit."""
    return run.tags.get(GIT_DIRTY) == "true"


def device(run: TrackedRun) -> str:
    """What it ran on; empty where it does not tell."""
    return run.tags.get(DEVICE, "")


def versions(run: TrackedRun) -> dict[str, str]:
    """Version by package, sorted."""
    return {
        tag.removeprefix(VERSION): version
        for tag, version in sorted(run.tags.items())
        if tag.startswith(VERSION)
    }
