"""The digest of a user's code: changed by what may change a result, and by nothing else."""

from __future__ import annotations

import ast
import sys
from functools import partial
from pathlib import Path

import pytest

from ablations.study.catalogue import load_study
from ablations.study.code import code_of
from ablations.study.expansion import expand
from ablations.study.scopes import meaning
from ablations.study.source import is_installed, user_files

FOREST = '''\
"""Random forests."""
import functools
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from ablations import Axis, Claim, Experiment, Study
from forest_helper import depth_of
import forest_helper

TRUE = True
DEPTH = 3
SIZES = [10, 20]
TABLE = {}
TABLE["small"] = 1

class Kind(Enum):
    PLAIN = "plain"
    def factor(self):
        return 1

@dataclass(frozen=True)
class Split:
    share: float = 0.5
    def rows(self):
        return self.share * 10

@dataclass(frozen=True)
class Config:
    """Settings."""
    factor: ClassVar[int] = 2
    trees: int = 10
    kind: Kind = Kind.PLAIN
    split: Split = field(default_factory=Split)
    seed: int = 0
    def __post_init__(self):
        if self.trees < 1:
            raise ValueError("trees")

def noise(seed):
    return seed / 7  # of the seed

def unused():
    return 1

def run(config: Config, attempt):
    """Grows."""
    from forest_late import late
    unused = late
    sizes = [DEPTH for depth in range(3)]
    return {"score": noise(config.seed) + depth_of(sizes) + forest_helper.width() + TABLE["small"]}

STUDY = Study(
    title="Forest",
    question="How many?",
    experiment=Experiment(name="forest", config=Config, function=run),
    baseline={},
    axes=[Axis("trees", SIZES)],
)
'''
HELPER = """\
LEAF = 1
WIDTH = 2

def depth_of(sizes):
    return LEAF + len(sizes)

def width():
    return WIDTH

def not_asked():
    return 0
"""
FILES = {"forest.py": FOREST, "forest_helper.py": HELPER, "forest_late.py": "late = 1\n"}


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """The code of the study with some files otherwise, each time in a folder of its own."""

    def find(changed=None):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for name, text in {**FILES, **(changed or {})}.items():
            (folder / name).write_text(text)
        for name in [name for name in sys.modules if name.startswith("forest")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "path", list(sys.path))
        return load_study(str(folder / "forest.py"))[1].experiment.code

    return find


def edited(old, new, file="forest.py"):
    assert FILES[file].count(old) == 1, old
    return {file: FILES[file].replace(old, new)}


@pytest.mark.parametrize(
    "changed",
    [
        edited("  # of the seed", ""),
        edited('"""Grows."""', '"""Grows trees."""'),
        edited('"""Random forests."""', ""),
        edited('    """Settings."""\n', ""),
        edited("return seed / 7", "return (\n        seed/7\n    )"),
        edited("SIZES = [10, 20]", "SIZES = [10, 20, 30]"),
        edited('axes=[Axis("trees", SIZES)]', 'axes=[Axis("trees", [10, 50])], seeds=2'),
        edited('title="Forest"', 'title="Woods", claims=[Claim("c", "score", {"trees": "10"})]'),
        edited("trees: int = 10", "trees: int = 20\n    leaves: int = 3"),
        edited('PLAIN = "plain"', 'PLAIN = "plain"\n    OTHER = "other"'),
        edited("share: float = 0.5", "share: float = 0.6"),
        edited("return 1\n\ndef run", "return 2\n\ndef run"),
        edited("import functools\n", "import json\n"),
        edited("return 0", "return 1", "forest_helper.py"),
        {
            "forest.py": "'''A new line.'''\n\n"
            + FOREST
            + "\nif __name__ == '__main__':\n    exit()\n"
        },
    ],
)
def test_what_changes_no_result_keeps_the_code(digest, changed):
    assert digest(changed) == digest()


