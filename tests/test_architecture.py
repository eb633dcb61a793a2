"""What may import what, and where facts have their homes: see docs/architecture.md."""

from __future__ import annotations

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {"snnet", "ablations", "studies", "reports"}
# of other rooms, each a module that stands alone: of `snnet` reports share one with searches, of
# `ablations` it takes what tells CPUs
ALLOWED = {
    "snnet": {"ablations.machine"},
    "ablations": set(),
    "studies": {"snnet", "ablations"},
    "reports": {"ablations", "snnet.front"},
}
# packages inside a room, from the bottom up: a module imports those of its own and of lower ones
ORDER = {
    "ablations": [
        *("runs", "study", "tracking", "launch"),
        *("maintenance", "terminal", "search", "cli"),
    ],
    "reports": ["statistics", "data", "drawing", "figures", "pages"],
}
# modules beside the packages that use them all
TOP = {"ablations.__main__", "ablations.api", "reports.build", "reports.own"}
# `import ablations` offers names of modules below it, when they are asked for
FACADES = {"ablations", "snnet"}


def modules(room: str) -> dict[str, Path]:
    """The path of every module of a room by its full name."""
    found = {}
    for path in sorted((ROOT / room).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = {name: path for room in sorted(ROOMS) for name, path in modules(room).items()}


def imports(path: Path) -> set[str]:
    """The modules that a file names in any import, those inside of functions included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            names |= inner or {node.module}
    return names


def level(name: str) -> int:
    """How high a module stands in its room; those beside the packages are below them."""
    room, _, rest = name.partition(".")
    package = rest.partition(".")[0]
    if name in TOP:
        return len(ORDER[room]) + 1
    return ORDER[room].index(package) + 1 if package in ORDER[room] else 0


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_rooms_import_in_one_direction(room):
    files = modules(room)
    assert files
    for path in files.values():
        others = {name for name in imports(path) if name.partition(".")[0] in ROOMS - {room}}
        refused = {name for name in others if not {name, name.partition(".")[0]} & ALLOWED[room]}
        assert not refused, path


@pytest.mark.parametrize("room", sorted(ORDER))
def test_packages_inside_a_room_import_only_downwards(room):
    folders = {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}
    assert folders == set(ORDER[room])
    for name, path in modules(room).items():
        if name in FACADES:
            continue
        for other in imports(path) & modules(room).keys() - FACADES:
            assert level(other) <= level(name), f"{name} imports {other}, which is above it"


def test_what_rooms_share_needs_no_other_module():
    for name in ("ablations.machine", "snnet.front"):
        assert not {other for other in imports(MODULES[name]) if other in MODULES}, name


def find_cycle(graph: dict[str, set[str]]) -> list[str]:
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_no_modules_import_each_other_in_a_circle(room):
    graph = {
        name: imports(path) & modules(room).keys() - {name}
        for name, path in modules(room).items()
        if name not in FACADES
    }
    assert find_cycle(graph) == []
    if graph:  # and a circle would be seen
        first, second = "one", "two"
        assert find_cycle({**graph, first: {second}, second: {first}}) != []


# facts, and the only modules that may state them as literals
HOMES = {
    r"(claim|attempt|heartbeat|released|cancelled|retry|failure)-[{*]": "ablations/runs/layout.py",
    r"\"(config|result)\.json|\.parquet\"": "ablations/runs/layout.py",
    r"mlflow\.(note|parentRunId|sharedViewState)": "ablations/tracking/names.py",
    r"\bE(NOSPC|DQUOT|ROFS|STALE|NOTCONN)\b": "ablations/file_system.py",
    r"\b(squeue|sbatch|scancel|SLURM_\w+)\b": "ablations/launch/slurm/",
    r"model\.safetensors|stitch\.parquet|\bmacs\b|\btop1\b": None,  # of stitching: nowhere here
}


@pytest.mark.parametrize(("fact", "home"), HOMES.items())
def test_a_fact_has_one_home_in_the_machinery(fact, home):
    for path in modules("ablations").values():
        where = path.relative_to(ROOT).as_posix()
        if home and where.startswith(home):
            continue
        code = "\n".join(code_lines(path))
        assert not re.search(fact, code), f"{where} states {re.search(fact, code)[0]!r}"


def code_lines(path: Path) -> list[str]:
    """The lines of a file without comments and docstrings."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            first.value.value = ""
    return ast.unparse(tree).replace("'", '"').splitlines()


WEAK = re.compile(r"(Of|As|The same|See|For|With|Until|Between|In|On|By|To|From)\b")


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_docstrings_begin_with_a_verb_or_a_noun(room):
    for path in modules(room).values():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                text = ast.get_docstring(node) or ""
                assert not WEAK.match(text), f"{path}:{node.lineno}: {text.splitlines()[0]}"


def test_docs_name_files_that_are_there():
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    named = re.compile(r"`((?:ablations|snnet|studies|reports|tests|benchmarks)/[\w./-]*)`")
    found = [(page.name, path) for page in pages for path in named.findall(page.read_text())]
    assert len(found) > 20
    for page, path in found:
        assert (ROOT / path).exists(), f"{page} names {path}"
