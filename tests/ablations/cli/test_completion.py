"""What a shell completes."""

from __future__ import annotations

import os

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(ablate, shell):
    assert "_ABLATE_COMPLETE" in ablate("completion", shell).stdout


def test_completion_knows_studies_axes_and_values(ablate):
    def complete(words):
        done = ablate(
            env={
                **os.environ,
                "_ABLATE_COMPLETE": "bash_complete",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split(" ")) - 1),
            }
        )
        return done.stdout

    assert "overview" in complete("ablate run ov")
    assert "init=" in complete("ablate run overview --set in")
