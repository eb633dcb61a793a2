"""What the JSON files of a run directory hold; what is read back is checked against this."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from annotated_types import Ge, Le
from typing_extensions import TypedDict

# seconds since 1970, until the year 9999, which is the last that calendars know
Moment = Annotated[float, Ge(0), Le(253402300799)]
Number = int | float


class Setup(TypedDict):
    """What a run is: its experiment's name and schema, and its full configuration.

    `code` where a user's makes the result; `study_file` is the user's file that it was made with,
    not told of known studies. Runs of earlier versions tell neither.
    """

    experiment: str
    schema: int
    code: NotRequired[str]
    config: dict[str, Any]
    study_file: NotRequired[str]


class Begun(TypedDict, total=False):
    """What an attempt began with: when, and see `provenance.surroundings`."""

    started: Moment
    host: str
    device: str
    cpus: int
    gpus: int
    job: str
    log: str


class Failure(TypedDict):
    """Why an attempt failed."""

    error: str
    traceback: str
    started: NotRequired[Moment]
    ended: Moment


class Result(TypedDict):
    """What a run brought; `files` are digests by name, unknown in results of before them."""

    metrics: dict[str, Number]
    tables: list[str]
    attempt: NotRequired[Annotated[int, Ge(1)]]
    started: Moment
    ended: Moment
    provenance: dict[str, str]
    files: NotRequired[dict[str, str]]


class Phase(TypedDict):
    """A line of progress: what goes on from then on."""

    time: Moment
    phase: str


class Step(TypedDict):
    """A line of progress: a step of several is done."""

    time: Moment
    step: Number
    of: Number
    metrics: dict[str, Number]


Entry = Step | Phase


class Sample(TypedDict):
    """How busy the machine was, by MLflow's names for it."""

    time: Moment
    metrics: dict[str, Number]
