"""Where pages lead to: servers and files beside them, nothing else."""

from __future__ import annotations

import pytest

from ablations.errors import UserError
from reports.pages.links import Links


@pytest.mark.parametrize("ui", ["javascript:alert(1)", "file:///etc", "host:5000", "http://", ""])
def test_only_servers_are_linked(ui):
    with pytest.raises(UserError, match="is no address of a server"):
        Links.to("sqlite:////a.db", ui)


def test_no_password_stands_on_a_page():
    assert Links.to("http://me:secret@host:5000/").base == "http://host:5000"
    assert Links.to("sqlite:////a.db").base == "http://127.0.0.1:5000"
