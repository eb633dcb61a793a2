"""Files are written whole or not at all."""

from __future__ import annotations

import json

import pytest

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
