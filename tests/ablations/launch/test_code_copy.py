"""Copies of the code are those of the launch, whatever happened to them since."""

from __future__ import annotations

import shutil

import pytest

from ablations.launch.code_copy import copy_code


def delete_a_file(copy):
    (copy / "ablations/errors.py").unlink()


def edit(copy):
    (copy / "ablations/errors.py").write_text("raise SystemExit")


def put_a_file_in_its_place(copy):
    shutil.rmtree(copy)
    copy.write_text("3")


@pytest.mark.parametrize("change", [delete_a_file, edit, put_a_file_in_its_place])
def test_a_copy_that_somebody_changed_is_made_anew(home, change):
    copy = copy_code(home)
    before = (copy / "ablations/errors.py").read_bytes()
    change(copy)
    assert copy_code(home) == copy
    assert (copy / "ablations/errors.py").read_bytes() == before
    (aside,) = [path for path in home.code.iterdir() if path != copy]
    assert aside.name.endswith(".damaged")


def test_a_copy_that_is_sound_stays(home):
    copy = copy_code(home)
    (copy / "ablations/__pycache__").mkdir()  # as Python leaves it there
    (copy / "ablations/__pycache__/errors.pyc").write_bytes(b"0")
    there = copy.stat().st_ino
    assert copy_code(home).stat().st_ino == there
    assert list(home.code.iterdir()) == [copy]
