"""Bad inputs end in one sentence: no traceback, the right exit code, nothing lost, no hang.

A tenth of them by default; `FUZZ_SIZE=1 pytest tests/test_bad_inputs.py -s` tries all and counts
them by kind, `FUZZ_SEED=7` draws others.
"""

from __future__ import annotations

import faulthandler
import hashlib
import os
import shutil
import time
from collections import Counter

import pytest

from ablations.runs.home import Home
from ablations.tracking import ui
from helpers.bad_inputs import cases
from helpers.commands import TOY, run_ablate

SIZE = float(os.environ.get("FUZZ_SIZE", "0.1"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
HANG_SECONDS = 300  # of one input: it ends all tests, with a traceback of where it is
CASES = list(cases(SEED))
CHOSEN = CASES[:: max(1, round(1 / SIZE))]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A home with four finished runs and one that failed, tracked and reported; to be copied."""
    root = tmp_path_factory.mktemp("whole") / "home"
    for words in (["run", TOY, "--seeds=1"], ["report", "toy"]):
        done = run_ablate(root, *words)
        assert done.returncode == 0, done.stdout + done.stderr
    run_ablate(root, "run", TOY, "--seeds=1", "--set", "fail_unless=/nosuch", "--set", "rate=0.1")
    return root


def digests(folder):
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def results(home):
    return {run.key: digests(run.path / "result") for run in home.runs() if run.is_done}


def told_wrong(case, home, done, harmed, before, beside):
    """What is wrong with how a command took a bad input."""
    said = done.stdout + done.stderr
    if "Traceback" in said or "Error:" in said.partition("\n")[0].partition(":")[0]:
        yield "a traceback"
    if done.returncode not in case.codes:
        yield f"exit code {done.returncode}"
    lines = done.stderr.strip().splitlines()
    if done.returncode == 2 and not (lines and lines[-1].startswith("ablate: ")):
        yield "no sentence"
    if "secret" in said:
        yield "a password"
    after = results(home)
    lost = [key for key in before if key not in harmed and after.get(key) != before[key]]
    if lost:
        yield f"results lost: {lost}"
    if set(home.root.parent.iterdir()) != beside:
        yield "something written beside the home"


@pytest.mark.slow
@pytest.mark.timeout(0)  # each input has its own
def test_bad_inputs(whole, tmp_path, monkeypatch):
    counts, wrong, slowest = Counter(), [], (0.0, "")
    # of a run that is done: logs of one that failed show its traceback
    keys = sorted(run.key for run in Home(whole).runs() if (run.path / "result").is_dir())
    for number, case in enumerate(CHOSEN):
        place = tmp_path / str(number)
        home = Home(place / "home")
        shutil.copytree(whole, home.root)
        harmed = case.harm(home)
        monkeypatch.chdir(place)
        monkeypatch.delattr(ui, "_run_server")  # which would go on until an interruption
        before, beside = results(home), set(place.iterdir())
        names = {"{home}": str(home.root), "{key}": keys[0], "{file}": str(place / "file.py")}
        words = [names.get(word, word.replace("{home}", str(home.root))) for word in case.words]
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        begun = time.monotonic()
        done = run_ablate(home.root, *words)
        slowest = max(slowest, (time.monotonic() - begun, str(case)))
        found = list(told_wrong(case, home, done, harmed, before, beside))
        if found:
            tail = (done.stdout + done.stderr)[-700:]
            wrong.append(f"{case}: {', '.join(found)}\n{tail}")
            print(wrong[-1], flush=True)
        counts[case.kind.partition(":")[0], "wrong" if found else "right"] += 1
        monkeypatch.undo()
        shutil.rmtree(place, ignore_errors=True)
    faulthandler.cancel_dump_traceback_later()
    print(dict(counts), f"slowest: {slowest[0]:.1f} s, {slowest[1]}")
    assert not wrong, f"{len(wrong)} of {len(CHOSEN)}:\n" + "\n".join(wrong)


def test_there_are_enough():
    assert len(CASES) >= 600
