"""What is kept of a run that failed."""

from __future__ import annotations

from ablations.launch.task import failed

ADDRESS = "postgresql://u:hush@h/x"


def test_a_failure_is_kept_without_the_secrets_of_addresses():
    try:
        raise ConnectionError(f"cannot connect to {ADDRESS} " + "for long " * 1_000)
    except ConnectionError as error:
        failure = failed(error).failure
    assert failure["error"].startswith("ConnectionError: cannot connect to postgresql://u:***@h/x")
    assert failure["error"].count("for long") == 1_000
    assert not any("hush" in str(one) for one in failure.values())
