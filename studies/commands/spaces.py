"""`ablate stitches`: a stitching space and what its sub-networks cost."""

from __future__ import annotations

from typing import Any

import click
from rich.text import Text

from ablations.errors import UserError
from ablations.terminal.display import console, simple_table
from snnet.config import StitchingConfig
from snnet.costs import count_params
from snnet.families import common_image_shape, order_by_macs, outline, spec_of
from snnet.layers import LayerChoice
from snnet.network import StitchedNetwork, stitch
from snnet.routes import Joint, Route
from snnet.space import SETTINGS, Space
from snnet.wording import describe_route, giga, mega, short_names, stages_of
from studies.commands.output import print_csv, print_json

JOINT_CELLS = ("stage", "front_block", "back_block")


def list_stitches(
    names: list[str],
    settings: dict[str, Any],
    style: str,
    image_size: int | None,
    tokens: int,
    **chosen: Any,
) -> None:
    """Print the space of the models `names`, of timm or folders of encoders, in a `style`.

    Arguments:
        settings: of a run; those of the space count.
        image_size: height and width in pixels; by default what the models were trained for.
        tokens: of a text.
        chosen: settings of the space, None where `settings` or the default holds.

    Raises:
        ValueError, UserError: the models are unknown, or cannot be stitched so.
    """
    for name in (*SETTINGS, "layer", "layer_rank"):
        if chosen[name] is None:
            chosen[name] = settings.get(name, getattr(StitchingConfig, name))
    found = [outline(name, image_size) for name in names]
    image_shape = _image_shape(found, image_size, tokens)
    order = order_by_macs(found, image_shape)
    names = [spec_of(names[n]).name for n in order]
    layers = LayerChoice(chosen.pop("layer"), chosen.pop("layer_rank"))
    network = stitch([found[n] for n in order], image_shape, **chosen, layers=layers)
    if order != sorted(order):
        click.echo(f"anchors from fast to slow: {', '.join(names)}", err=True)
    costs, trained = network.costs(), network.trained_params()
    if style == "table":
        _print_table(names, network, costs)
        return
    rows = [
        {**_row(n, network.space, route, costs[n]), "trained_params": trained[n]}
        for n, route in enumerate(network.space.routes)
    ]
    print_csv(rows) if style == "csv" else print_json(rows)


def _image_shape(anchors: list[Any], image_size: int | None, tokens: int) -> tuple[int, ...]:
    try:
        return common_image_shape(anchors, image_size, tokens)
    except ValueError as error:
        raise UserError(f"{error}, or choose one (--image-size PX)") from None


def _joint_cells(space: Space, joint: Joint | None, prefix: str = "") -> dict[str, int | None]:
    if joint is None:
        return dict.fromkeys(f"{prefix}{name}" for name in JOINT_CELLS)
    stage, front_block = space.locate(joint.front, joint.front_block)
    _, back_block = space.locate(joint.back, joint.back_block)
    values = (stage, front_block, back_block)
    return {f"{prefix}{name}": value for name, value in zip(JOINT_CELLS, values, strict=True)}


def _row(number: int, space: Space, route: Route, cost: tuple[int, int]) -> dict[str, Any]:
    """The first joint, the cost, and the second joint of a chain of three."""
    first, second = (*route.joints, None, None)[:2]
    return {
        "stitch_id": number,
        "front": route.first,
        "back": first.back if first else route.first,
        **_joint_cells(space, first),
        "macs": cost[0],
        "params": cost[1],
        "route": route.name,
        "next_back": second.back if second else None,
        **_joint_cells(space, second, "next_"),
    }


def _print_table(names: list[str], network: StitchedNetwork, costs: list[tuple[int, int]]) -> None:
    space, labels = network.space, short_names(names)
    macs, params = ([cost[n] for cost in costs] for n in (0, 1))
    console.print(
        f"{len(costs)} stitches ({len(names)} of them whole anchors), {len(space.layers)} "
        f"stitching layers, {network.inputs.name} {'x'.join(map(str, network.image_shape))}: "
        f"{giga(min(macs))} to {giga(max(macs))} GMACs, "
        f"{mega(min(params))} to {mega(max(params))} M parameters"
    )
    whole = count_params(network)
    console.print(
        f"stored as one network: {mega(whole)} M parameters; each stitch alone: "
        f"{mega(sum(params))} M, {sum(params) / whole:.1f} times as much"
    )
    console.print(
        "route: the anchor and the last block it runs > the anchor and the block it enters; "
        "blocks count from 0 inside their stage\n"
    )
    table = simple_table("id", "route", "stage", "GMACs", "M params")
    for column in (0, 3, 4):
        table.columns[column].justify = "right"
    for number, (route, cost) in enumerate(zip(space.routes, costs, strict=True)):
        table.add_row(
            str(number),
            Text(describe_route(space, route, labels)),
            stages_of(space, route),
            giga(cost[0]),
            mega(cost[1]),
        )
    console.print(table)
