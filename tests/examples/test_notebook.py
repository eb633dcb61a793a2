"""The example of a notebook."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


@pytest.mark.slow
def test_the_notebook_runs_from_start_to_end(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel (extra dev)")
    pytest.importorskip("ipykernel")
    nbformat = pytest.importorskip("nbformat")
    places = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, places)))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    done = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [
        "".join(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
        for cell in done.cells
        for output in cell.get("outputs", ())
    ]
    assert any("2 of 2 runs done" in text for text in shown)
    assert any(text == "{'done': 2}" for text in shown)
    assert any(text.startswith("TrainedNetwork of vit-6, vit-10 on digits") for text in shown)
