"""What a run is known by, also after its experiment got another field."""

from __future__ import annotations

import re
from dataclasses import make_dataclass, replace
from typing import Annotated, Any, Literal

import pytest

from ablations.errors import UserError
from ablations.study.catalogue import load_study
from ablations.study.expansion import expand
from ablations.study.experiment import Experiment
from ablations.study.study import Axis, Study

# of no module of anybody's, as the experiments of packages
OLD = make_dataclass("Config", [("rate", float, 0.1), ("seed", int, 0)], frozen=True)
NEW = make_dataclass(
    "Config",
    [("rate", float, 0.1), ("momentum", float | None, 0.5), ("seed", int, 0)],
    frozen=True,
)
PART = make_dataclass("Part", [("name", str, "a")], frozen=True)
LATER = make_dataclass("Part", [("name", str, "a"), ("start", str, "random")], frozen=True)
BEFORE = Experiment("forest", OLD, print)
AFTER = Experiment("forest", NEW, print, since={"momentum": 0})
GOLDEN = "a7cbe6efe3e19289"  # of a version that knew nothing of later fields


def key(experiment, **settings):
    return experiment.key(experiment.resolve(settings))


def test_a_later_field_with_the_value_of_before_it_changes_no_key():
    assert BEFORE.code is None
    assert key(BEFORE) == key(AFTER, momentum=0.0) == GOLDEN
    other = {key(AFTER), key(AFTER, momentum=None), key(replace(AFTER, since={}), momentum=0.0)}
    assert len({GOLDEN, *other}) == 4
    assert key(AFTER) == key(replace(AFTER, since={}))


def test_a_run_of_before_the_field_is_the_same_setup():
    stored = BEFORE.dump(BEFORE.resolve({}))
    assert AFTER.setup(stored) == AFTER.setup(AFTER.dump(AFTER.resolve({"momentum": 0})))
    assert AFTER.setup(stored) != AFTER.setup(AFTER.dump(AFTER.resolve({})))


def whole(part):
    """A configuration that holds several of a dataclass, and maybe one."""
    parts, other = ("parts", tuple[part, ...], (part(),)), ("other", part | None, None)
    return make_dataclass("Whole", [parts, other, ("seed", int, 0)], frozen=True)


def test_a_later_field_of_a_dataclass_inside_changes_no_key():
    before = replace(BEFORE, config=whole(PART))
    since = {"parts.start": "random", "other.start": "random"}
    after = replace(BEFORE, config=whole(LATER), since=since)
    given = {"parts": [{"name": "a"}, {"name": "b"}], "other": {"name": "c"}}
    assert key(before, **given) == key(after, **given)
    assert key(before) == key(after)
    new = {**given, "parts": [{"name": "a", "start": "file"}, {"name": "b"}]}
    assert key(after, **new) != key(before, **given)
    for name, says in (
        ("parts.strat", "no field: did you mean start"),
        ("part.start", "no field"),
        ("seed.start", "no field"),
    ):
        with pytest.raises(UserError, match=f"since names '{name}', which is {says}"):
            replace(after, since={name: "random"})


STUDY = """\
from dataclasses import dataclass
from ablations import Axis, Experiment, Study

@dataclass(frozen=True)
class Config:
    rate: float = 0.1
    seed: int = 0

def run(config, attempt):
    return {"rate": config.rate * (1 - getattr(config, "momentum", 0.0))}

STUDY = Study(
    title="T", question="Q?", baseline={}, axes=[Axis("rate", [0.1, 0.2])],
    experiment=Experiment("mine", Config, run),
)
"""


def test_the_field_is_no_edit_of_a_users_code(tmp_path):
    def keys(text):
        (tmp_path / "mine.py").write_text(text)
        return list(expand("mine", load_study(str(tmp_path / "mine.py"))[1]).configs)

    field = STUDY.replace("    seed: int", "    momentum: float = 0.0\n    seed: int")
    since = field.replace("Config, run)", "Config, run, since={'momentum': 0.0})")
    assert keys(since) == keys(STUDY)
    assert keys(since.replace("float = 0.0", "float = 0.9")) != keys(STUDY)
    assert keys(field) != keys(STUDY)


def test_values_are_compared_as_they_are_written():
    kind = make_dataclass("Config", [("a", object, None), ("seed", int, 0)], frozen=True)
    plain = Experiment("e", kind, print)
    later = replace(plain, since={"a": 1})
    assert key(later, a=1) != key(plain, a=1)
    for other in (True, 1.0, "1", None):
        assert key(later, a=other) == key(plain, a=other)


def test_pieces_belong_to_fields_of_text():
    for name, says in (
        ("rte", "'rte', which is no field: did you mean rate?"),
        ("rate", "'rate', a field of type <class 'float'>: only a field of text can name a piece"),
    ):
        with pytest.raises(UserError, match=re.escape(f"pieces names {says}")):
            replace(BEFORE, pieces={name: {"0.1": print}})
    for kind in (str, str | None, Literal["a", 1], Annotated[str, "b"], Any):
        config = make_dataclass("Config", [("name", kind, "a"), ("seed", int, 0)], frozen=True)
        replace(BEFORE, config=config, pieces={"name": {}})
    assert BEFORE.code_of_piece("rate", [0.1]) is None


def test_one_value_is_no_axis_and_may_be_long():
    kind = make_dataclass("Config", [("a", object, None), ("seed", int, 0)], frozen=True)
    study = Study("T", "Q?", Experiment("e", kind, print), [Axis("a", [None, 1])])
    long = ["x" * 2000]
    for axes in (study.axes, ()):
        fixed = replace(study, axes=axes).override({"a": [long]})
        assert (fixed.axes, fixed.baseline) == ([], {"a": long})
    with pytest.raises(UserError, match=r"axis a: the label .* has 2,004 letters"):
        study.override({"a": [long, None]})
