"""`ablate`, also as `python -m ablations`: Ctrl-C ends it quietly, whatever it is at."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line."""
    try:
        from ablations.cli.main import main as commands

        commands(prog_name="ablate")
    except KeyboardInterrupt:  # while modules are imported
        from ablations.errors import EXIT_INTERRUPTED

        sys.exit(EXIT_INTERRUPTED)
    finally:
        # while Python ends and waits for threads, an interruption would be a traceback
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    main()