@pytest.mark.parametrize(
    "changed",
    [
        edited("seed / 7", "seed / 8"),
        edited("DEPTH = 3", "DEPTH = 4"),
        edited('TABLE["small"] = 1', 'TABLE["small"] = 2'),
        edited("self.trees < 1", "self.trees < 2"),
        edited("factor: ClassVar[int] = 2", "factor: ClassVar[int] = 3"),
        edited("return 1\n\n@dataclass", "return 2\n\n@dataclass"),
        edited("self.share * 10", "self.share * 20"),
        edited("sizes = [DEPTH", "sizes = [1 + DEPTH"),
        edited("@dataclass(frozen=True)\nclass Config", "@dataclass\nclass Config"),
        edited("DEPTH = 3", "DEPTH = 3\nDEPTH += 1"),
        edited("DEPTH = 3", "DEPTH = 3\nif TRUE:\n    DEPTH = 4"),
        edited("DEPTH = 3", "DEPTH = 3\nfor DEPTH in [5]:\n    pass"),
        edited("DEPTH = 3", "DEPTH = 3\nprint(DEPTH)"),
        edited("DEPTH = 3", "DEPTH = 3\nfunctools.state = 1"),
        edited("DEPTH = 3", "from forest_helper import LEAF as DEPTH"),
        edited("DEPTH = 3", "try:\n    from forest_helper import LEAF as DEPTH\nexcept OSError: 0"),
        edited("def noise", "@(lambda f: f)\ndef noise"),
        edited("def unused", "@(lambda f: f)\ndef unused"),
        edited("LEAF = 1", "LEAF = 2", "forest_helper.py"),
        edited("WIDTH = 2", "WIDTH = 3", "forest_helper.py"),
        edited("WIDTH = 2", "WIDTH = 2\nprint(WIDTH)", "forest_helper.py"),
        edited("late = 1", "late = 2", "forest_late.py"),
    ],
)
def test_what_may_change_a_result_changes_the_code(digest, changed):
    assert digest(changed) != digest()


def test_a_variable_that_a_function_counts_up_is_read(digest):
    counting = FOREST.replace("DEPTH = 3", "DEPTH = 3\nCOUNT = 1").replace(
        "    return seed / 7", "    global COUNT\n    COUNT += 1\n    return seed / 7"
    )
    one = digest({"forest.py": counting})
    assert one == digest({"forest.py": counting.replace("SIZES = [10, 20]", "SIZES = [1]")})
    assert one != digest({"forest.py": counting.replace("COUNT = 1", "COUNT = 2")})


START = """\
import functools
from dataclasses import dataclass

from ablations import Axis, Experiment, Study

@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    seed: int = 0

def twice(function):
    @functools.wraps(function)
    def call(*arguments):
        return function(*arguments)
    return call

def scaled(factor):
    def run(config, attempt):
        return {"score": FIRST * factor}
    return run

def retried(function, times):
    @functools.wraps(function)
    def call(*arguments):
        return [function(*arguments) for _ in range(times + LAST)][0]
    return call

class Trainer:
    def __init__(self, factor):
        self.factor = factor
    def __call__(self, config, attempt):
        return {"score": FIRST * self.factor}
    def fit(self, config, attempt):
        return self(config, attempt)

def plain(config, attempt, factor=2):
    return {"score": FIRST * factor}

@twice
def decorated(config, attempt):
    return {"score": FIRST}

FIRST, OTHER = 1, 2
LAST = 5
"""
END = """
STUDY = Study(
    title="T", question="Q?", baseline={}, axes=[Axis("rate", [0.1])],
    experiment=Experiment(name="mine", config=Config, function=FUNCTION),
)
"""


@pytest.mark.parametrize(
    "function",
    [
        "plain",
        "decorated",
        "functools.partial(plain, factor=2)",
        "functools.lru_cache(plain)",
        "lambda config, attempt: plain(config, attempt)",
        "scaled(2)",
        "retried(plain, 2)",
        "Trainer(2)",
        "Trainer(2).fit",
    ],
)
def test_every_kind_of_function_is_followed(tmp_path, function):
    def code(text):
        path = tmp_path / "mine.py"
        path.write_text(text)
        return load_study(str(path))[1].experiment.code

    whole = START + END.replace("FUNCTION", function)
    kept = code(whole)
    assert code(whole.replace('"T"', '"Other"')) == kept
    assert code(whole.replace("FIRST, OTHER = 1, 2", "FIRST, OTHER = 3, 2")) != kept
    if "retried" in function:
        assert code(whole.replace("LAST = 5", "LAST = 6")) != kept
    if "2)" in function:
        assert code(whole.replace("2)", "3)")) != kept


