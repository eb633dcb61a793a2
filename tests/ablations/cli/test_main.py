"""The command line as a user meets it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

from helpers.commands import TOY, command

HEAVY = {"torch", "timm", "mlflow", "pandas", "matplotlib", "submitit", "sklearn", "pydantic"}


@pytest.mark.slow
def test_help_imports_nothing_heavy():
    code = (
        "import sys; from click.testing import CliRunner; from ablations.cli.main import main;"
        "r = CliRunner().invoke(main, ['--help']); assert r.exit_code == 0, r.output;"
        "print(r.output); print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ablate run overview" in done.stdout
    assert not HEAVY & {name.partition(".")[0] for name in done.stderr.split()}


@pytest.mark.parametrize("module", ["studies.overview", "studies.grid", "ablations.study.plan"])
@pytest.mark.slow
def test_planning_needs_no_torch(module):
    code = f"import sys, {module}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not (HEAVY - {"pydantic"}) & {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "overview", "--set", "init=lest_squares"], "did you mean least_squares"),
        (["run", "overview", "--set", "initt=kaiming"], "did you mean init"),
        (["plan", "overveiw"], "did you mean overview"),
        (["plan", "overview", "--scale", "digit"], "did you mean digits"),
        (["plan", "overview", "--set", "kernel"], "should read AXIS=VALUE"),
        (["plan", "overview", "--set", "anchors=[1,"], "not valid JSON"),
        (["plan", "missing.py"], "there is no study file"),
        (["status", "overview"], "was never run in"),
        (["report", "overview"], "nothing is tracked in"),
        (["sync"], "run a study first"),
        (["run", "overview", "--pack", "2"], "go with --cluster slurm"),
        (["run", "overview", "--cluster", "slurm", "--resource", "time"], "should read NAME=VALUE"),
        (["run", "overview", "--cluster", "slurm", "--resource", "men=1"], "did you mean mem"),
        (["retry", "overview"], "was never run in"),
        (["cancel", "overview"], "neither the beginning of a run key"),
        (["logs", "abc"], "neither the beginning of a run key"),
        (["run", "overview", "--tracking-uri", "nonsense://x"], "should begin with http"),
        (["run", "overview", "--set", "epochs=2", "--name=-x"], "begin it with a letter"),
        (["--home", __file__, "status"], "is a file; `ablate --help` tells more"),
        (["--hmoe", "x", "status"], "No such option"),
        (["--home=", "run", "overview"], "'--home': it is empty; name a path"),
        (["report", "overview", "--output="], "'--output': it is empty"),
        (["report", "overview", "--with="], "'--with': it is empty"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(ablate, tmp_path, arguments, says):
    done = ablate(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "home").exists()


def test_without_slurm(ablate, tmp_path):
    nothing = {**os.environ, "PATH": str(tmp_path)}
    for arguments in (["run", TOY, "--cluster", "slurm"], ["cluster", "check"]):
        done = ablate(*arguments, env=nothing)
        assert done.returncode == 2
        assert done.stderr.startswith("ablate: this machine has no SLURM")
    assert not (tmp_path / "home").exists()


def test_a_home_that_cannot_be_written(ablate, tmp_path):
    (tmp_path / "home").write_text("a file is in the way")
    done = ablate("run", TOY)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_plan_and_status_touch_nothing(ablate, tmp_path):
    for arguments in (["studies"], ["plan", "overview"], ["plan", "grid", "--json"], ["status"]):
        done = ablate(*arguments)
        assert done.returncode == 0, done.stderr
    assert not (tmp_path / "home").exists()


def test_plan_shows_what_exists(ablate):
    before = ablate("plan", TOY, "--seeds", "1")
    assert before.stdout.count("waiting") == 4
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    after = ablate("plan", TOY)
    assert after.stdout.count("done") == 4
    assert "8 runs at scale small (parabola), 4 to do" in after.stdout
    record = json.loads(ablate("plan", TOY, "--json").stdout)
    assert len(record["cells"]) == 8


@pytest.mark.slow
def test_added_commands_are_listed_without_heavy_imports():
    code = (
        "import sys; from click.testing import CliRunner; from ablations.cli.main import main;"
        "texts = [CliRunner().invoke(main, [*name, '--help']) for name in"
        " ([], ['stitches'], ['latency'], ['export'])];"
        "assert all(t.exit_code == 0 for t in texts); print(texts[0].output);"
        "assert all('  ablate ' in t.output for t in texts);"
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    for name in ("stitches", "latency", "export"):
        assert f"\n  {name} " in done.stdout
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not loaded & {"torch", "timm", "pandas", "pydantic", "rich"}


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("arguments", [f"plan {TOY}", "studies", "status", "repair"])
@pytest.mark.slow
def test_closed_streams_lead_nowhere(tmp_path, closed, arguments):
    (tmp_path / "home").mkdir()
    script = shlex.join(command(tmp_path / "home", *arguments.split()))
    done = subprocess.run(
        ["bash", "-c", f"{script} {closed}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert bool(done.stdout) == (closed[0] != ">")


@pytest.mark.slow
def test_a_mistake_keeps_its_exit_code_without_streams(tmp_path):
    script = shlex.join(command(tmp_path / "home", "plan", "overveiw"))
    assert subprocess.run(["bash", "-c", f"{script} >&- 2>&-"], check=False).returncode == 2


INTERRUPTED = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            exec("os.kill(os.getpid(), signal.SIGINT)")  # as inside of what makes dataclasses
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = ["--home", {home!r}, "plan", {study!r}]
from ablations.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["ablations.cli.main", "ablations.cli.plan", "pydantic", "rich"])
@pytest.mark.slow
def test_an_interruption_of_an_import_is_quiet(tmp_path, name):
    """Ctrl-C just when a command was given: before it begins, and while it loads what it needs."""
    code = INTERRUPTED.format(name=name, home=str(tmp_path / "home"), study=TOY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
