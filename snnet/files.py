"""Writing files so that nobody ever sees half of one."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Gives a temporary path to write to; on success it becomes `path`, synced, in one step.

    A failure leaves nothing. What a killed process leaves is called `.NAME.XXXXXXXX.tmp`, a name
    that `ablate repair` looks for.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.touch()
        mode = temporary.stat().st_mode  # by the umask, or as the folder has it
        yield temporary
        if temporary.stat().st_mode != mode:  # safetensors makes private files
            temporary.chmod(stat.S_IMODE(mode))
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