def test_what_is_installed_has_no_code_of_users():
    assert load_study("overview")[1].experiment.code is None
    assert code_of(print, int) is None
    assert code_of(partial(print, "of Python"), int) is None
    assert is_installed("pytest", Path(pytest.__file__))
    assert is_installed("json", Path(ast.__file__).parent / "json/__init__.py")
    assert not is_installed("study_0a1b2c3d_mine", Path(ast.__file__).parents[3] / "mine.py")


def test_an_experiment_has_the_same_code_whichever_study_file_imports_it(tmp_path, monkeypatch):
    (tmp_path / "owner.py").write_text(START + END.replace("FUNCTION", "plain"))
    (tmp_path / "guest.py").write_text("from owner import STUDY\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "owner", raising=False)
    codes = {
        load_study(str(tmp_path / name))[1].experiment.code for name in ("owner.py", "guest.py")
    }
    assert len(codes) == 1


PACKAGE = {
    "mine.py": "from models import Net, plots\nimport models.deep.layers as layers\n"
    "from models.star import *\n" + START
    + "def run(config, attempt):\n    return {'a': Net(), 'b': layers.size, 'c': starred}\n"
    + END.replace("FUNCTION", "run"),
    "models/__init__.py": "from .net import Net\n",
    "models/net.py": "from . import base\nfrom .deep import layers\nclass Net(base.Base): pass\n",
    "models/base.py": "class Base: x = 1\nclass Other: x = 1\n",
    "models/plots.py": "def draw(): return 1\n",
    "models/star.py": "starred = 1\nunstarred = 1\n",
    "models/deep/layers.py": "size = 1\n",
}  # fmt: skip


@pytest.mark.parametrize(
    ("file", "old", "same"),
    [
        ("models/net.py", "pass", False),
        ("models/base.py", "Base: x = 1", False),
        ("models/base.py", "Other: x = 1", True),
        ("models/plots.py", "1", True),
        ("models/deep/layers.py", "1", False),
        ("models/star.py", "starred = 1", False),
        ("models/star.py", "unstarred = 1", True),
    ],
)
def test_packages_beside_the_file_are_followed(tmp_path, monkeypatch, file, old, same):
    def code(folder, files):
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        for name in [name for name in sys.modules if name.split(".")[0] == "models"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "path", list(sys.path))
        found = load_study(str(folder / "mine.py"))[1].experiment.code
        assert set(map(str, user_files(folder / "mine.py"))) == files.keys()
        return found

    before = code(tmp_path / "a", PACKAGE)
    changed = PACKAGE[file].replace(old, f"{old[:-1]}2" if old[-1] == "1" else "y = 2", 1)
    assert (code(tmp_path / "b", {**PACKAGE, file: changed}) == before) is same


@pytest.mark.parametrize("text", ["x = 1", "def f(a, *b, c=1): return a", "class A(B): c: int = 3"])
def test_the_meaning_of_code_is_not_how_it_is_written(text):
    spaced = text.replace(" = ", "=  ").replace(": ", ":\n    ", 1 if ":" in text else 0)
    assert meaning(ast.parse(spaced + "  # a comment")) == meaning(ast.parse(text))


def test_two_files_with_the_same_experiment_name_have_other_keys(tmp_path):
    keys = []
    for name, rate in (("one.py", "config.rate"), ("two.py", "config.rate + 1")):
        text = START.replace("FIRST * factor", rate) + END.replace("FUNCTION", "plain")
        (tmp_path / name).write_text(text)
        keys += list(expand("mine", load_study(str(tmp_path / name))[1]).configs)
    assert len(set(keys)) == 2


def test_modules_of_the_working_directory_are_seen_as_workers_see_them(tmp_path, monkeypatch):
    (tmp_path / "studies").mkdir()
    body = "def run(config, attempt):\n    from lying_here import late\n    return {'a': late}\n"
    text = START + body + END.replace("FUNCTION", "run")
    (tmp_path / "studies/mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    codes = set()
    for value in (1, 2):
        (tmp_path / "lying_here.py").write_text(f"late = {value}\n")
        codes.add(load_study("studies/mine.py")[1].experiment.code)
    assert len(codes) == 2
    assert set(map(str, user_files(tmp_path / "studies/mine.py"))) == {"mine.py", "lying_here.py"}


def test_the_digest_of_some_code_never_changes_silently(digest):
    """Else all runs of users' experiments would be of earlier code."""
    assert digest() == "8ad7ade66f4c046a"
