"""Shared by tests from end to end."""

from __future__ import annotations

import os

import pytest

from helpers.colleague import GROUP


@pytest.fixture
def shared(tmp_path):
    """A folder whose files belong to a group that is not root's own."""
    folder = tmp_path / "shared"
    folder.mkdir()
    try:
        os.chown(folder, -1, GROUP)
    except PermissionError:
        pytest.skip("needs root, to give a folder to a group")
    folder.chmod(0o2775)
    return folder
