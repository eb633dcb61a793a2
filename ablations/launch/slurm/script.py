"""The batch script: options for sbatch, what comes first, the job's one step, what comes last."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from submitit.core.utils import JobPaths

from ablations.launch.slurm.options import variable_of
from ablations.launch.slurm.resources import Resources

# options of sbatch that say where a job may run, and for whom; a small job needs no others
PLACE = ("partition", "account", "qos", "reservation", "constraint", "exclude", "wckey")


@dataclass(frozen=True)
class Script:
    """What one submission runs.

    Attributes:
        folder: of the launch, with pickles, logs and this script.
        resources: what the job may use.
        options: of sbatch, beside those of the resources.
        code: what is put first on the path of Python.
        first, last: shell lines just before the step, and after it, with its exit status in `$?`.
    """

    folder: Path
    resources: Resources
    options: Mapping[str, str | bool]
    code: Path | None = None
    first: Sequence[str] = ()
    last: Sequence[str] = ()

    @property
    def asked(self) -> Mapping[str, str | bool]:
        """Options that count more than those in sbatch's environment."""
        return {**self.resources.asked(), **self.options}

    def text(self, count: int = 1, side_by_side: int = 1) -> str:
        """The script as an array of `count` jobs, if it is more than one.

        Arguments:
            side_by_side: how many of them may run at the same time.
        """
        folder = self.folder.absolute()
        name = JobPaths(folder).stdout.name
        options = {**self._defaults(), **self.asked, "open-mode": "append"}
        if count > 1:
            name = name.replace("%j", "%A_%a")
            options["array"] = f"0-{count - 1}%{min(count, side_by_side)}"
        log = f"{str(folder).replace('%', '%%')}/{name}"
        options["output"] = log.replace("%t", "0")
        step = {"output": log, **self.resources.step()}
        worker = f"-u -m submitit.core._submit {shlex.quote(str(folder))}"
        lines = [
            "#!/bin/bash",
            *(f"#SBATCH {word}" for word in _words(options)),
            "unset SLURM_CLUSTERS",  # of where it came from: here is the cluster that it is on
            *self.resources.preparation(),
        ]
        if self.code:
            lines.append(
                f"export PYTHONPATH={shlex.quote(str(self.code))}${{PYTHONPATH:+:$PYTHONPATH}}"
            )
        lines += [
            "export SUBMITIT_EXECUTOR=slurm",
            *self.first,
            f"srun --unbuffered {' '.join(_words(step))} {self.resources.interpreter} {worker}",
            *self.last,
        ]
        return "\n".join(lines) + "\n"

    def _defaults(self) -> dict[str, str | bool]:
        """Options that every job has; the time limit only where the environment has none."""
        always = self.resources.always()
        limited = variable_of("time") in os.environ
        return always if limited else {"time": str(self.resources.minutes), **always}


def _words(options: Mapping[str, str | bool]) -> list[str]:
    """Options as a shell reads them, in order of their names; those that are False left out."""
    return [
        f"--{name}" if value is True else f"--{name}={shlex.quote(str(value))}"
        for name, value in sorted(options.items())
        if value is not False
    ]
