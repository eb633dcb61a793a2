"""What a job may use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.launch.slurm.resources import Resources, resource_value, variable

NUMBERS = st.integers(0, 59)


@given(st.integers(0, 30), st.integers(1, 23), NUMBERS, NUMBERS)
def test_times_are_read_as_slurm_reads_them(days, hours, minutes, seconds):
    whole = (days * 24 + hours) * 60 + minutes + (seconds > 0)
    assert Resources(time=f"{days}-{hours}:{minutes:02}:{seconds:02}").minutes == whole
    assert Resources(time=f"{days * 24 + hours}:{minutes:02}:{seconds:02}").minutes == whole
    assert Resources(time=f"{hours * 60 + minutes}").minutes == hours * 60 + minutes
    assert Resources(time=f"{days}-{hours}").minutes == (days * 24 + hours) * 60
    assert Resources(time=f"{hours}:{seconds:02}", signal_seconds=10).minutes == hours + (
        seconds > 0
    )


@pytest.mark.parametrize(
    ("gpus", "kept", "count"),
    [(2, 2, 2), ("2", 2, 2), ("a100:2", "a100:2", 2), ("a100:1,v100:2", "a100:1,v100:2", 3)],
)
def test_gpus_are_asked_for_by_number_or_type(gpus, kept, count):
    asked = Resources(gpus=resource_value("gpus", gpus))
    assert (asked.gpus, asked.gpu_count, asked.processes) == (kept, count, count)
    assert asked.asked() == {"gpus-per-node": str(kept)}


@pytest.mark.parametrize("gpus", ["a100", "a100:", ":2", "two gpus", -1, 1.5, True, "2x:"])
def test_what_is_no_number_of_gpus_is_refused(gpus):
    with pytest.raises(ValueError, match="should read like 2 or a100:2"):
        resource_value("gpus", gpus)


@pytest.mark.parametrize(
    ("sbatch", "nodes", "count"),
    [
        ({"gpus": "a100:4"}, 1, 4),
        ({"gpus": "4"}, 2, 2),
        ({"gpus-per-node": "a100:3"}, 2, 3),
        ({"gres": "gpu:2"}, 2, 2),
        ({"gres": "tmp:1,gpu:a100:2(S:0),gpu"}, 1, 3),
        ({"gres": "tmp:7"}, 1, 0),
    ],
)
def test_each_gpu_has_a_process_however_it_is_asked_for(sbatch, nodes, count):
    asked = Resources(nodes=nodes, sbatch=sbatch)
    assert (asked.gpu_count, asked.processes) == (count, max(1, count))
    assert Resources(nodes=nodes, sbatch=sbatch, tasks=1).processes == 1


def test_a_node_has_one_task_with_the_cpus_of_all_its_processes():
    asked = Resources(nodes=3, gpus=4, cpus=2)
    assert asked.always() == {
        "nodes": "3",
        "ntasks-per-node": "1",
        "cpus-per-task": "8",
        "signal": "USR2@120",
    }
    assert asked.step() == {"cpus-per-task": "8", "kill-on-bad-exit": "0"}
    lines = asked.preparation()
    assert "export OMP_NUM_THREADS=2" in lines
    assert "export ABLATE_PROCESSES=4" in lines


def test_resources_are_told_in_a_few_words():
    assert Resources().brief() == "resources by default"
    asked = Resources(
        nodes=2, gpus="a100:1", sbatch={"constraint": "x", "hold": True, "exclusive": False}
    )
    assert asked.brief() == "nodes 2, gpus a100:1, constraint x, hold"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("partition", "a b", "partition 'a b' should be one word"),
        ("mem", "", "mem '' should read like 64G"),
        ("mem", "lots", "mem 'lots' should read like 64G"),
        ("mem", 64, 'mem cannot be 64: write text in quotes, such as mem = "64G"'),
        ("account", True, "account cannot be True: write text in quotes"),
        ("time", 1.5, "time cannot be 1.5: write text in quotes"),
        ("python", " ", "python ' ' should be a command"),
        ("nodes", 0, "nodes cannot be 0"),
        ("cpus", "many", "cpus cannot be 'many'"),
        ("setup", [1], "setup.0 cannot be 1"),
    ],
)
def test_a_value_that_cannot_be_is_told(name, value, said):
    with pytest.raises(ValueError, match=said):
        resource_value(name, value)


def test_values_are_read_as_they_are_meant():
    assert resource_value("time", 90) == "90"
    assert resource_value("cpus", "2") == 2
    assert resource_value("setup", "module load cuda") == ("module load cuda",)
    assert variable("OMP_PROC_BIND", 1) == "1"
    for name, value in (("A B", "1"), ("", "1"), ("1A", "1"), ("A", True), ("A", [])):
        with pytest.raises(ValueError, match=r"called|write text"):
            variable(name, value)
