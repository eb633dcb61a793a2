"""Files are written whole or not at all."""

from __future__ import annotations

import json
import os

import pytest

import snnet.files
from ablations.files import write_json, writing


def test_no_half_written_file(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, 1)
    with pytest.raises(RuntimeError), writing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == 1
    with pytest.raises(FileExistsError):
        write_json(path, 2, exclusive=True)
    assert json.loads(path.read_text()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["value.json"]


@pytest.mark.parametrize("writing", [writing, snnet.files.writing])
@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_whoever_writes_a_file_it_gets_the_mode_of_any(tmp_path, writing, umask, mode):
    before = os.umask(umask)
    try:
        with writing(tmp_path / "replaced") as temporary:
            private = tmp_path / "private"  # as safetensors and tempfile make it
            os.close(os.open(private, os.O_CREAT, 0o600))
            os.replace(private, temporary)
    finally:
        os.umask(before)
    assert (tmp_path / "replaced").stat().st_mode & 0o777 == mode
