"""A message to somebody who does not look: that a launch has ended, and how."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ablations.errors import UserError
from ablations.launch.launcher import Snapshot
from ablations.launch.timing import in_words
from ablations.runs.directory import State
from ablations.terminal.display import warn
from ablations.uris import without_secrets

SECONDS = 60.0  # that a command or an address may take
MESSAGE = "ABLATE_MESSAGE"  # the sentence, in the environment of a command

Send = Callable[[str, Mapping[str, Any]], None]


def sender(target: str) -> Send:
    """What sends a sentence and facts to `target`.

    Arguments:
        target: an address (http or https), to which they are posted as JSON, the sentence as
            `text`; or a command, which gets the sentence as its last argument and in `MESSAGE`.

    Raises:
        UserError: the address names no host, or there is no such command.
    """
    if target.partition(":")[0] in ("http", "https"):
        try:
            request = urllib.request.Request(target, headers={"Content-Type": "application/json"})
        except ValueError:
            request = None
        if request is None or not request.host:
            raise UserError(f"--notify {target} names no host; write it like https://host/path")
        return lambda text, facts: _post(target, {"text": text, **facts})
    try:
        command = shlex.split(target)
    except ValueError as error:
        raise UserError(f"--notify {target!r} is no command: {error}") from None
    if not command or shutil.which(command[0]) is None:
        called = command[0] if command else target
        raise UserError(
            f"--notify: there is no command {called!r}; give one, or an address (https://...)"
        )
    return lambda text, facts: _call(command, text)


def _post(address: str, content: Mapping[str, Any]) -> None:
    body, kind = json.dumps(content).encode(), {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(address, body, kind)
        urllib.request.urlopen(request, timeout=SECONDS).close()
    except OSError as error:
        warn(f"{without_secrets(address)} was not told: {error}")


def _call(command: list[str], text: str) -> None:
    environment = os.environ | {MESSAGE: text}
    try:
        subprocess.run([*command, text], env=environment, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        warn(f"`{shlex.join(command)}` did not tell: {error}")


@contextmanager
def telling_the_end(send: Send | None, study: str) -> Iterator[Callable[[Snapshot, float], None]]:
    """Send what came of a launch, or why it ended early; an interruption is nobody's news.

    Gives a function that takes how the runs ended, and after how many seconds.
    """

    def tell(snapshot: Snapshot, seconds: float) -> None:
        if send:
            send(*ending(study, snapshot, seconds))

    try:
        yield tell
    except UserError as error:
        if send:
            send(f"{study} ended early: {error}", {"study": study})
        raise


def ending(study: str, snapshot: Snapshot, seconds: float) -> tuple[str, dict[str, Any]]:
    """What came of a launch: a sentence, and the same as facts."""
    states = {state.value: count for state, count in snapshot.count().items()}
    done, runs = states.pop(State.DONE.value, 0), len(snapshot.runs)
    others = "".join(f", {count} {state}" for state, count in states.items())
    text = f"{study}: {done} of {runs} runs done{others}, after {in_words(seconds)}"
    return text, {"study": study, "runs": runs, "done": done, **states, "seconds": round(seconds)}
