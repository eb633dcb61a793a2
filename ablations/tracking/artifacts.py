"""Files of a finished run in MLflow: what the run kept, and its tables as MLflow shows them."""

from __future__ import annotations

import filecmp
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ablations.runs import layout
from ablations.runs.directory import RunDirectory
from ablations.tracking.places import local_path

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient

    from ablations.tracking.ledger import Entry


def log_files(
    client: MlflowClient, run_id: str, directory: RunDirectory, tables: Mapping[str, pd.DataFrame]
) -> None:
    """Deliver the files of a run, whose tables are `tables`, by name."""
    for path in _files(directory, tables):
        client.log_artifact(run_id, str(path))
    with TemporaryDirectory() as temporary:
        for name, table in tables.items():
            path = Path(temporary, _shown(name))
            path.write_text(_readable(table))
            client.log_artifact(run_id, str(path))


def holds_files(client: MlflowClient, artifacts: str, run: Entry, directory: RunDirectory) -> bool:
    """Whether the store holds the files of a finished run, sound as far as it tells quickly.

    Arguments:
        artifacts: where the experiment's files are.
    """
    result = directory.result()
    if result is None:  # set aside since, perhaps
        return True
    own, shown = _files(directory, result["tables"]), map(_shown, result["tables"])
    folder = local_path(artifacts)
    if folder is not None:
        kept = folder / run.run_id / "artifacts"
        sound = all(_same(kept / path.name, path) for path in own)
        return sound and all((kept / name).is_file() for name in shown)
    sizes = {file.path: file.file_size for file in client.list_artifacts(run.run_id)}
    sound = all(sizes.get(path.name) == path.stat().st_size for path in own)
    return sound and sizes.keys() >= {*shown}


def _same(one: Path, other: Path) -> bool:
    return one.is_file() and filecmp.cmp(one, other, shallow=False)


def _files(directory: RunDirectory, tables: Any) -> list[Path]:
    """What of a finished run is delivered as it is; `tables`: their names."""
    others = [directory.files / name for name in (layout.CODE_DIFF, layout.PACKAGES)]
    others.append(directory.path / layout.CONFIG)
    return [*map(directory.table, tables), *filter(Path.exists, others)]


def _shown(table: str) -> str:
    """The name of the file by which the UI shows a table: it opens no Parquet."""
    return f"{table}.csv"


def _readable(table: pd.DataFrame) -> str:
    """A table as people read it: three digits, and no columns of bytes."""
    from ablations.study.frames import without_bytes  # takes pandas with it

    return str(without_bytes(table).to_csv(float_format="%.3g"))
