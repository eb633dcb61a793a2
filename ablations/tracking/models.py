"""Models of runs in the tracking store."""

from __future__ import annotations

from pathlib import Path

from ablations.errors import UserError
from ablations.tracking.contact import reaching
from ablations.tracking.names import KEY_TAG, equals
from ablations.tracking.store import connect, search


def log_model(uri: str, key: str, name: str, folder: Path) -> str:
    """Keep a model of MLflow's format with a tracked run; returns the address to load it by.

    Raises:
        UserError: the store does not answer, or does not hold the run.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    client = connect(uri)
    with reaching(uri):
        for experiment in client.search_experiments():
            identity = experiment.experiment_id
            for run in search(client, identity, equals(KEY_TAG, key)):
                model = client.create_logged_model(identity, name, run.info.run_id)
                client.log_model_artifacts(model.model_id, str(folder))
                client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
                client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)])
                return f"models:/{model.model_id}"
    raise UserError(f"run {key} is not tracked in {uri}; `ablate sync` delivers it")
