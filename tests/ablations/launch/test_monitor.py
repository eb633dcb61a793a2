"""How busy the machine is: kept with the run where somebody asked, and else not looked at."""

from __future__ import annotations

import json
import os

import pytest
from click.testing import CliRunner

from ablations.cli.main import main
from ablations.errors import UserError
from ablations.launch import monitor
from ablations.launch.monitor import INTERVAL, WANTED, Monitor, interval, is_wanted, sample
from ablations.runs.directory import State
from ablations.runs.lease import Observer
from helpers.commands import TOY
from helpers.doers import Here
from helpers.gpus import WHOLE, pretend_gpus
from helpers.toy import PLAN
from helpers.tracking import begin, do

OF_THE_MACHINE = {
    "cpu_utilization_percentage",
    "system_memory_usage_megabytes",
    "system_memory_usage_percentage",
}
ROWS = ("0, GPU-aaaa-0, 1, 10, 100", "1, GPU-bbbb-1, [N/A], 20, 100", "2, GPU-cccc-2, 87, 50, 200")
KEY = next(iter(PLAN.runs))


class Slow(Here):
    """Tells what became of a task only when it is asked for the third time."""

    def begin(self, task):
        self.asked = 0
        super().begin(task)

    def outcome(self, seconds):
        self.asked += 1
        return super().outcome(seconds) if self.asked == 3 else None


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setenv(INTERVAL, "1e-9")
    monkeypatch.delenv(WANTED, raising=False)


def test_it_is_asked_for_as_mlflow_has_it(monkeypatch):
    assert not is_wanted()
    for text in ("true", "True", "1", "false", "0", ""):
        monkeypatch.setenv(WANTED, text)
        assert is_wanted() is (text in ("true", "True", "1"))
    monkeypatch.setenv(INTERVAL, "2.5")
    assert interval() == 2.5
    monkeypatch.delenv(INTERVAL)
    assert interval() == 10


@pytest.mark.parametrize("text", ["often", "0", "-1", "nan", "inf"])
def test_an_interval_that_is_none_ends_before_anything_starts(home, monkeypatch, text):
    monkeypatch.setenv(INTERVAL, text)
    monkeypatch.setenv(WANTED, "no")  # is put back afterwards
    says = f"{INTERVAL} is a number of seconds above 0, not {text!r}"
    with pytest.raises(UserError, match=says):
        interval()
    done = CliRunner().invoke(main, ["--home", str(home.root), "run", TOY, "--system-metrics"])
    assert done.exit_code == 2
    assert says in done.stderr
    assert not home.root.exists()


def test_without_gpus_the_machine_is_told(tmp_path, monkeypatch):
    pretend_gpus(monkeypatch, tmp_path, [], script=None)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = sample()
    assert found.keys() == OF_THE_MACHINE
    assert 0 <= found["cpu_utilization_percentage"] <= 100
    assert 0 < found["system_memory_usage_percentage"] < 100
    assert found["system_memory_usage_megabytes"] > 10


def test_gpus_are_numbered_as_the_worker_sees_them(tmp_path, monkeypatch):
    rows = "".join(f"echo '{row}';" for row in ROWS)
    pretend_gpus(monkeypatch, tmp_path, WHOLE, script=f"case $1 in -L) exit 1;; esac\n{rows}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-cccc,1")
    found = sample()
    assert {name: value for name, value in found.items() if name not in OF_THE_MACHINE} == {
        "gpu_0_utilization_percentage": 87,
        "gpu_0_memory_usage_megabytes": 52.4,
        "gpu_0_memory_usage_percentage": 25,
    }  # of the other one nvidia-smi does not know how busy it is


def test_a_sample_is_kept_when_it_is_time(tmp_path, monkeypatch):
    times = iter([0.0, 0.0, 9.0, 11.0, 11.0, 12.0, 20.9, 21.1, 21.1])
    monkeypatch.setattr(monitor.time, "monotonic", lambda: next(times))
    monkeypatch.setenv(INTERVAL, "10")
    one, counts = Monitor(tmp_path, 3), []
    for _ in range(6):
        one.look()
        file = tmp_path / "system-metrics-3.jsonl"
        counts.append(len(file.read_text().splitlines()) if file.exists() else 0)
    assert counts == [0, 0, 1, 1, 1, 2]
    assert json.loads(file.read_text().splitlines()[0]).keys() == {"time", "metrics"}


def test_an_attempt_that_lost_its_run_adds_nothing(home):
    run = begin(home, KEY)
    directory, one = home.run(KEY), Monitor(run.directory, 1)
    one.look()
    assert len(directory.samples()) == 1
    directory.fence(1)
    one.look()
    assert len(directory.samples()) == 1
    assert not list(directory.path.glob("files-*"))


def test_a_run_is_the_same_with_it_and_costs_nothing_without(home, monkeypatch):
    others = [key for key in PLAN.runs if key != KEY]
    do(home, others[0], doers=Slow)
    assert home.run(others[0]).samples() == []
    do(home, KEY, doers=Slow)
    before = home.run(KEY).result()
    home.run(KEY).reopen()
    monkeypatch.setenv(WANTED, "true")
    do(home, KEY, attempt=2, doers=Slow)
    after = home.run(KEY).result()
    assert home.run(KEY).inspect(Observer()).state is State.DONE
    assert after["metrics"] == before["metrics"]
    assert after["tables"] == before["tables"]
    assert after["files"].keys() - before["files"].keys() >= {"system-metrics-2.jsonl"}
    assert len(home.run(KEY).samples()) == 2
    assert home.run(KEY).damaged_files() == []


def test_the_next_attempt_adds_to_what_was_kept(home, monkeypatch):
    monkeypatch.setenv(WANTED, "true")
    run = begin(home, KEY)
    Monitor(run.directory, 1).look()
    (run.directory / "system-metrics-1.jsonl").open("a").write('{"time": 1.0}\n{"half')
    home.run(KEY).fence(1)
    home.run(KEY).release(1)
    do(home, KEY, attempt=2, doers=Slow)
    times = [one["time"] for one in home.run(KEY).samples()]
    assert len(times) == 3
    assert times == sorted(times)


def test_the_option_asks_the_workers(ablate, home):
    environment = {**os.environ, INTERVAL: "0.1"}
    one = ("--seeds", "1", "--set", "rate=0.1", "--set", "rule=plain", "--set", "pace=5")
    done = ablate("run", TOY, *one, "--set", "pause=0.5", "--system-metrics", env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = home.runs()
    assert run.samples()[0]["metrics"].keys() >= OF_THE_MACHINE
