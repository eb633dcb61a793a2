"""`ablate`, also as `python -m ablations`: Ctrl-C ends it quietly, whatever it is at."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from contextlib import suppress
from types import FrameType


def main() -> None:
    """Run the command line."""
    # what is registered first is done last: then all is said and done, and the exit code stands
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    try:
        from ablations.cli.main import main as commands

        commands(prog_name="ablate")
    except KeyboardInterrupt:  # while modules are imported
        _end()
    finally:
        # while Python ends and waits for threads, an interruption would be a traceback
        signal.signal(signal.SIGINT, _end)


def _end(number: int = 0, frame: FrameType | None = None) -> None:
    """End here and now."""
    from ablations.errors import EXIT_INTERRUPTED

    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or none
            stream.flush()
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
