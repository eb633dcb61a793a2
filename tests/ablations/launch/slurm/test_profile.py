"""The profile, and what goes wrong with it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ablations.errors import UserError
from ablations.launch.slurm.profile import check_names, check_scale, read_profile
from ablations.launch.slurm.resources import Resources
from ablations.runs.home import Home
from ablations.study.catalogue import load_study
from ablations.study.expansion import expand
from helpers.commands import TOY


def read_resources(profile, scale, changes, **levels):
    return read_profile(profile, changes).resources(scale, levels)


def test_each_layer_lies_over_the_one_before(tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_text('[default]\nmem = "1G"\ncpus = 2\nqos = "low"\n[scale.large]\nmem = "2G"\n')
    assert read_resources(profile, "small", {}) == Resources(mem="1G", cpus=2, qos="low")
    changed = read_resources(profile, "large", {"qos": "high"})
    assert changed == Resources(mem="2G", cpus=2, qos="high")


def test_runs_with_a_level_may_ask_for_more(tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_text(
        '[default]\nmem = "1G"\n[scale.large]\ngpus = 1\n'
        '[level.window."1/1-all"]\ngpus = 4\nmem = "8G"\n'
    )
    assert read_resources(profile, "large", {}, window="2/1") == Resources(mem="1G", gpus=1)
    more = read_resources(profile, "large", {}, window="1/1-all", init="kaiming")
    assert more == Resources(mem="8G", gpus=4)
    assert (more.processes, Resources(gpus=4, tasks=1).processes, Resources().processes) == (
        4,
        1,
        1,
    )
    assert more.brief() == "gpus 4, mem 8G"


def test_no_profile_is_all_right_unless_one_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_resources(None, "small", {}) == Resources()
    with pytest.raises(UserError, match=r"there is no profile other\.toml"):
        read_resources(tmp_path.relative_to(tmp_path) / "other.toml", "small", {})


def test_options_of_sbatch_and_srun_lie_over_each_other_one_by_one(tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_text(
        '[default]\nmem = "4G"\nenvironment = {A = "1", B = "1"}\n'
        '[default.sbatch]\nconstraint = "a100"\nmail-type = ["END", "FAIL"]\nexclusive = true\n'
        '[default.srun]\nmpi = "none"\n'
        '[scale.large.sbatch]\nmem_per_cpu = "2G"\nexclusive = false\n'
        '[level.window.wide]\nmem = "8G"\n[level.window.wide.srun]\ncpu-bind = "cores"\n'
        "[level.window.wide.environment]\nB = 2\n"
    )
    small = read_resources(profile, "small", {})
    always = {"constraint": "a100", "mail-type": "END,FAIL"}
    assert (small.mem, small.sbatch) == ("4G", {**always, "exclusive": True})
    large = read_resources(profile, "large", {})
    assert large.mem is None  # SLURM takes only one of the two
    assert large.sbatch == {**always, "mem-per-cpu": "2G", "exclusive": False}
    wide = read_resources(profile, "large", {}, window="wide")
    assert (wide.mem, wide.srun) == ("8G", {"mpi": "none", "cpu-bind": "cores"})
    assert "mem-per-cpu" not in wide.sbatch
    assert wide.environment == {"A": "1", "B": "2"}


def test_gpus_are_asked_for_once_in_whatever_way(tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_text(
        "[default]\ngpus = 1\n[scale.large.sbatch]\ngres = 'gpu:a100:2'\n"
        "[scale.vast.sbatch]\ngres = 'tmp:1'\n[level.window.wide]\ngpus = 4\n"
    )
    large = read_resources(profile, "large", {})
    assert (large.gpus, large.sbatch, large.processes) == (0, {"gres": "gpu:a100:2"}, 2)
    vast = read_resources(profile, "vast", {})
    assert (vast.gpus, vast.sbatch) == (1, {"gres": "tmp:1"})
    wide = read_resources(profile, "large", {}, window="wide")
    assert (wide.gpus, wide.sbatch) == (4, {})


def test_a_file_of_a_windows_editor_is_read(tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_bytes(b"\xef\xbb\xbf[default]\r\ncpus = 2\r\n")
    assert read_resources(profile, "small", {}).cpus == 2


def test_the_command_line_takes_options_too():
    changes = {"constraint": "b", "gpus": "a100:2", "mem_per_cpu": "1G", "exclusive": "true"}
    changes |= {"srun.mpi": "none", "environment.A": "x=1", "sbatch.plug-in-constraint": "y"}
    asked = read_profile(None, changes).resources("small", {})
    options = {"constraint": "b", "mem-per-cpu": "1G", "exclusive": True}
    assert asked.sbatch == {**options, "plug-in-constraint": "y"}
    assert (asked.gpus, asked.srun, asked.environment) == ("a100:2", {"mpi": "none"}, {"A": "x=1"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("constrain", "x", "no resource 'constrain': did you mean constraint?"),
        ("partitoin", "x", "no resource 'partitoin': did you mean partition?"),
        ("job-name", "x", "job-name of sbatch cannot be set here: jobs are found again by it"),
        ("srun.output", "x", "output of srun cannot be set here"),
        ("sbatch.time", "1", "it is a resource of its own: use time"),
        ("environment", "x", "write --resource environment.NAME=VALUE"),
        ("gpus", "x", "gpus 'x' should read like 2 or a100:2"),
        ("time", "1", "time 1 is not longer than signal_seconds"),
    ],
)
def test_mistakes_of_the_command_line_are_told(name, value, said):
    with pytest.raises(UserError, match=f"^--resource {name}={value}: .*{said}"):
        read_profile(None, {name: value}).resources("small", {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[default]\nmemory = 1", "no resource 'memory': did you mean mem?"),
        ("[defaults]\nmem = 1", r"no table \[defaults\]: did you mean default\?"),
        ("[level.window]\nmem = '1G'", r"level.window.mem should be a table"),
        ("scale = 1", r"scale should be a table, such as \[scale\]"),
        ("[default]\ntime = 'a day'", "time 'a day' should read like 30, 12:00:00 or 2-00:00:00"),
        ("[default]\ntime = '1'", "not longer than signal_seconds"),
        ("[default]\ncpus = 0", "cpus cannot be 0"),
        ("[default", "is no valid TOML"),
        ("default = 3", "default should be a table"),
        (
            "# site\n\n[default]\nconstraint = 'a100'",
            r"line 4: no resource 'constraint'; .* go into \[default.sbatch\]: constraint = ...",
        ),
        (
            "[scale.big]\nmem_per_cpu = '1G'",
            r"line 2: no resource 'mem_per_cpu'; .* into \[scale.big.sbatch\]",
        ),
        ("[default]\ntime = 02:00:00", 'line 2: write text in quotes: time = "02:00:00"'),
        ("[default]\ntime = 2-00:00:00", 'line 2: .*write text in quotes: time = "2-00:00:00"'),
        ("[default]\ntime = '1'\n", r"cluster.toml, line 2: time 1 is not longer"),
        ("[default]\nsignal_seconds = 100_000", "line 2: time 1-00:00:00 is not longer"),
        ("[default]\ngpus = 1\nsbatch = {gres = 'gpu:1'}", "line 3: sbatch.gres and gpus cannot"),
        ("[default]\nsetup = [\n'a',\n", "line 3: .*no valid TOML"),
        (f"[default]\ncpus = {'9' * 5000}", "line 2: .*no valid TOML"),
        (f"[default]\nsetup = {'[' * 3000}", "too many brackets"),
        ("[[default]]\ncpus = 2", r"line 1: default should be a table, such as \[default\]"),
        ("[default]\n\npartition = gpu # ours", 'line 3: .*: partition = "gpu"'),
        ("[default]\nmem = '1G'\nmem = '2G'", "line 3: .*no valid TOML"),
        ("[default]\nsetup = [\n'a',\n'b']\nmem = 64", "line 5: mem cannot be 64"),
        ("[default]\nsetup = [\n'a',\n3]", "line 2: setup.1 cannot be 3"),
        ("[default]\nmem = ''", "line 2: mem '' should read like 64G"),
        ("[default]\npartition = 'a b'", "line 2: partition 'a b' should be one word"),
        ("[default.sbatch]\narray = '1-3'", "line 2: array of sbatch cannot be set here"),
        ("[default.sbatch]\nmem = '1G'", "line 2: .*it is a resource of its own: use mem"),
        ("[default.sbatch]\ngres = {gpu = 1}", "line 2: gres cannot be .*write text in quotes"),
        (
            "[default.sbatch]\nmem-per-cpu = '1G'\nmem_per_gpu = '1G'",
            "line 3: sbatch.mem-per-gpu and sbatch.mem-per-cpu cannot be set together",
        ),
        ("[default]\nmem = '1G'\nsbatch = {mem-per-cpu = '1G'}", "line 3: .*set together"),
        (
            "[default]\nsbatch = 'x'",
            r"line 2: sbatch should be a table, such as \[default.sbatch\]",
        ),
        ("[default]\n[sbatch]\nx = 1", r"line 2: no table \[sbatch\]"),
        ("[level.rate.0.2]\ncpus = 2", r'line 1: .*quotes, such as \[level.rate."0.2"\]'),
        ("[default.environment]\nA = true", "line 2: A cannot be True: write text in quotes"),
        ('[default.environment]\nA = "\\u0000"', "line 2: A cannot hold a character of number 0"),
        ("[default]\ncpus = true", "line 2: cpus True should be a number"),
        ("[default]\ncpus = inf", "line 2: cpus cannot be inf: it should be a finite number"),
        ("[default]\nnodes = 1_000_000", "line 2: nodes cannot be 1000000"),
        ("[default]\ngpus = 1_000_000", "line 2: gpus 1000000 should read like 2 or a100:2"),
        (f"[default]\ntime = '{'9' * 5000}'", r"line 2: time '9+\.\.\.9+' should read like 30"),
        (f"[default]\nmem = '{'9' * 400}'", "line 2: mem .* should read like 64G"),
        (f"[default.sbatch]\ngpus = '{'9' * 5000}'", "line 2: gpus cannot be .* more than 4000"),
        ("[default]\nsetup = 3", "line 2: setup 3 should be a line or a list of lines"),
        ("[default]\nmem = ['1G']", "line 2: mem cannot be .*: write text in quotes"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, text, said):
    profile = tmp_path / "cluster.toml"
    profile.write_text(text)
    with pytest.raises(UserError, match=said):
        read_resources(profile, "small", {})


def test_a_file_that_is_no_text_is_told_with_its_line(tmp_path):
    profile = tmp_path / "cluster.toml"
    profile.write_bytes("[default]\nqos = 'prioritär'".encode("latin1"))
    with pytest.raises(UserError, match=r"cluster\.toml, line 2: this is no UTF-8 text"):
        read_profile(profile, {})
    profile.unlink()
    profile.mkdir()
    with pytest.raises(UserError, match=r"cluster\.toml cannot be read: Is a directory$"):
        read_profile(profile, {})


def test_a_scale_that_nothing_has_is_told(tmp_path):
    check_scale("imagenet", Home(tmp_path))
    with pytest.raises(UserError, match="there is no scale 'imagenot': did you mean imagenet"):
        check_scale("imagenot", Home(tmp_path))


def check(tmp_path, text, home=None):
    """Whether a profile names what the toy study has."""
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    work = SimpleNamespace(study=TOY, expansion=expand("toy", load_study(TOY)[1]))
    check_names(read_profile(path, {}), work, home or Home(tmp_path / "home"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "[scale.imagenot]\ncpus = 2",
            "line 1: there is no scale 'imagenot': did you mean imagenet",
        ),
        ("\n[level.nope.x]\ncpus = 2", "line 2: no study has an axis 'nope'"),
        ("[level.rate.'0.3']\ncpus = 2", "line 1: the axis rate has no level '0.3': did you mean"),
        (
            "[default]\nmem = '1G'\n[level.sampling.sandwhich]\ncpus = 2",
            "line 3: the axis sampling has no level 'sandwhich': did you mean sandwich",
        ),
    ],
)
def test_tables_for_what_there_is_not_are_refused(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        check(tmp_path, text)


def test_tables_for_other_studies_are_left_alone(tmp_path):
    check(tmp_path, "[scale.imagenet]\ncpus = 2\n[level.init.kaiming]\ncpus = 2\n")
    check(tmp_path, "[level.rate.'0.2']\ncpus = 2\n")
