"""Options of sbatch and srun that the user gives as they are: which pass, which not and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import chain
from typing import Any

COMMANDS = ("sbatch", "srun")
LONGEST = 4000  # characters of a value: lists of nodes are long, numbers are not
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+|[a-z][a-z0-9]+")

# long options of sbatch, to tell a misspelt resource from an option; plug-ins of a site add others
_KNOWN = """acctg-freq array batch bb bbf begin chdir cluster-constraint clusters comment constraint
    container container-image container-mounts contiguous core-spec cores-per-socket cpu-freq
    cpus-per-gpu cpus-per-task deadline delay-boot dependency error exclude exclusive export
    export-file extra extra-node-info get-user-env gid gpu-bind gpu-freq gpus-per-node
    gpus-per-socket gpus-per-task gres gres-flags hint hold input job-name kill-on-invalid-dep
    licenses mail-type mail-user mcs-label mem-bind mem-per-cpu mem-per-gpu mincpus network nice
    no-kill no-requeue nodefile nodelist ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node
    ntasks-per-socket open-mode output overcommit oversubscribe parsable power prefer priority
    profile propagate quiet reboot requeue reservation signal sockets-per-node spread-job switches
    test-only thread-spec threads-per-core time-min tmp tres-bind tres-per-task uid use-min-nodes
    verbose wait wait-all-nodes wckey wrap"""
KNOWN = frozenset(_KNOWN.split())

_FOUND_BY = "jobs are found again by it"
_LOGS = "the logs of workers are found by it"
_QUEUES_AGAIN = "stopped workers leave a checkpoint and queue again by it"
_ONE_WORKER = "each node has one worker, which starts the processes: use tasks or gpus"
_VARIABLES = "workers need the variables of the launch: add yours to `environment`"
_RETURNS = "the launch reads what sbatch prints, and does not wait"
_ANSWERS = "nothing would be submitted"
_RESOURCES = ("partition", "account", "qos", "mem", "time", "nodes")

REFUSED: Mapping[str, Mapping[str, str]] = {
    "sbatch": {
        **{name: f"it is a resource of its own: use {name}" for name in _RESOURCES},
        **dict.fromkeys(("array", "job-name", "jobid"), _FOUND_BY),
        **dict.fromkeys(("output", "error", "open-mode"), _LOGS),
        **dict.fromkeys(("requeue", "no-requeue", "signal"), _QUEUES_AGAIN),
        **dict.fromkeys(("export", "export-file"), _VARIABLES),
        **dict.fromkeys(("parsable", "wait", "quiet", "verbose"), _RETURNS),
        **dict.fromkeys(("test-only", "help", "usage", "version"), _ANSWERS),
        **dict.fromkeys(
            ("ntasks", "ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket"),
            _ONE_WORKER,
        ),
        **dict.fromkeys(("cpus-per-task", "cpus-per-gpu"), "use cpus, for each process"),
        **dict.fromkeys(("wrap", "input"), "the script is that of a worker; use setup"),
        **dict.fromkeys(("uid", "gid"), "workers write as you do"),
        "clusters": "squeue must look there, too: set SLURM_CLUSTERS in your environment",
    },
    "srun": {
        **dict.fromkeys(("output", "error", "input", "label", "unbuffered", "open-mode"), _LOGS),
        **dict.fromkeys(
            ("kill-on-bad-exit", "no-kill", "signal", "disable-status", "quit-on-interrupt"),
            _QUEUES_AGAIN,
        ),
        **dict.fromkeys(("nodes", "relative", "nodelist", "exclude", "het-group"), _ONE_WORKER),
        **dict.fromkeys(
            ("ntasks", "ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node", "ntasks-per-socket"),
            _ONE_WORKER,
        ),
        **dict.fromkeys(("multi-prog", "pty", "bcast", "preserve-env"), _ONE_WORKER),
        **dict.fromkeys(("export", "export-file"), _VARIABLES),
        **dict.fromkeys(("jobid", "job-name", "no-allocate", "clusters"), _FOUND_BY),
        **dict.fromkeys(("test-only", "help", "usage", "version"), "nothing would run"),
        **dict.fromkeys(("uid", "gid"), "workers write as you do"),
        "cpus-per-task": "use cpus, for each process",
    },
}

# options of which SLURM takes one
_ALTERNATIVES = {
    "memory": ("mem", "mem-per-cpu", "mem-per-gpu"),
    "GPUs": ("gpus", "gpus-per-node", "gpus-per-socket", "gpus-per-task"),
}
_GPU = re.compile(r"(^|,)(gres/)?gpu\b")  # among generic resources

# variables of sbatch that are not called like their option
_VARIABLES_OF = {
    "array": "SBATCH_ARRAY_INX",
    "mem": "SBATCH_MEM_PER_NODE",
    "switches": "SBATCH_REQ_SWITCH",
    "time": "SBATCH_TIMELIMIT",
}


def variable_of(option: str) -> str:
    """The environment variable from which sbatch takes an option; it beats `#SBATCH` lines."""
    return _VARIABLES_OF.get(option, f"SBATCH_{option.upper().replace('-', '_')}")


def option_name(command: str, text: str) -> str:
    """The long option of `command` (sbatch or srun) that `text` means, as the command spells it.

    Raises:
        ValueError: it is none, or would break what launches rely on; says why.
    """
    name = text.removeprefix("--").replace("_", "-").lower()
    if not _NAME.fullmatch(name):
        raise ValueError(f"{text!r} is no long option of {command}, such as constraint")
    reason = REFUSED[command].get(name)
    if reason:
        raise ValueError(f"{name} of {command} cannot be set here: {reason}")
    longer = [full for full in REFUSED[command] if full.startswith(name)]
    if longer and name not in KNOWN:  # the commands take what is cut short
        raise ValueError(f"{name} is no whole name of an option; {command} reads {longer[0]}")
    return name


def option_value(value: Any) -> str | bool:
    """What stands behind the option: True for nothing, False where it is left out.

    Raises:
        ValueError: it is none of text, number, true, false or a list of texts.
    """
    if isinstance(value, list | tuple) and value:
        return ",".join(str(option_value(one)) for one in value)
    if isinstance(value, bool) or value in ("true", "false"):
        return value in (True, "true")
    if not isinstance(value, str | int | float) or not str(value).strip():
        raise ValueError("write text in quotes, a number, true, false, or a list of these")
    if not str(value).isprintable():
        raise ValueError("it must stand in one line")
    if len(str(value)) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} characters")
    return str(value)


def kind(name: str, value: Any) -> str:
    """What an option of sbatch is about: of two of one kind, only one can count.

    Arguments:
        name: of the option, also in the way of settings: sbatch.constraint.
    """
    name = name.removeprefix("sbatch.")
    if name == "gres" and _GPU.search(str(value)):
        return "GPUs"
    return next((about for about, names in _ALTERNATIVES.items() if name in names), name)


def overruled(asked: Mapping[str, Any], variables: Mapping[str, str]) -> set[str]:
    """Which variables of sbatch's environment would beat or contradict the options `asked`."""
    kinds = {kind(*item) for item in asked.items()}
    rivals = {variable_of(name): name for name in ("gres", *chain(*_ALTERNATIVES.values()))}
    rivals = {name: option for name, option in rivals.items() if name in variables}
    contradicting = {
        name for name, option in rivals.items() if kind(option, variables[name]) in kinds
    }
    return contradicting | {variable_of(option) for option in asked}
