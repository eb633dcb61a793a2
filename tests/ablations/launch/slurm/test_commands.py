"""How SLURM's commands are called, and read; a shell stands in for them."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from ablations.launch.slurm.commands import listed, reason_of, slurm


def test_a_users_taste_hides_no_jobs(monkeypatch):
    for name in ("SQUEUE_PARTITION", "SQUEUE_USERS", "SCANCEL_INTERACTIVE", "SLURM_CLUSTERS"):
        monkeypatch.setenv(name, "mine")
    command = 'echo "<$SQUEUE_PARTITION$SQUEUE_USERS$SCANCEL_INTERACTIVE> $SLURM_CLUSTERS"'
    assert slurm("sh", "-c", command) == "<> mine\n"


def test_titles_and_empty_lines_are_left_out():
    assert listed("printf", "CLUSTER: west\n1 a\n\nCLUSTER: east\n2 b\n") == ["1 a", "2 b"]


def test_a_command_that_fails_is_told_in_its_last_words(monkeypatch):
    with pytest.raises(UserError, match=r"^sh failed: no such job$"):
        slurm("sh", "-c", "echo 'scontrol: error: no such job' >&2; exit 1")
    monkeypatch.setattr("ablations.launch.slurm.commands.COMMAND_SECONDS", 0.1)
    with pytest.raises(UserError, match=r"does not answer: sleep took more than 0\.1 s"):
        slurm("sleep", "60")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sbatch: error: a\nsbatch: error: submission failed: b\n", "a; submission failed: b"),
        ("sbatch: error: a\nsbatch: error: a\nsbatch: note\n", "a"),
        ("sbatch: unrecognized option '--x'\nTry \"sbatch --help\"\n", "unrecognized option '--x'"),
        ("srun: fatal: c\n\n", "c"),
        ("", "it does not say why"),
    ],
)
def test_the_reason_is_all_that_went_wrong(text, words):
    assert reason_of(text) == words
