"""Bad inputs, a line each: odd words, numbers and addresses, own mistakes, damaged files.

`tests/test_bad_inputs.py` gives them to all commands. A new case is a new line.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ablations.runs.home import Home
from helpers.commands import TOY

WORDS = [
    "",
    " ",
    ".",
    "..",
    "/",
    "-",
    "--",
    "~",
    "*",
    "%s",
    "%00",
    "a b",
    "é",
    "日本",
    "\U0001f600",
]
WORDS += [
    "x" * 5000,
    "../../etc/passwd",
    "nosuch.py",
    "/nosuch/x.py",
    "nosuch.py/",
    "$(id)",
    "'",
    '"',
]
WORDS += [
    "null",
    "None",
    "0",
    "\n",
    "\t",
    "a\nb",
    "[bold]x[/bold]",
    "{",
    "}",
    "{}",
    "a" * 255 + ".py",
]
NUMBERS = [
    "",
    "x",
    "-1",
    "0",
    "1.5",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "9" * 400,
    "1_0",
    "0x10",
    "٣",
    " 1 ",
]
VALUES = [
    *NUMBERS,
    "[",
    "{",
    "[]",
    "{}",
    "null",
    "true",
    '"x"',
    "[" * 3000,
    "{'a': 1}",
    ",",
    ",,",
    "a,b",
]
SETTINGS = ["rate", "rule", "steps", "pause", "seed", "pace", "nosuch", "Rate", "rate.x", ""]
OF_STUDIES = ["plan", "run", "search", "status", "report", "retry", "repair", "ui"]
OF_RUNS = ["cancel", "logs", "stitches", "latency", "export"]
NUMERIC = {
    "plan": ("--seeds", "--workers"),
    "run": ("--seeds", "--workers", "--per-gpu", "--pack", "--time-limit", "--silence-limit"),
    "search": ("--trials", "--seeds", "--workers", "--sampler-seed"),
    "ui": ("--port",),
}
WRONG_NUMBERS = [one for one in NUMBERS if one not in ("1_0", "٣", " 1 ", "1.5", "0")]
ADDRESSES = [
    "sqlite",
    "sqlite:",
    "sqlite://",
    "sqlite:///",
    "http://",
    "http://[",
    "nosuch://x",
    "/tmp",
]
ADDRESSES += [
    "http://127.0.0.1:9",
    "http://user:secret@127.0.0.1:9",
    "postgresql://u:secret@127.0.0.1:9/x",
]
ADDRESSES += [
    "mysql://127.0.0.1:9/x",
    "mssql://x",
    "postgresql://",
    "sqlite:////",
    "http://127.0.0.1:x",
]
ADDRESSES += [
    "sqlite:////proc/x.db",
    "sqlite:////nosuch/x.db",
    "sqlite:///{home}",
    "databricks",
    "file:///tmp",
]
CONTENTS = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"3",
    b'"x"',
    b"{",
    b"\xff\xfe\x00",
    b'{"a": [}',
    b"[" * 5000,
]
HOW = [*CONTENTS, "half", "gone", "folder", "loop"]
COMMANDS = [
    ["status"],
    ["status", "--json"],
    ["plan", TOY],
    ["sync"],
    ["sync", "--all"],
    ["gc", "--yes"],
]
COMMANDS += [
    ["report", "toy"],
    ["report", "--all"],
    ["repair"],
    ["repair", "--yes"],
    ["retry", "toy"],
]
COMMANDS += [
    ["logs", "{key}"],
    ["cancel", "{key}"],
    ["run", TOY, "--dry-run"],
    ["stitches", "{key}"],
]
STUDY_FILES = [
    "",
    "\0",
    "STUDY = 3",
    "STUDY = None",
    "import nosuch",
    "from ablations import Nosuch",
    "def f(:",
    "raise BaseException('x')",
    "raise KeyboardInterrupt",
    "import sys; sys.exit(0)",
    "import os; os.chdir('/nosuch')",
    "def f(): f()\nf()",
    "1 / 0",
    "STUDY = study(seeds='2')",
    "STUDY = study(seeds=-1)",
    "STUDY = study(where=None)",
    "STUDY = study(where=lambda c: 1 / 0)",
    "STUDY = study(where=lambda c: c.nosuch)",
    "STUDY = study(where=lambda c: False)",
    "STUDY = study(experiment=None)",
    "STUDY = study(axes=3)",
    "STUDY = study(axes=[3])",
    "STUDY = study(axes=[Axis(3, [1])])",
    "STUDY = study(axes=[Axis('rate', [])])",
    "STUDY = study(axes=[Axis('rate', 3)])",
    "STUDY = study(axes=[Axis('nosuch', [1, 2])])",
    "STUDY = study(axes=[Axis('rate', [0.1, 0.2]), Axis('rate', [0.1, 0.3])])",
    "STUDY = study(axes=[Axis('rate', {'a': {'rate': 0.1}, 'b': {'nosuch': 1}})])",
    "STUDY = study(axes=[Axis('rate', [object(), 1])])",
    "STUDY = study(axes=[Axis('rate', [float('nan'), 1])])",
    "STUDY = study(baseline=None)",
    "STUDY = study(baseline={'nosuch': 1})",
    "STUDY = study(baseline={'rate': 'x'})",
    "STUDY = study(design='nosuch')",
    "STUDY = study(claims=['better'])",
    "STUDY = study(claims=3)",
    "STUDY = study(title=None, question=3)",
    "STUDY = study(limits=3)",
    "STUDY = study(experiment=experiment(scales={}))",
    "STUDY = study(experiment=experiment(scales={'a': {}}))",
    "STUDY = study(experiment=experiment(config=int))",
    "STUDY = study(experiment=experiment(function=None))",
    "STUDY = study(experiment=experiment(expected_seconds=lambda c: 1 / 0))",
    "STUDY = study(experiment=experiment(expected_seconds=lambda c: 'x'))",
    "STUDY = study(experiment=experiment(name='../x'))",
    "STUDY = study(experiment=experiment(name=''))",
    "STUDY = study(experiment=experiment(objectives={'a': 3}))",
    "STUDY = study(experiment=experiment(check_settings=lambda c: 1 / 0))",
    "STUDY = study(axes=[Axis('', {'a': {'rate': 0.1}, 'b': {'rate': 0.2}})])",
    "STUDY = study(axes=[Axis('rate\\n', {'a': {'rate': 0.1}, 'b': {'rate': 0.2}})])",
    "STUDY = study(axes=[Axis('x' * 5000, {'a': {'rate': 0.1}, 'b': {'rate': 0.2}})])",
    "STUDY = study(axes=[Axis('rate', {'a\\nb': {'rate': 0.1}, 'b': {'rate': 0.2}})])",
    "STUDY = study(axes=[Axis('rate', {'x' * 5000: {'rate': 0.1}, 'b': {'rate': 0.2}})])",
    "STUDY = study(axes=[Axis('rate', {'\\ud800': {'rate': 0.1}, 'b': {'rate': 0.2}})])",
    "STUDY = study(axes=[Axis('fail_unless', ['', '1', 1])])",
    "STUDY = study(axes=[Axis('rate', range(10**9))])",
    "import itertools; STUDY = study(axes=[Axis('rate', itertools.count())])",
    "STUDY = study(title='')",
    "STUDY = study(title='x' * 100000)",
    "STUDY = study(question='\\ud800')",
    "STUDY = study(seeds=10**30)",
    "STUDY = study(seeds=2.0)",
    "STUDY = study(where=lambda: True)",
    "STUDY = study(where=lambda c: __import__('sys').exit(0))",
    "STUDY = study(where=lambda c: __import__('numpy').array([1, 2]))",
    "STUDY = study(claims=[Claim('', 'top1')])",
    "STUDY = study(claims=[Claim('c', '')])",
    "STUDY = study(claims=[Claim('c', 'top1', margin=float('nan'))])",
    "STUDY = study(claims=[Claim('c', 'top1', at={'rate': None})])",
    "STUDY = study(claims=[Claim('c', 'top1'), Claim('c', 'top1')])",
    "STUDY = study(experiment=experiment(metrics=[Metric('')]))",
    "STUDY = study(experiment=experiment(metrics=[Metric('a', factor=0)]))",
    "STUDY = study(experiment=experiment(metrics=[Metric('a'), Metric('b', 'a')]))",
    "STUDY = study(experiment=experiment(table=Table('', 'r', [Metric('a')])))",
    "STUDY = study(experiment=experiment(name='x' * 3000))",
    "STUDY = study(experiment=experiment(name='a\\nb'))",
    "STUDY = study(experiment=experiment(check_ready=lambda c: 3))",
    "STUDY = study(experiment=experiment(check_ready=lambda c: [3]))",
    "STUDY = study(experiment=experiment(expected_seconds=lambda c: 10**400))",
    "print('\\ud800')",
    "from . import sibling",
    "raise type('E', (Exception,), {'__str__': lambda s: 1 / 0})()",
    "raise ExceptionGroup('g', [ValueError('a'), KeyError('b')])",
    "async def f(): pass\nSTUDY = f()",
]
# names of variants that are none; and paths that were meant to be another
NAMES = [*(word for word in WORDS if word not in ("é", "日本", "null", "None", "0")), "-x", "toy"]
PATHS = [
    ["--home=", "status"],
    ["--home={home}/mlflow.db", "status"],
    ["--home={home}\udcff", "status"],
    ["report", "toy", "--output="],
    ["report", "toy", "--output={home}/mlflow.db"],
    ["report", "toy", "--output=/dev/null/x"],
    ["report", "toy", "--with="],
    ["report", "toy", "--with=/dev/null"],
    ["report", "toy", "--with=/proc/self"],
    ["report", "toy", "--figure", "accuracy", "--axis", "rate\n"],
    ["export", "{key}", "--output="],
]
# what others than 2 fit: an interruption, a name that is cleaned where it becomes a path, and what
# a plan only warns of
FITTING = {
    "raise KeyboardInterrupt": (130,),
    "STUDY = study(experiment=experiment(name='../x'))": (0,),
    "STUDY = study(experiment=experiment(check_ready=lambda c: 3))": (0,),
    "STUDY = study(experiment=experiment(check_ready=lambda c: [3]))": (0,),
}
BEGINNING = f"""
import importlib.util
from dataclasses import replace
from ablations import Axis, Claim, Metric, Study, Table
_spec = importlib.util.spec_from_file_location("toy_of_bad_inputs", {TOY!r})
import sys
_toy = sys.modules["toy_of_bad_inputs"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_toy)
def experiment(**given):
    return replace(_toy.TOY, **given)
