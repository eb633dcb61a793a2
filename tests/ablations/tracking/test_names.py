"""Names in MLflow: one thing each, such as MLflow takes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import (
    MAX_ENTITY_KEY_LENGTH,
    _validate_metric_name,
    _validate_tag_name,
)

from ablations.tracking import names
from ablations.tracking.names import (
    curve_metric,
    equals,
    hours_metric,
    is_member_tag,
    member_tag,
    metric,
    name_of_metric,
    over_metric,
    progress_metric,
    seed_name,
    view_name,
)

words = st.text("abcdefghijklmnopqrstuvwxyz_-0123456789", min_size=1, max_size=12)


def test_no_two_tags_are_called_alike():
    tags = [value for name, value in vars(names).items() if name.endswith("_TAG")]
    assert len(tags) > 10
    assert len(set(tags)) == len(tags)
    assert not any(is_member_tag(tag) for tag in tags)


@given(words, words)
def test_the_tags_of_a_study_are_known_again(study, axis):
    for tag in (member_tag(study), member_tag(study, axis)):
        assert is_member_tag(tag)
        assert is_member_tag(tag, study)
    assert member_tag(study) != member_tag(study, axis)


@given(words, words)
def test_a_study_is_not_taken_for_one_whose_name_begins_alike(study, more):
    for tag in (member_tag(study + more), member_tag(study + more, "axis")):
        assert not is_member_tag(tag, study)


def test_what_a_level_is_told_under():
    assert member_tag("overview") == "study.overview"
    assert member_tag("overview", "init") == "study.overview.init"
    assert seed_name("overview", 3) == "overview, seed 3"
    assert not is_member_tag("mlflow.runName", "overview")


@pytest.mark.parametrize(
    ("study", "axis", "name"),
    [
        ("overview", None, "overview"),
        ("overview", "init", "overview.init"),
        ("overview-init", None, "overview-init"),
        ("overview", "rate and rule", "overview.rate-and-rule-567d9c"),
        ("my study", "a/b", "my-study-675498.a-b-c14cdd"),
    ],
)
def test_views_by_name(study, axis, name):
    assert view_name(study, axis) == name


@given(st.text(min_size=1, max_size=12), st.none() | st.text(min_size=1, max_size=12))
def test_views_have_names_that_an_address_takes(study, axis):
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", view_name(study, axis))


def test_metrics_of_different_kinds_do_not_meet():
    """A column called like a metric of the run, or like what it logged."""
    found = {
        "loss",
        progress_metric("loss"),
        curve_metric("stitch", "best", "loss", "macs"),
        hours_metric("cpu"),
    }
    assert found == {"loss", "progress/loss", "charts/stitch: best loss by macs", "cpu_hours"}


@pytest.mark.parametrize(
    "name", ["run_seconds", "cpu_hours", "gpu_hours", "progress/loss", "charts/x", "system/x"]
)
def test_a_users_metric_is_none_of_ours(name):
    assert metric(name) == f"metric.{name}"
    assert metric(f"metric.{name}") == f"metric.metric.{name}"
    for one in (name, f"metric.{name}", f"metric.{name}s", "loss"):
        assert name_of_metric(metric(one)) == one
    assert metric(f"metric.{name}s") != metric(f"{name}s") != name


odd = st.text(min_size=1, max_size=300)


@given(odd, odd)
def test_mlflow_takes_every_name_and_tells_them_apart(one, other):
    for name in (
        *(member_tag(one), member_tag(one, other), metric(one), progress_metric(one)),
        *(curve_metric(one, "best", other, one), over_metric(one, True, other)),
        view_name(one, other),
    ):
        _validate_tag_name(name)
        _validate_metric_name(name)
        assert len(name) <= MAX_ENTITY_KEY_LENGTH
    if one != other:
        assert member_tag(one) != member_tag(other)
        assert member_tag("s", one) != member_tag("s", other)
        assert metric(one) != metric(other)


@pytest.mark.parametrize("name", ["lr (log, %)", "a//b", "..", " ", "50%", "x" * 300, "étude+1"])
def test_a_name_that_mlflow_takes_stays_and_another_is_cleaned(name):
    assert metric("top1/at 5: é") == "top1/at 5: é"
    assert metric(name) != name
    _validate_metric_name(metric(name))


def test_a_dot_does_not_make_an_axis():
    assert member_tag("a", "b") == "study.a.b"
    assert not is_member_tag(member_tag("a.b"), "a")


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        ("plain", "tags.`t` = 'plain'"),
        ("it's", 'tags.`t` = "it\'s"'),
        ('it\'s "so"', "tags.`t` LIKE 'it_s \"so\"'"),
    ],
)
def test_conditions_quote_what_they_look_for(value, condition):
    assert equals("t", value) == condition
