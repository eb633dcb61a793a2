"""`ablate run`: what is asked otherwise stays beside the study."""

from __future__ import annotations

import json

from ablations.study.plans import plan_of
from helpers.commands import TOY


def test_a_variant_leaves_the_study_as_it_was(ablate, home):
    assert ablate("run", TOY, "--seeds", "1").returncode == 0
    tried = ablate("run", TOY, "--seeds", "1", "--dry-run")
    assert (tried.returncode, tried.stdout) == (0, "no run of toy is due: nothing to start\n")
    before = plan_of(home, "toy")
    asked = ("--seeds", "1", "--set", "steps=3")
    name = "this is toy-steps-3, a variant of toy: `ablate report toy-steps-3`"
    assert name in ablate("plan", TOY, *asked).stdout
    done = ablate("run", TOY, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert name in done.stdout
    assert "3 of 3 runs done" in done.stdout
    assert plan_of(home, "toy") == before
    shown = ablate("status").stdout
    assert "toy (scale small): 4 done" in shown
    assert "toy-steps-3 (variant of toy, scale small): 3 done" in shown
    told = json.loads(ablate("status", "toy-steps-3", "--json").stdout)
    assert [study["variant_of"] for study in told] == ["toy"]
    assert ablate("plan", "toy-steps-3", "--seeds", "1").stdout.count(" done ") == 3
    assert ablate("retry", "toy-steps-3").stdout.startswith("0 failed")
    for study in ("toy", "toy-steps-3"):
        asked = ("--figure", "effects", "--format", "csv", "--output", str(home.root / study))
        assert ablate("report", study, *asked).returncode == 0
        table = (home.root / study / "effects.csv").read_text()
        assert ("pace,10" in table) is (study == "toy")