def study(**given):
    return replace(_toy.STUDY, claims=given.pop("claims", ()), **given)
"""


@dataclass(frozen=True)
class Case:
    """A bad input.

    Attributes:
        kind: for the counts.
        words: of the command; `{{home}}`, `{{key}}` and `{{file}}` stand for what there is.
        codes: exit codes that are right.
        harm: does something to the home first; gives the run keys whose results may change.
    """

    kind: str
    words: tuple[str, ...]
    codes: tuple[int, ...] = (2,)
    harm: Callable[[Home], set[str]] = lambda home: set()

    def __str__(self) -> str:
        return " ".join([self.kind, *(repr(word)[:40] for word in self.words)])


def cases(seed: int) -> Iterator[Case]:
    """All of them; of what can be damaged in many ways, some drawn by `seed`."""
    for command, word in product(OF_STUDIES, WORDS):
        # an empty home option of `repair` and `ui` means all, `status` too
        codes = (0, 2) if command in ("status", "repair", "ui") and word.startswith("-") else (2,)
        yield Case("names of studies", (command, "--", word), codes)
    for command, word in product(OF_RUNS, WORDS):
        yield Case("names of runs", (command, "--", word))
    for command, options in NUMERIC.items():
        study = () if command == "ui" else (TOY,)
        for option, number in product(options, WRONG_NUMBERS):
            yield Case("numbers", (command, *study, f"{option}={number}"))
    for name, value in product(SETTINGS, VALUES):
        yield Case("settings", ("plan", TOY, "--set", f"{name}={value}"), (0, 2))
    for address, command in product(ADDRESSES, (("sync",), ("report", "toy"))):
        yield Case("addresses", (*command, f"--tracking-uri={address}"))
    for text in STUDY_FILES:
        yield Case("study files", ("plan", "{file}"), FITTING.get(text, (2,)), writing(text))
    for name in NAMES:
        yield Case(
            "names of variants", ("run", TOY, "--dry-run", "--set=rate=0.3", f"--name={name}")
        )
    for words in PATHS:
        yield Case("paths", tuple(words))
    for command in COMMANDS:
        yield Case("foreign files", tuple(command), (0, 1, 2), leaving)
    draw = random.Random(seed)
    for number in range(200):
        command, how = COMMANDS[number % len(COMMANDS)], draw.choice(HOW)
        harm = damaging(draw.random(), how)
        yield Case(f"damaged homes: {how!r:.20}", tuple(command), (0, 1, 2), harm)


def writing(text: str) -> Callable[[Home], set[str]]:
    """Writes a study file beside the home."""

    def write(home: Home) -> set[str]:
        (home.root.parent / "file.py").write_text(BEGINNING + text)
        return set()

    return write


def leaving(home: Home) -> set[str]:
    """Leaves in the home what people, file managers and other programs leave."""
    run = next(home.runs()).path
    for name in (".DS_Store", "Thumbs.db", "notes (1).txt"):
        for folder in (home.root, home.root / "runs", home.studies, run):
            (folder / name).write_text("x")
    for name in (".git", "lost+found", "new folder"):
        (home.root / "runs" / name).mkdir()
    shutil.copytree(run, run.with_name(f"Copy of {run.name}"))
    shutil.copy(next(home.studies.glob("*.json")), home.studies / "a copy.json")
    return set()


def damaging(place: float, how: bytes | str) -> Callable[[Home], set[str]]:
    """Damages one file of the home, `place` (0 to 1) of the way through all of them."""

    def damage(home: Home) -> set[str]:
        files = sorted(path for path in home.root.rglob("*") if path.is_file())
        path = files[int(place * len(files))]
        _spoil(path, how)
        return {part for part in path.parts if len(part) == 16}

    return damage


def _spoil(path: Path, how: bytes | str) -> None:
    content = path.read_bytes()
    path.unlink()
    if isinstance(how, bytes):
        path.write_bytes(how)
    elif how == "half":
        path.write_bytes(content[: len(content) // 2])
    elif how == "folder":
        path.mkdir()
    elif how == "loop":
        os.symlink(path, path)
