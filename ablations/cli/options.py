"""Arguments and options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ablations.cli.completion import (
    complete_family,
    complete_scale,
    complete_setting,
    complete_study,
)
from ablations.errors import UserError
from ablations.launch.monitor import WANTED, interval
from ablations.launch.schedulers import SCHEDULERS
from ablations.parsing import SECONDS, parse_changes, parse_pairs, parse_seconds
from ablations.study.limits import MOST_RUNS, MOST_WORKERS

if TYPE_CHECKING:
    from ablations.launch.scheduler import Options
    from ablations.runs.home import Home
    from ablations.study.expansion import Expansion
    from ablations.study.limits import Limits
    from ablations.study.variant import Variant

# seconds of a limit: workers look about once a second, and no run takes ten years
SHORTEST, LONGEST = 1.0, 3650 * SECONDS["d"]
MOST_PER_GPU = 100

Command = TypeVar("Command", bound=Callable[..., Any])


class Place(click.Path):
    """A path; not an empty one, as of a variable that is not set: it would be the folder here."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """Refuse what is empty; the rest is click's."""
        if not os.fspath(value):
            self.fail("it is empty; name a path, such as . for this folder", param, ctx)
        return super().convert(value, param, ctx)


def gathered(kind: type, name: str, *options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add options to a command; it gets them together, as one `kind` in its parameter `name`.

    Arguments:
        kind: a dataclass with a field for each option.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def gathering(*arguments: Any, **given: Any) -> Any:
            names = [field.name for field in fields(kind) if field.name in given]
            own = {name: given.pop(name) for name in names}
            return command(*arguments, **given, **{name: kind(**own)})

        for option in reversed(options):
            gathering = option(gathering)
        return gathering

    return add


def _named(context: click.Context, argument: click.Parameter, text: str | None) -> str | None:
    """Refuse an empty word, such as an unset variable of a shell: it is not `all of them`."""
    if text is not None and not text.strip():
        raise UserError(f"{(argument.name or '').upper()} is empty; name one, such as overview")
    return text


study_argument = click.argument("study", shell_complete=complete_study, callback=_named)
optional_study_argument = click.argument(
    "study", required=False, shell_complete=complete_study, callback=_named
)
tracking_option = click.option(
    "--tracking-uri",
    envvar="MLFLOW_TRACKING_URI",
    metavar="URI",
    help="MLflow store or server.  [default: sqlite in HOME]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="For programs.")
scheduler_option = click.option(
    "--cluster", type=click.Choice(list(SCHEDULERS)), default="local", show_default=True
)
profile_option = click.option(
    "--profile",
    type=Place(dir_okay=False, path_type=Path),
    help="slurm: what jobs may use.  [default: cluster.toml, if there is one]",
)
resource_option = click.option(
    "--resource",
    "resources",
    multiple=True,
    metavar="NAME=VALUE",
    help="slurm: over the profile, such as time=2:00:00, constraint=a100 or any other option of "
    "its jobs. Repeatable.",
)


@dataclass(frozen=True)
class Chosen:
    """What decides which runs a study has."""

    changes: tuple[str, ...]
    seeds: int | None
    family: str | None
    scale: str | None

    def expand(self, home: Home, study: str, name: str | None = None) -> Expansion:
        """The runs of a study, by name or file, that are asked for; of a variant also by its name.

        Arguments:
            name: for what is asked; None: the study's, or what a variant is called by itself.

        Raises:
            UserError: there is no such study, it cannot be so, or the name is taken.
        """
        from ablations.study.catalogue import load_study, own_file, study_names
        from ablations.study.expansion import expand
        from ablations.study.plans import check_free, variant_of
        from ablations.study.variant import Variant, check_name

        known = study_names()
        before = None if study in known else variant_of(home, study)
        reference, chosen = (before.study, self._over(before)) if before else (study, self)
        own, found = load_study(reference)
        if name is not None:
            check_name(name, (own, *known))
        changes, file = parse_changes(chosen.changes), own_file(reference)
        expansion = expand(own, found, chosen.scale, chosen.family, chosen.seeds, changes, file)
        plan, scales = expansion.plan, found.experiment
        variant = Variant(
            study=own if own in known else os.path.realpath(reference),
            scale=plan.scale if plan.scale != scales.scale(None, None)[0] else "",
            family=plan.family if plan.family != scales.scale(plan.scale, None)[1] else "",
            changes=tuple(sorted(chosen.changes)),
        )
        if name is None and variant.is_as(before):
            name = study
        if name or variant.words:
            title = f"{plan.title} ({variant.words})" if variant.words else plan.title
            plan = replace(plan, study=name or variant.name, title=title, variant=variant)
        check_free(home, plan)
        return replace(expansion, plan=plan)

    def _over(self, variant: Variant) -> Chosen:
        """What is chosen, over what a variant has."""
        texts = (variant.changes, self.changes)
        merged = {name: text for one in texts for name, text in parse_pairs("--set", one).items()}
        return Chosen(
            changes=tuple(f"{name}={text}" for name, text in merged.items()),
            seeds=self.seeds,
            family=self.family or ("" if self.scale else variant.family) or None,
            scale=self.scale or variant.scale or None,
        )


def _seconds(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    seconds = parse_seconds(text)
    if not SHORTEST <= seconds <= LONGEST:
        raise UserError(f"{option.opts[0]} {text} is out of range: choose 1s to 3650d")
    return seconds


@dataclass(frozen=True)
class Limited:
    """Limits of each run in seconds; None: the study's."""

    time_limit: float | None
    silence_limit: float | None

    def over(self, limits: Limits) -> Limits:
        """These over the limits of a study."""
        from ablations.study.limits import Limits

        time, silence = self.time_limit, self.silence_limit
        return Limits(
            limits.time if time is None else time,
            limits.silence if silence is None else silence,
        )


limit_options = gathered(
    Limited,
    "limited",
    click.option(
        "--time-limit",
        metavar="TIME",
        callback=_seconds,
        help="A run that takes longer has failed, such as 2h.  [default: the study's]",
    ),
    click.option(
        "--silence-limit",
        metavar="TIME",
        callback=_seconds,
        help="A run without progress for so long has failed, such as 10min.",
    ),
)

chosen_options = gathered(
    Chosen,
    "chosen",
    click.option(
        "--scale",
        shell_complete=complete_scale,
        help="How large: ready-made settings; see `ablate scales`.",
    ),
    click.option(
        "--family",
        shell_complete=complete_family,
        help="Which networks, such as swin; see `ablate scales`.",
    ),
    click.option("--seeds", type=click.IntRange(1, MOST_RUNS), help="Replicates of every run."),
    click.option(
        "--set",
        "changes",
        multiple=True,
        metavar="AXIS=VALUE[,VALUE]",
        shell_complete=complete_setting,
        help="Fix an axis or any other setting, or give it other levels. Repeatable.",
    ),
)


name_option = click.option(
    "--name", help="Of a variant.  [default: the study's name and what is otherwise]"
)
accept_old_code_option = click.option(
    "--accept-old-code",
    is_flag=True,
    help="Take finished runs that earlier versions of your own experiment's code made.",
)


def _monitored(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    """Ask the workers, which get the environment of this command, wherever they run."""
    if wanted:
        os.environ[WANTED] = "true"
        interval()  # what is wrong with it ends before anything starts


system_metrics_option = click.option(
    "--system-metrics",
    is_flag=True,
    envvar=WANTED,
    expose_value=False,
    callback=_monitored,
    help="Also track how busy CPUs, memory and GPUs are during each run.",
)


def workers_option(default: str) -> Callable[[Any], Any]:
    """How many runs are done side by side; `default` says how many without it."""
    text = f"Runs side by side.  [default: {default}]"
    return click.option("--workers", type=click.IntRange(1, MOST_WORKERS), help=text)


per_gpu_option = click.option(
    "--per-gpu",
    type=click.IntRange(1, MOST_PER_GPU),
    help="This machine: runs side by side on each GPU.  [default: 1]",
)


notify_option = click.option(
    "--notify",
    metavar="COMMAND|URL",
    help="When all is over: run COMMAND with a sentence, or post JSON to the address.",
)


@dataclass(frozen=True)
class Where:
    """Where workers run, and what they may use."""

    cluster: str
    workers: int | None
    profile: Path | None
    resources: tuple[str, ...]
    per_gpu: int | None = None
    pack: int | None = None
    sync: str = "no"

    def options(self) -> Options:
        """Options for a scheduler."""
        from ablations.launch.scheduler import Options

        resources = parse_pairs("--resource", self.resources)
        return Options(
            self.workers, self.per_gpu, self.pack, self.profile, resources, self.sync == "after"
        )
