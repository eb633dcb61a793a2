"""The plans of a home: what was asked there, study by study."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ablations.errors import UserError, nearest
from ablations.files import DamagedError, read_json, write_json
from ablations.refused import Refused
from ablations.runs.directory import RunDirectory
from ablations.runs.home import Home
from ablations.study.catalogue import name_of
from ablations.study.plan import Plan, parse_plan
from ablations.study.variant import Variant

FEWEST_LETTERS = 4  # of a key, to name a run: one may be a slip, and commands such as cancel act


def save_plan(home: Home, plan: Plan) -> None:
    """Remember what was asked. More replicates, asked before of the same, stay in the plan.

    Raises:
        UserError: something else has that name there, see `check_free`, or is damaged.
    """
    path = home.plan(plan.study)
    path.parent.mkdir(parents=True, exist_ok=True)
    before = load_plan(path)
    if before:
        _check_alike(home, plan, before)
        plan = plan.keeping(before)
    if before is None or (plan, plan.file) != (before, before.file):
        write_json(path, plan.record())


def check_free(home: Home, plan: Plan) -> None:
    """Refuse a plan by whose name another study, variant or search is known in a home.

    Raises:
        UserError: it is another; says which.
    """
    with suppress(DamagedError):  # `save_plan` tells
        before = load_plan(home.plan(plan.study))
        if before:
            _check_alike(home, plan, before)


def _check_alike(home: Home, plan: Plan, before: Plan) -> None:
    if _is_another_file(plan.file, before.file):
        raise UserError(
            f"{plan.study} is the study of another file in {home.root}, {before.file}: give "
            f"what {plan.file} asks a --name, or another --home"
        )
    one, other = plan.variant, before.variant
    alike = one.is_as(other) if one else other is None
    if alike and (before.design == "search") == (plan.design == "search"):
        return
    kind = "a search" if before.design == "search" else "a study"
    if other:
        kind = f"{other.of} with {other.words or 'another name'}"
    advice = "give this variant another --name" if one else "call this one otherwise"
    raise UserError(f"{plan.study} is {kind} in {home.root}: {advice}")


def _is_another_file(file: str, before: str) -> bool:
    """Whether a study file is another than that of before, not that one copied or moved."""
    if file == before or not (file and before):
        return False
    try:
        return Path(file).read_bytes() != Path(before).read_bytes()
    except OSError:  # it is gone from where it was
        return False


def variant_of(home: Home, name: str) -> Variant | None:
    """How the variant of this name was asked; None where there is none."""
    with suppress(UserError):  # it is no name of a plan, or that is damaged
        plan = load_plan(home.plan(name))
        return plan.variant if plan else None
    return None


def load_plan(path: Path) -> Plan | None:
    """The plan in a file, or None where there is no such file.

    Raises:
        DamagedError: it is no plan.
    """
    record = read_json(path, dict)
    try:
        return None if record is None else parse_plan(record)
    except ValueError as error:
        raise DamagedError(path, str(error)) from None


def plans_of(home: Home, refused: Refused | None = None) -> list[Plan]:
    """What was asked, study by study.

    Arguments:
        refused: takes what is wrong with plans that cannot be read; None: that is raised.

    Raises:
        UserError: a plan cannot be read.
    """
    damaged = Refused() if refused is None else refused
    plans: list[Plan] = []
    for path in sorted(home.studies.glob("*.json")):
        with damaged.aside():
            plans += filter(None, [load_plan(path)])  # gone meanwhile
    if refused is None:
        damaged.check()
    return plans


def plan_of(home: Home, study: str) -> Plan:
    """What was last asked of a study, given by its name or file. Other plans may be damaged.

    Raises:
        UserError: it was never run here, or its plan is damaged.
    """
    refused = Refused()
    plans = {plan.study: plan for plan in plans_of(home, refused)}
    name = name_of(study)
    for error in refused.errors:
        if isinstance(error, DamagedError) and error.path.stem == name:
            raise error
    if name not in plans:
        hint = nearest(name, plans) if plans else "no study was run there yet"
        raise UserError(f"study {name!r} was never run in {home.root}: {hint}")
    return plans[name]


def find_run(home: Home, reference: str) -> RunDirectory:
    """The run, tried or only planned, whose key begins so, or whose directory that is.

    A run that was copied elsewhere is found by its directory, too: to be looked at. Damaged plans
    are told only where they may have planned what is not found.

    Raises:
        UserError: there is none, or more than one.
    """
    refused = Refused()
    known = {key for plan in plans_of(home, refused) for key in plan.runs}
    known |= {run.key for run in home.runs()}
    if reference in known:
        return home.run(reference)
    place = Path(os.path.realpath(reference))
    if place.parent == home.own_runs and place.name in known:
        return home.run(place.name)
    found = sorted(key for key in known if reference and key.startswith(reference))
    if found and len(reference) < FEWEST_LETTERS:
        raise UserError(
            f"{reference!r} may begin any key: give {FEWEST_LETTERS} letters of it or more"
        )
    if len(found) == 1:
        return home.run(found[0])
    if found:
        first = ", ".join(found[:5])
        raise UserError(
            f"{len(found)} runs in {home.root} have keys that begin with {reference!r}; give "
            f"more of it: {first}{', ...' if len(found) > 5 else ''}"
        )
    directory = RunDirectory(Path(reference))
    if not reference or not directory.was_tried:
        refused.check()
        raise UserError(
            f"{reference!r} is neither the beginning of a run key in {home.root} nor the "
            "directory of a run; `ablate status` shows the keys"
        )
    return directory
