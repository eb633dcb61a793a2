"""`ablate`, also as `python -m ablations`: Ctrl-C ends it quietly with 130, whatever it is at."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

from ablations.errors import EXIT_INTERRUPTED


def main() -> None:
    """Run the command line."""
    codes: list[object] = []
    atexit.register(_finish, codes)  # first, so it is done last
    try:
        from ablations.cli.main import main as commands

        commands(prog_name="ablate")
    except KeyboardInterrupt:  # while modules are imported
        _end()
    except SystemExit as error:
        codes.append(error.code)
        raise
    finally:
        # while Python ends and waits for threads, an interruption would be a traceback
        signal.signal(signal.SIGINT, _end)


def _finish(codes: list[object]) -> None:
    """All is said and done: the exit code stands.

    Python would end by the signal, not with the code, where that came inside of an `exec`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if EXIT_INTERRUPTED in codes:
        _end()


def _end(number: int = 0, frame: FrameType | None = None) -> None:
    """End here and now."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or none
            stream.flush()
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
