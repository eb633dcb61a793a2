"""Options that go together reach a command as one."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ablations.cli.main import main
from ablations.cli.options import Chosen, Where, chosen_options, gathered
from ablations.errors import UserError
from ablations.study.plans import plan_of, save_plan
from helpers.commands import TOY
from helpers.toy import PLAN


@dataclass(frozen=True)
class Pair:
    left: int
    right: str = "unset"


def command_of(*options):
    """A command with these options and others; and what it was called with."""
    calls = []

    @click.command()
    @click.argument("study")
    @gathered(Pair, "pair", *options)
    @click.option("--own", is_flag=True)
    def command(**given):
        """What the command is for."""
        calls.append(given)

    return command, calls


LEFT = click.option("--left", type=int, default=1, help="Comes first.")
RIGHT = click.option("--right", default="r", help="Comes second.")


def test_a_command_gets_its_options_as_one():
    command, calls = command_of(LEFT, RIGHT)
    done = CliRunner().invoke(command, ["toy", "--left", "7", "--own"])
    assert done.exit_code == 0, done.output
    assert calls == [{"study": "toy", "pair": Pair(7, "r"), "own": True}]


def test_options_that_a_command_has_not_keep_the_default():
    command, calls = command_of(LEFT)
    assert CliRunner().invoke(command, ["toy"]).exit_code == 0
    assert calls == [{"study": "toy", "pair": Pair(1, "unset"), "own": False}]
    assert CliRunner().invoke(command, ["toy", "--right", "x"]).exit_code == 2


def test_options_are_checked_and_shown_in_their_order():
    command, calls = command_of(LEFT, RIGHT)
    assert CliRunner().invoke(command, ["toy", "--left", "x"]).exit_code == 2
    assert calls == []
    shown = CliRunner().invoke(command, ["--help"]).output
    assert "What the command is for." in shown
    assert shown.index("--left") < shown.index("--right") < shown.index("--own")


def test_two_gatherings_do_not_meet():
    calls = []

    @click.command()
    @chosen_options
    @gathered(Pair, "pair", LEFT, RIGHT)
    def command(chosen, pair):
        calls.append((chosen, pair))

    arguments = ["--seeds", "3", "--set", "rate=0.1", "--set", "rule=plain", "--right", "x"]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    chosen = Chosen(("rate=0.1", "rule=plain"), 3, None, None)
    assert calls == [(chosen, Pair(1, "x"))]
    names = {option.name for option in command.params}
    assert names == {field.name for kind in (Chosen, Pair) for field in fields(kind)}


def test_what_is_chosen_decides_the_runs(home):
    chosen = Chosen(("rule=plain",), 3, None, "large")
    plan = chosen.expand(home, TOY).plan
    assert (plan.study, plan.scale, len(plan.cells)) == ("toy-large-rule-plain", "large", 9)
    with pytest.raises(UserError, match="should read AXIS=VALUE"):
        Chosen(("rule",), None, None, None).expand(home, TOY)


def ask(home, study=TOY, *changes, name=None, scale=None, seeds=None):
    return Chosen(changes, seeds, None, scale).expand(home, study, name).plan


def test_what_is_asked_otherwise_is_a_study_of_its_own(home):
    own = ask(home)
    assert own.variant is None
    assert ask(home, TOY, scale="small") == own  # which it is by default
    save_plan(home, own)
    variant = ask(home, TOY, "steps=3", seeds=1)
    save_plan(home, variant)
    assert variant.study == "toy-steps-3"
    assert variant.title == "A toy (steps=3)"
    assert plan_of(home, "toy") == own
    # by its name it is asked again, and on
    assert ask(home, "toy-steps-3", seeds=1) == variant
    assert ask(home, "toy-steps-3", "rate=0.2").study == "toy-rate-0-2-steps-3"
    assert ask(home, "toy-steps-3", "steps=4").study == "toy-steps-4"
    large = ask(home, "toy-steps-3", scale="large")
    assert (large.study, large.scale) == ("toy-large-steps-3", "large")


def test_a_variant_may_be_given_a_name(home):
    mine = ask(home, TOY, "steps=3", name="mine")
    save_plan(home, mine)
    assert mine.study == "mine"
    assert ask(home, "mine") == mine
    assert ask(home, TOY, name="again").title == "A toy"
    save_plan(home, ask(home, TOY, "steps=3", name="mine", seeds=3))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"name": "a/b"}, "use letters, digits, - and _"),
        ({"name": "a.b"}, "use letters, digits, - and _"),
        ({"name": "x" * 101}, "use at most 100 characters"),
        ({"name": "overview"}, "a study is called so"),
        ({"name": "toy"}, "a study is called so"),
        ({"name": "other"}, "other is a study in .*: give this variant another --name"),
        ({"name": "toy-search"}, "toy-search is a search in"),
        ({"name": "toy-steps-3"}, "toy-steps-3 is toy with steps=3 in .*: give this variant"),
    ],
)
def test_a_name_that_is_taken_is_refused(home, asked, says):
    save_plan(home, replace(PLAN, study="other"))
    save_plan(home, replace(PLAN, study="toy-search", design="search"))
    save_plan(home, ask(home, TOY, "steps=3"))
    with pytest.raises(UserError, match=says):
        ask(home, TOY, "steps=4", **asked)


def test_a_study_file_does_not_take_the_plan_of_a_variant(home, tmp_path):
    save_plan(home, ask(home, TOY, "steps=3"))
    file = tmp_path / "toy-steps-3.py"
    file.write_text(Path(TOY).read_text())
    with pytest.raises(UserError, match=r"toy-steps-3 is toy with steps=3 in .*: call this"):
        ask(home, str(file))
    with pytest.raises(UserError, match="toy-steps-3 is toy with steps=3"):
        save_plan(home, replace(PLAN, study="toy-steps-3"))


def test_where_workers_run_becomes_the_options_of_a_scheduler():
    where = Where("slurm", 3, Path("c.toml"), ("time=1:00", "mem=2G"), pack=2, sync="after")
    found = where.options()
    assert (found.workers, found.pack, found.profile) == (3, 2, Path("c.toml"))
    assert found.resources == {"time": "1:00", "mem": "2G"}
    assert found.sync
    assert not Where("local", None, None, ()).options().sync
    with pytest.raises(UserError, match="--resource time should read NAME=VALUE"):
        Where("slurm", None, None, ("time",)).options()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--workers", "1000000000"), "1000000000 is not in the range 1<=x<=10000"),
        (("--workers", "9" * 400), "is not in the range 1<=x<=10000"),
        (("--seeds", "99999999"), "99999999 is not in the range 1<=x<=100000"),
        (("--seeds", "50000"), "4 settings with 50000 seeds each, more than the 100,000 runs"),
        (("--per-gpu", "1000"), "1000 is not in the range 1<=x<=100"),
        (("--pack", "9" * 400), "is not in the range 1<=x<=100000"),
        (("--time-limit", "9" * 400), "is out of range: choose 1s to 3650d"),
        (("--time-limit", "0.0001s"), "--time-limit 0.0001s is out of range: choose 1s to 3650d"),
        (("--silence-limit", "99999999d"), "--silence-limit 99999999d is out of range"),
        (("--time-limit", "inf"), "'inf' is no duration"),
        (("--set", "rate=inf"), "rate cannot be 'inf': it should be a finite number"),
        (("--set", f"steps={'9' * 400}"), "steps cannot be"),
        (("--set", f"steps={'[' * 3000}"), "it has too many brackets"),
        (("--set", "nosuch=1"), "there is no axis or setting 'nosuch': choose from: rate, rule"),
        (("--sede", "3"), "No such option '--sede'"),
        (("--seeds",), "requires an argument"),
        (("--seeds", "1.5"), "'1.5' is not a valid integer"),
    ],
)
def test_what_is_asked_by_mistake_is_one_sentence_at_once(home, arguments, says):
    done = CliRunner().invoke(main, ["--home", str(home.root), "run", TOY, *arguments])
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("ablate: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) < 500
    assert not home.root.exists()


def test_a_group_without_a_command_shows_its_help():
    done = CliRunner().invoke(main, ["cluster"])
    assert done.exit_code == 2
    assert "check  Submit a small job" in done.stderr
