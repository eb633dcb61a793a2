"""What MLflow's own fields say of a run."""

from __future__ import annotations

import pytest

from ablations.tracking.description import dataset_of, three_digits


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.95347, "0.953"), (95.347, "95.3"), (1234567.0, "1,230,000"), (0.0, "0"), (-2.5, "-2.5")],
)
def test_three_digits(value, text):
    assert three_digits(value) == text


def test_data_of_other_settings_have_another_digest():
    config = {"dataset": "digits", "images": 10, "rate": 0.1}
    settings = ("dataset", "images")
    one = dataset_of(config, settings).dataset
    assert (one.name, one.profile) == ("digits", '{"dataset": "digits", "images": 10}')
    assert dataset_of(config | {"rate": 0.2}, settings).dataset.digest == one.digest
    assert dataset_of(config | {"images": 20}, settings).dataset.digest != one.digest
    assert dataset_of(config, ()) is None
