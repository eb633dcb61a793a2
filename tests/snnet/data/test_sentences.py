"""Labelled texts on disk."""

from __future__ import annotations

import io
import tarfile

import pytest

from snnet.data.sentences import ARCHIVE, check_texts, read_rated, read_tables
from snnet.errors import MissingDataError

RATED = "1_1\t2.5\tA joy.\r\n1_2\t0.2\tA film.\r\n2_1\t-3\tDull\tas ever.\r\n"


def packed(name, content):
    """A tar archive with one file."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return found.getvalue()


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNET_DATA", str(tmp_path))
    return tmp_path


def place(root, where):
    name = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"
    archive = packed(name, RATED.encode())
    if where == "folder":
        (root / name).parent.mkdir()
        (root / name).write_text(RATED, newline="")
    elif where == "archive":
        (root / ARCHIVE).write_bytes(archive)
    else:
        source = packed(f"vaderSentiment-3.3.2/additional_resources/{ARCHIVE}", archive)
        (root / "vaderSentiment-3.3.2.tar.gz").write_bytes(source)


@pytest.mark.parametrize("where", ["folder", "archive", "source"])
def test_clear_ratings_are_opinions(root, where):
    place(root, where)
    found = read_rated("text/films")
    assert found.texts == ("A joy.", "Dull\tas ever.")
    assert found.labels == (1, 0)
    assert found.groups == ("1", "2")


def test_missing_and_damaged_archives_are_one_sentence(root):
    with pytest.raises(MissingDataError, match=r"pip download vaderSentiment==3\.3\.2 --no-deps"):
        check_texts("text/films")
    (root / "vaderSentiment-3.3.2.tar.gz").write_bytes(b"torn")
    with pytest.raises(MissingDataError, match=r"is damaged .*; get it again"):
        check_texts("text/films")


@pytest.mark.parametrize(
    ("train", "test", "says"),
    [
        (None, "sentence\tlabel\na\t0", "there is no train.tsv in"),
        ("a\t0\nb\t1", "sentence\tlabel\na\t0", r"train\.tsv should begin with a line that names"),
        ("sentence\tlabel\na\t0\nb", "text\tlabel\na\t0", "row 3: 2 columns are named"),
        ("sentence\tlabel\na\t0", "sentence\tlabel\na\t0", "one class alone, '0'"),
        ("sentence\tlabel\na\t0\nb\t1", "text\tlabel\na\t2", "test.tsv has the label '2', which"),
    ],
)
def test_mistakes_in_tables_are_one_sentence(root, train, test, says):
    (root / "mine").mkdir()
    for name, content in (("train", train), ("test", test)):
        if content is not None:
            (root / "mine" / f"{name}.tsv").write_text(content)
    with pytest.raises(MissingDataError, match=says):
        check_texts("text/mine")


def test_tables_of_other_columns_and_labels(root):
    (root / "mine").mkdir()
    (root / "mine" / "train.tsv").write_text('id\treview\tlabel\n1\t"odd\tneg\n2\tfine\tpos\n')
    (root / "mine" / "dev.tsv").write_text("label\ttext\npos\tnice\n")
    found = read_tables("text/mine")
    assert found.classes == ("neg", "pos")
    assert (found.train.texts, found.train.labels) == (('"odd', "fine"), (0, 1))
    assert (found.test.texts, found.test.labels) == (("nice",), (1,))
