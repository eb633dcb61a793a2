"""Studies expand into the runs that they promise; mistakes are named before anything starts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.errors import UserError
from ablations.study.expansion import expand
from ablations.study.study import Axis
from helpers.toy import STUDY
from studies.overview import STUDY as OVERVIEW


def planned(*arguments, **options):
    return expand(*arguments, **options).plan


def levels(plan):
    return [tuple(cell.levels.values()) for cell in plan.cells if cell.seed == 0]


def test_one_factor_varies_each_axis_alone():
    assert levels(planned("toy", STUDY)) == [
        ("0.1", "plain", "5"),
        ("0.2", "plain", "5"),
        ("0.1", "momentum", "5"),
        ("0.1", "plain", "10"),
    ]


def test_factorial_has_every_combination():
    assert len(set(levels(planned("toy", replace(STUDY, design="factorial"))))) == 8


def test_zipped_goes_in_step():
    expansion = expand("toy", replace(STUDY, design="zipped"))
    plan = expansion.plan
    assert levels(plan) == [("0.1, plain, 5",), ("0.2, momentum, 10",)]
    assert list(plan.axes) == ["rate and rule and pace"]
    rules = [expansion.configs[cell.key].rule for cell in plan.cells if cell.seed == 0]
    assert rules == ["plain", "momentum"]
    uneven = replace(STUDY, design="zipped", axes=[Axis("rate", [0.1]), *STUDY.axes[1:]])
    with pytest.raises(UserError, match="equally many levels"):
        planned("toy", uneven)


def test_where_keeps_what_it_accepts():
    study = replace(STUDY, design="factorial", where=lambda c: c.rule == "plain")
    assert len(levels(planned("toy", study))) == 4
    with pytest.raises(UserError, match="no runs left"):
        planned("toy", replace(STUDY, where=lambda c: False))


@given(seeds=st.integers(1, 5), design=st.sampled_from(["one_factor", "factorial", "zipped"]))
def test_keys_are_distinct_and_pure(seeds, design):
    study = replace(STUDY, design=design)
    plan = planned("toy", study, seeds=seeds)
    assert len(plan.runs) == len(plan.cells) == seeds * len(levels(plan))
    assert [cell.key for cell in planned("toy", study, seeds=seeds).cells] == list(plan.runs)


def test_the_same_run_has_the_same_key_in_every_study():
    factorial = planned("other", replace(STUDY, design="factorial"))
    assert set(planned("toy", STUDY).runs) <= set(factorial.runs)


# what these keys name must never change silently: raise the experiment's schema instead
GOLDEN_KEYS = {
    "baseline, seed 0": "90a6a1e28f5a6b2b",
    "init=kaiming, seed 0": "f5b42365707b730a",
    "direction=slow_to_fast, seed 0": "3f39dbeadbb4b4ea",
    "window=1/1, seed 0": "285f4564605d1c81",
    "window=3/1, seed 0": "87ae04d06b85b039",
    "window=1/1-all, seed 0": "d459763dccc5012f",
    "epochs=15, seed 0": "fb1a459da3943fbf",
    "sampling=sandwich, seed 0": "05171754cd4fd500",
}


def test_golden_keys():
    plan = planned("overview", OVERVIEW)
    assert {run.name: key for key, run in plan.runs.items()} == GOLDEN_KEYS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"rule": ["momentum"]}, [("0.1", "5"), ("0.2", "5"), ("0.1", "10")]),
        ({"pace": ["10", "5"]}, [("0.1", "plain", "10"), ("0.2", "plain", "10"),
                                 ("0.1", "momentum", "10"), ("0.1", "plain", "5")]),
        ({"rate": ["0.3"], "rule": ["plain"]}, [("5",), ("10",)]),
    ],
)  # fmt: skip
def test_set_fixes_axes(changes, expected):
    assert levels(planned("toy", STUDY, changes=changes)) == expected


def test_set_replaces_levels_and_drops_those_that_contradict():
    plan = planned("toy", STUDY, changes={"rate": ["0.3", "0.4"]})
    assert plan.axes["rate"] == ("0.3", "0.4")
    assert plan.baseline["rate"] == "0.3"
    expansion = expand("toy", STUDY, changes={"steps": ["7"]})
    assert list(expansion.plan.axes) == ["rate", "rule"]
    assert {config.steps for config in expansion.configs.values()} == {7}
    plan = planned("toy", STUDY, changes={"pause": ["0", "0.001"]})
    assert plan.axes["pause"] == ("0.0", "0.001")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"rule": ["momentun"]}, "did you mean momentum"),
        ({"rulle": ["plain"]}, "did you mean rule"),
        ({"rate": ["fast"]}, "rate cannot be 'fast'"),
        ({"rate": ["-1"]}, "greater than or equal to 0"),
        ({"pace": ["7"]}, "choose from: 5, 10"),
    ],
)
def test_mistakes_name_the_nearest_right_word(changes, says):
    with pytest.raises(UserError, match=says):
        planned("toy", STUDY, changes=changes)


def test_settings_that_do_not_fit_together():
    with pytest.raises(UserError, match=r"warmup_epochs \(2\) must be fewer than epochs \(1\)"):
        planned("overview", OVERVIEW, changes={"epochs": ["1"]})


def test_two_axes_cannot_set_the_same():
    with pytest.raises(UserError, match="axes pace and steps both set steps"):
        planned("toy", STUDY, changes={"steps": ["5", "10"]})
    with pytest.raises(UserError, match="axes window and kernel both set kernel"):
        planned("overview", OVERVIEW, changes={"kernel": ["1", "2"]})


def test_seeds_are_no_setting():
    with pytest.raises(UserError, match="--seeds"):
        planned("toy", STUDY, changes={"seed": ["7"]})
    with pytest.raises(UserError, match="--seeds"):
        replace(STUDY, axes=[Axis("seed", [0, 1])])


def test_a_misspelt_design_is_named():
    with pytest.raises(UserError, match="did you mean factorial"):
        replace(STUDY, design="factorail")


def test_structured_settings_can_be_an_axis():
    gentle, none = {"degrees": 10, "scale": 0.1, "shift": 0.5}, {}
    axis = Axis(
        "augmentation", {"gentle": {"augmentation": gentle}, "none": {"augmentation": none}}
    )
    study = replace(OVERVIEW, axes=[axis], baseline={**OVERVIEW.baseline, "augmentation": gentle})
    configs = expand("o", study).configs.values()
    assert [config.augmentation.degrees for config in configs] == [10, 0]


def test_a_baseline_outside_its_axis_is_refused():
    with pytest.raises(UserError, match="no level of axis rate agrees"):
        planned("toy", replace(STUDY, baseline={"rate": 0.7}))


def test_an_unknown_scale_is_named():
    with pytest.raises(UserError, match="did you mean large"):
        planned("toy", STUDY, scale="larg")
    configs = expand("toy", STUDY, scale="large").configs.values()
    assert {config.pause for config in configs} == {0.001}


def test_an_unknown_family_is_named_with_the_scale_that_has_it():
    with pytest.raises(UserError, match="no family 'swim' at scale imagenet: did you mean swin"):
        planned("overview", OVERVIEW, scale="imagenet", family="swim")
    with pytest.raises(UserError, match="scale imagenet has it"):
        planned("overview", OVERVIEW, family="swin")
    expansion = expand("overview", OVERVIEW, scale="imagenet", family="swin")
    config = next(iter(expansion.configs.values()))
    assert [anchor.name[:9] for anchor in config.anchors] == [
        "swin_tiny",
        "swin_smal",
        "swin_base",
    ]
