"""Addresses: whatever a path has in it, and no secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.errors import UserError
from ablations.uris import sqlite_path, sqlite_uri, without_secrets

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(names, min_size=1, max_size=3))
def test_a_path_is_the_same_again(parts):
    path = Path("/", *parts)
    assert sqlite_path(sqlite_uri(path)) == path


def test_usual_paths_look_as_ever():
    assert sqlite_uri(Path("/a b/é.db")) == "sqlite:////a b/é.db"
    assert sqlite_uri(Path("/50%?.db")) == "sqlite+pysqlite:////50%25%3F.db"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pass@host:5000/x", "http://me:***@host:5000/x"),
        (
            "at postgresql+psycopg2://me:p@ss:w/rd@host/db, yes",
            "at postgresql+psycopg2://me:***@host/db, yes",
        ),
        ("http://h/?token=abc&x=1", "http://h/?token=***&x=1"),
        ("mysql://h/db?password=abc", "mysql://h/db?password=***"),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("nothing: here@all", "nothing: here@all"),
    ],
)
def test_secrets_are_hidden(text, shown):
    assert without_secrets(text) == shown
    assert str(UserError(text)) == shown
