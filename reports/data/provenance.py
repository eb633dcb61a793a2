"""Where a run comes from, as its tags tell it: see `ablations.runs.provenance`."""

from __future__ import annotations

from ablations.tracking.reader import TrackedRun

VERSION = "version."  # begins the tags of packages


def commit(run: TrackedRun) -> str:
    """SHA of the code; empty where it was not under git."""
    return run.tags.get("git_sha", "")


def has_local_changes(run: TrackedRun) -> bool:
    """Whether the code differed from its commit."""
    return run.tags.get("git_dirty") == "true"


def device(run: TrackedRun) -> str:
    """What it ran on; empty where it does not tell."""
    return run.tags.get("device", "")


def versions(run: TrackedRun) -> dict[str, str]:
    """Version by package, sorted."""
    return {
        tag.removeprefix(VERSION): version
        for tag, version in sorted(run.tags.items())
        if tag.startswith(VERSION)
    }
