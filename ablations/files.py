"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ablations.errors import UserError

HALF_WRITTEN = ".*.tmp"  # a glob for what `writing` has not finished; folders are named so, too


@contextmanager
def writing(path: Path, exclusive: bool = False, mode: int = 0o666) -> Iterator[Path]:
    """Gives a temporary path to write to; on success it becomes `path`, synced, in one step.

    Arguments:
        mode: permissions, less the umask, whoever writes it; from before anything stands in it.

    Raises:
        FileExistsError: `exclusive`, and `path` is there already (it stays as it is).
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.touch(mode)
        wanted = temporary.stat().st_mode  # by the umask, or as the folder has it
        yield temporary
        if temporary.stat().st_mode != wanted:  # some writers make private files, others of any
            temporary.chmod(stat.S_IMODE(wanted))
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        if exclusive:
            os.link(temporary, path)  # unlike a rename, refuses to replace
        else:
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any, exclusive: bool = False, mode: int = 0o666) -> None:
    """`value` as JSON, atomically; see `writing`."""
    with writing(path, exclusive, mode) as temporary:
        temporary.write_text(json.dumps(value, indent=1))


def read_json(path: Path) -> Any:
    """The JSON value in `path`, or None where there is no such file.

    Raises:
        UserError: the file is damaged.
    """
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f"{path} is damaged ({error}); `ablate repair` sets it aside if it is of a run, remove "
            "it otherwise"
        ) from None


def read_json_lines(path: Path) -> list[Any]:
    """The values of a file with one JSON value a line; empty where there is no such file.

    A line that is being written, or that a crash tore, is left out.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    values = []
    for line in lines:
        try:
            values.append(json.loads(line))
        except ValueError:
            continue
    return values


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
