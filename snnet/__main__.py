"""One run without studies or tracking: `python -m snnet CONFIG.json DIRECTORY`.

Alone, or as `torchrun --nproc-per-node 8 -m snnet CONFIG.json DIRECTORY`; the same command goes on
from the checkpoint that an interrupted one left.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from snnet.config import StitchingConfig
from snnet.errors import CheckpointError, DivergenceError, MissingDataError
from snnet.experiment import run_stitching
from snnet.surroundings import Standalone


def main() -> int:
    """Train as the command line says; 2 for a mistake in what was asked, 1 for divergence."""
    parser = argparse.ArgumentParser(prog="python -m snnet", description=__doc__)
    parser.add_argument("config", type=Path, help="settings that differ from the defaults, JSON")
    parser.add_argument("directory", type=Path, help="of this run: checkpoint, model, tables")
    arguments = parser.parse_args()
    try:
        settings = json.loads(arguments.config.read_text())
        config = TypeAdapter(StitchingConfig).validate_python(settings)
        run = Standalone(arguments.directory)
        summary = run_stitching(config, run)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return _refuse(f"{arguments.config}: {where or 'settings'}: {first['msg']}")
    except DivergenceError as error:
        print(f"snnet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("snnet: stopped; the same command goes on", file=sys.stderr)
        return 130
    except (CheckpointError, MissingDataError, ValueError, OSError) as error:
        return _refuse(str(error))
    if int(os.environ.get("RANK", 0)) == 0:
        content = {"experiment": "stitching", "schema": 1, "config": settings}
        with run.writing("config.json") as path:
            path.write_text(json.dumps(content, indent=1))
        print(json.dumps(summary, indent=1))
    return 0


def _refuse(message: str) -> int:
    print(f"snnet: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
