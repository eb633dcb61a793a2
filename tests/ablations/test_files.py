"""Files are written whole or not at all."""

from __future__ import annotations

import json
import os
from typing import NotRequired

import pytest
from typing_extensions import TypedDict

import snnet.files
from ablations.files import DamagedError, read_json, read_json_lines, write_json, writing


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


class Shape(TypedDict):
    name: str
    count: NotRequired[int]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "invalid JSON: EOF"),
        (b"{", "invalid JSON: EOF"),
        (b"\xff\0", "invalid JSON"),
        (b"[" * 100_000, "invalid JSON: recursion limit"),
        (b"[]", "input should be an object"),
        (b"null", "input should be an object"),
        (b"3", "input should be an object"),
        (b'"x"', "input should be an object"),
        (b"{}", "name: field required"),
        (b'{"name": 3}', "name: input should be a valid string"),
        (b'{"name": "a", "count": "many"}', "count: input should be a valid integer"),
        (None, "it is a folder"),
    ],
)
def test_what_does_not_hold_what_it_must_is_damaged(tmp_path, text, reason):
    path = tmp_path / "value.json"
    path.mkdir() if text is None else path.write_bytes(text)
    with pytest.raises(DamagedError) as damaged:
        read_json(path, Shape)
    said = str(damaged.value)
    assert said.startswith(f"{path} is damaged ({reason}")
    assert said.endswith("); `ablate repair` sets it aside")
    assert "\n" not in said
    assert damaged.value.path == path


def test_what_holds_what_it_must_is_read(tmp_path):
    path = tmp_path / "value.json"
    assert read_json(path, Shape) is None
    write_json(path, {"name": "名\udcff", "count": 2, "more": None})  # what is no text is replaced
    assert read_json(path, Shape) == {"name": "名?", "count": 2}


def test_lines_that_are_torn_or_of_another_kind_are_left_out(tmp_path):
    path = tmp_path / "lines"
    assert read_json_lines(path, Shape) == []
    path.write_bytes(b'{"name": "a"}\n{"nam\n[]\nnull\n\xff\n{"name": "b"}\n{"name": "c"}')
    assert read_json_lines(path, Shape) == [{"name": "a"}, {"name": "b"}]
