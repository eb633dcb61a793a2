"""Which options pass to sbatch and srun."""

from __future__ import annotations

import pytest

from ablations.launch.slurm.options import (
    REFUSED,
    kind,
    option_name,
    option_value,
    overruled,
)


@pytest.mark.parametrize("text", ["mem_per_cpu", "mem-per-cpu", "--mem-per-cpu", "Mem_Per_CPU"])
def test_an_option_has_one_name(text):
    assert option_name("sbatch", text) == "mem-per-cpu"


@pytest.mark.parametrize("text", ["C", "-C", "a b", "x=y", "", "comment\n#SBATCH", "-"])
def test_what_is_no_long_option_is_refused(text):
    with pytest.raises(ValueError, match="is no long option of sbatch"):
        option_name("sbatch", text)


@pytest.mark.parametrize(
    ("command", "text", "why"),
    [
        ("sbatch", "job_name", "jobs are found again by it"),
        ("sbatch", "array", "jobs are found again by it"),
        ("sbatch", "output", "logs"),
        ("sbatch", "no-requeue", "queue again"),
        ("sbatch", "signal", "queue again"),
        ("sbatch", "export", "add yours to `environment`"),
        ("sbatch", "wait", "does not wait"),
        ("sbatch", "test-only", "nothing would be submitted"),
        ("sbatch", "clusters", "set SLURM_CLUSTERS"),
        ("sbatch", "partition", "use partition"),
        ("sbatch", "ntasks", "use tasks or gpus"),
        ("srun", "label", "logs"),
        ("srun", "ntasks", "one worker"),
        ("srun", "kill-on-bad-exit", "queue again"),
    ],
)
def test_what_would_break_launches_is_refused(command, text, why):
    with pytest.raises(ValueError, match=f"of {command} cannot be set here: .*{why}"):
        option_name(command, text)


@pytest.mark.parametrize(
    ("command", "text"), [("sbatch", "arr"), ("sbatch", "job_n"), ("srun", "out"), ("srun", "kill")]
)
def test_what_is_cut_short_is_refused(command, text):
    with pytest.raises(ValueError, match=f"no whole name of an option; {command} reads"):
        option_name(command, text)


@pytest.mark.parametrize("name", ["gres", "wait-all-nodes", "no-kill", "mem-bind", "a-plug-in"])
def test_what_only_begins_like_a_refused_option_passes(name):
    assert option_name("sbatch", name) == name


def test_every_refusal_names_an_option():
    for command, names in REFUSED.items():
        for name in names:
            with pytest.raises(ValueError, match="cannot be set here"):
                option_name(command, name)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a100", "a100"),
        (3, "3"),
        (True, True),
        (False, False),
        ("true", True),
        ("false", False),
        (["END", "FAIL"], "END,FAIL"),
        (["n1", 2], "n1,2"),
    ],
)
def test_values_are_written_as_slurm_reads_them(value, text):
    assert option_value(value) is text or option_value(value) == text


@pytest.mark.parametrize("value", ["", " ", [], {}, None, "two\nlines", [["a", ""]]])
def test_values_that_cannot_be_are_refused(value):
    with pytest.raises(ValueError, match=r"write text in quotes|one line"):
        option_value(value)


def test_options_of_which_slurm_takes_one_are_of_one_kind():
    assert kind("mem", "1G") == kind("sbatch.mem-per-cpu", "1G") == kind("mem-per-gpu", "1G")
    assert kind("gpus", 2) == kind("sbatch.gpus-per-task", "2") == kind("sbatch.gres", "tmp:1,gpu")
    assert kind("sbatch.gres", "tmp:1") == "gres"
    assert kind("srun.gres", "gpu:1") == "srun.gres"
    assert kind("time", "1") == "time"


def test_what_is_asked_for_counts_more_than_the_environment():
    names = ("TIMELIMIT", "COMMENT", "MEM_PER_NODE", "MEM_PER_CPU", "GPUS", "GRES", "QOS")
    found = {f"SBATCH_{name}": "tmp:1" for name in names}
    assert overruled({"time": "1", "comment": "x"}, found) == {"SBATCH_TIMELIMIT", "SBATCH_COMMENT"}
    memory = {"SBATCH_MEM_PER_NODE", "SBATCH_MEM_PER_CPU"}
    assert overruled({"mem": "1G"}, found) == memory
    assert overruled({"mem-per-cpu": "1G"}, found) == memory
    assert "SBATCH_GPUS" in overruled({"gpus-per-node": "2"}, found)
    assert "SBATCH_GRES" not in overruled({"gpus-per-node": "2"}, found)
    found["SBATCH_GRES"] = "gpu:a100:2"
    assert {"SBATCH_GRES"} <= overruled({"gpus-per-node": "2"}, found)
    assert {"SBATCH_GPUS"} <= overruled({"gres": "gpu:1"}, found)
