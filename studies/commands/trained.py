"""`ablate latency` and `ablate export`: a trained run measured, or written out."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import torch
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn

from ablations import UserError
from ablations.terminal.display import console, simple_table
from ablations.tracking.models import log_model
from ablations.uris import without_secrets
from snnet.data.sizes import has_maps
from snnet.export import export_onnx
from snnet.latency import switch_microseconds
from snnet.loading import load
from snnet.memory import explaining_lack
from snnet.trained import TrainedNetwork
from snnet.wording import describe_route, giga
from studies.commands.output import print_csv, print_json

WARM_UP = 3  # rounds


def measure(
    directory: Path, study: Path | None, batch_size: int, repeats: int, device: str, style: str
) -> None:
    """Print latency of every sub-network of a run, and the time that switching takes.

    Arguments:
        study: see `snnet.loading.load`.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch sees no GPU on this machine; use --device cpu")
    network = _load_sound(directory, study, device)
    passes = len(network) * (repeats + WARM_UP)
    columns = (*Progress.get_default_columns()[:3], TimeRemainingColumn())
    stderr = Console(stderr=True)
    progress = Progress(*columns, console=stderr, transient=True)
    with explaining_lack(batch_size), progress:
        task = progress.add_task("timing", total=passes)
        network.measure_latency(
            batch_size, repeats, WARM_UP, lambda done: progress.update(task, completed=done)
        )
    switch = switch_microseconds(network.select, len(network))
    where = _where(device, batch_size)
    if style == "json":
        setting = {"device": device, "batch_size": batch_size, "repeats": repeats}
        print_json({**setting, "switch_microseconds": switch, "stitches": _rows(network)})
        return
    told = f"{where}; switching to another sub-network takes {switch:.2f} microseconds"
    if style == "csv":
        print_csv(_rows(network))
        click.echo(told, err=True)
    else:
        console.print(f"{told}\n")
        _print_latencies(network)


def _load_sound(directory: Path, study: Path | None, device: str = "cpu") -> TrainedNetwork:
    """The trained network of a run.

    Raises:
        ValueError: see `snnet.loading.load`.
        UserError: its weights are no finite numbers, so that nothing can be told of it.
    """
    found = load(directory, device, study=study)
    for name, tensor in found.network.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise UserError(
                f"the network of {directory} is of no use: {name} has values that are no finite "
                "numbers; its training diverged (a smaller learning_rate may help), or its file "
                "was changed"
            )
    return found


def _where(device: str, batch_size: int) -> str:
    machine = f"cpu with {torch.get_num_threads()} threads"
    if device == "cuda":
        machine = torch.cuda.get_device_name()
    return f"{machine}, batches of {batch_size}"


def _rows(network: TrainedNetwork) -> list[dict[str, Any]]:
    return [
        {
            "stitch_id": number,
            "route": str(row["route"]),
            "macs": int(row["macs"]),
            "params": int(row["params"]),
            network.score.name: float(row[network.score.name]),
            "latency_ms": float(row["latency"]),
            "latency_p10_ms": float(row["latency_low"]),
            "latency_p90_ms": float(row["latency_high"]),
        }
        for number, row in enumerate(network.table.to_dict("records"))
    ]


def _print_latencies(network: TrainedNetwork) -> None:
    space = network.network.space
    labels = network.network.names
    score = network.score
    table = simple_table("id", "route", "GMACs", f"{score.words} {score.unit}", "ms", "10 to 90 %")
    for column in (0, 2, 3, 4, 5):
        table.columns[column].justify = "right"
    for number, row in enumerate(_rows(network)):
        table.add_row(
            str(number),
            describe_route(space, space.routes[number], labels),
            giga(row["macs"]),
            f"{score.factor * row[score.name]:.2f}",
            f"{row['latency_ms']:.3g}",
            f"{row['latency_p10_ms']:.3g} to {row['latency_p90_ms']:.3g}",
        )
    console.print(table)


def write_onnx(
    directory: Path,
    study: Path | None,
    stitch: int | None,
    macs: float | None,
    params: float | None,
    output: Path,
) -> None:
    """Export the chosen sub-network of a run and say which it is.

    Arguments:
        study: see `snnet.loading.load`.
    """
    network = _load_sound(directory, study)
    score = network.score
    chosen = network.select(stitch, macs=macs, params=params)
    row = network.table.iloc[chosen]
    image_shape = network.network.image_shape
    if sys.stderr.isatty():
        click.echo("exporting (about ten seconds) ...", err=True)
    difference = export_onnx(network.subnetwork(), output, image_shape)
    click.echo(
        f"{output}: stitch {chosen} ({row.route}), {giga(row.macs)} GMACs, "
        f"{score.factor * row[score.name]:.2f} {score.unit} {score.words}; "
        f"{network.network.inputs.name} (batch, {', '.join(map(str, image_shape))}) to "
        f"logits (batch, {_outputs(network)}); differs from PyTorch by {difference:.0e} "
        "of the largest logit"
    )


def log_network(directory: Path, study: Path | None, uri: str) -> None:
    """Keep the network of a run in the tracking store, and say before how large it is.

    Arguments:
        study: see `snnet.loading.load`.
    """
    from snnet.logged_model import model_files, save_model

    _load_sound(directory, study)  # what is wrong with it is told first
    size = sum(file.stat().st_size for file in model_files(directory)) / 1e6
    click.echo(f"logging {size:,.1f} MB to {without_secrets(uri)}")
    packages = ("snnet-ablations", "torch", "timm", "mlflow")
    with TemporaryDirectory() as temporary:
        target = Path(temporary, "model")
        save_model(directory, target, [f"{name}=={version(name)}" for name in packages], study)
        address = log_model(uri, directory.name, "network", target)
    click.echo(f'mlflow.pyfunc.load_model("{address}").predict(images, params={{"stitch": 17}})')


def _outputs(network: TrainedNetwork) -> str:
    """What a network gives of one input."""
    classes = f"{network.network.classes}"
    return f"{classes}, height, width" if has_maps(network.config.dataset) else classes
