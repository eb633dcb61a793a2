"""The study file with which a run was made: what it registers, such as the adapter of an
architecture, whoever loads the run needs, too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import traceback
from pathlib import Path

from snnet.errors import first_line


def execute(path: Path) -> None:
    """Execute a study file, for what it registers; once in this process, as an import would.

    Raises:
        ValueError: its code raises, even an exit; says what, and in which line.
    """
    path = Path(os.path.realpath(path))
    if _is_loaded(path):
        return
    name = f"study_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"study file {path} is no Python file: its name should end in .py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # as dataclasses want it
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ValueError(
            f"study file {_place(path, error)}: {type(error).__name__}: {first_line(error)}"
        ) from error


def _is_loaded(path: Path) -> bool:
    """Whether a module of this process was made of the file, whoever imported it."""
    files = (vars(module).get("__file__") for module in list(sys.modules.values()) if module)
    likely = (file for file in files if isinstance(file, str) and file.endswith(path.name))
    return any(os.path.realpath(file) == str(path) for file in likely)


def _place(path: Path, error: BaseException) -> str:
    """The file and, where that is told, the line in it at which an error came up."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
    return f"{path}, line {line}" if line else str(path)
