"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ablations.errors import UserError

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

HALF_WRITTEN = ".*.tmp"  # a glob for what `writing` has not finished; folders are named so, too
Kind = TypeVar("Kind")


class DamagedError(UserError):
    """A file of a home holds something else than it should, whoever wrote it.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} is damaged ({reason}); `ablate repair` sets it aside")
        self.path = path


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
    text = json.dumps(value, indent=1, ensure_ascii=False)
    with writing(path, exclusive, mode) as temporary:
        # "replace": what Python makes of file names that are no text could not be read again
        temporary.write_bytes(text.encode("utf-8", "replace"))


def read_json(path: Path, kind: type[Kind]) -> Kind | None:
    """The value in `path`, or None where there is no such file.

    Arguments:
        kind: what it must be: a dataclass, a TypedDict, or any other type that pydantic knows.

    Raises:
        DamagedError: it is no JSON, or something else.
    """
    content = _content(path)
    if content is None:
        return None
    from pydantic import ValidationError

    try:
        found: Kind = _adapter(cast(Any, kind)).validate_json(content)
    except ValidationError as error:
        raise DamagedError(path, _reason(error)) from None
    except UserError as error:  # a class that checks itself
        raise DamagedError(path, str(error)) from None
    return found


def read_json_lines(path: Path, kind: Any = Any) -> list[Any]:
    """The values of a file with one JSON value a line; empty where there is no such file.

    A line that is being written, or that is damaged, is left out.

    Arguments:
        kind: what each must be, see `read_json`.

    Raises:
        DamagedError: it is no file.
    """
    values = []
    for line in (_content(path) or b"").split(b"\n")[:-1]:
        try:
            values.append(_adapter(kind).validate_json(line))
        except ValueError:
            continue
    return values


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise DamagedError(path, "it is a folder") from None


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # heavy: only where something is read

    return TypeAdapter[Any](kind)


def _reason(error: ValidationError) -> str:
    """What is wrong first, and where in the value."""
    first = error.errors()[0]
    where = "".join(f"{part}: " for part in first["loc"])
    return f"{where}{first['msg'][0].lower()}{first['msg'][1:]}"


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
