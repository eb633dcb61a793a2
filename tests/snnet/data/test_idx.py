"""Fashion-MNIST's files: what is missing or damaged is told without reading them."""

from __future__ import annotations

import gzip

import pytest

from snnet.data import idx
from snnet.errors import MissingDataError


@pytest.fixture
def folder(monkeypatch, tmp_path):
    """The four files, of 5 images."""
    monkeypatch.setattr(idx, "fashion_folders", lambda: (tmp_path, tmp_path / "b", tmp_path / "c"))
    for split in idx.SETS:
        for path, sizes in (
            (idx.images_file(tmp_path, split), (5, 4, 4)),
            (idx.labels_file(tmp_path, split), (5,)),
        ):
            content = bytes([0, 0, 8, len(sizes)])
            content += b"".join(size.to_bytes(4, "big") for size in sizes)
            path.write_bytes(gzip.compress(content + bytes(5 * (16 if len(sizes) == 3 else 1))))
    return tmp_path


def test_whole_files_pass_and_are_read(folder):
    idx.check_fashion()
    assert idx.find_fashion() == folder
    assert idx.read_idx(idx.images_file(folder, "train")).shape == (5, 4, 4)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no gzip at all"),
        lambda path: path.write_bytes(path.read_bytes()[:-10]),
    ],
)
def test_damaged_files_are_named(folder, harm):
    path = idx.images_file(folder, "t10k")
    harm(path)
    with pytest.raises(MissingDataError, match=f"{path.name} is damaged or missing .*; get it ag"):
        idx.check_fashion()


def test_a_mirror_that_cannot_be_reached(monkeypatch, tmp_path):
    monkeypatch.setattr(idx, "fashion_folders", lambda: (tmp_path, tmp_path, tmp_path))
    monkeypatch.setattr(idx, "MIRROR", "http://127.0.0.1:9/")
    with pytest.raises(MissingDataError, match=r"in none of .*\(\[Errno 111\].*install Debian's"):
        idx.check_fashion()
