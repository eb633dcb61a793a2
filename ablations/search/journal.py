"""The journal of a search: every trial that was asked, and what was told of it.

Optuna's own, so that its dashboard and its functions read it. A trial comes into being in one
line, with its values and the keys of its runs. So whatever is killed when, a trial is whole or is
not, and what goes on is known by its runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablations.errors import UserError, quoted
from ablations.runs.provenance import CODE
from ablations.search.lock import only_writer
from ablations.study.metric import Goal

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

KEYS = "keys"  # of a trial's runs, by seed
CURVE = "curve"  # how good its first run was so far, by percent of it
DEFINITION, OPTIONS = "definition", "options"
CHOICES = ("axes", "ranges")  # of the definition: what the values of trials are named by
BEGIN = b'{"op_code":'  # of each of its lines
LOCK_SECONDS = 5  # after which Optuna takes a lock for one that a kill left behind


class Journal:
    """One search as Optuna knows it.

    Attributes:
        path: its file.
    """

    def __init__(self, path: Path, goals: Mapping[str, Goal] | None = None) -> None:
        """Open it; where there is none, make it for these goals by name of the value.

        Raises:
            UserError: the file is damaged, or there is none and no goals are given.
        """
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        if goals is None and not path.exists():
            raise UserError(f"there is no {path}: nothing was searched yet, or --name is another")
        self.path = path
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is no file; move it away, or give the search another --name")
        lock = JournalFileSymlinkLock(str(path), grace_period=LOCK_SECONDS)
        try:
            self._storage = optuna.storages.JournalStorage(JournalFileBackend(str(path), lock))
            names = [study.study_name for study in self._storage.get_all_studies()]
            if names and path.stem not in names:
                raise ValueError(f"it holds {', '.join(names)}, not {path.stem}")
            if not names and goals is None:
                raise UserError(f"{path} holds no search yet")
            if not names and goals:
                made = optuna.create_study(
                    storage=self._storage, study_name=path.stem, directions=list(goals.values())
                )
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # that this is experimental
                    made.set_metric_names(list(goals))
            # its sampler is never asked: see `ablations.search.proposal`
            self._study = optuna.load_study(study_name=path.stem, storage=self._storage)
            self._check()
        except (OSError, UserError):
            raise
        except Exception as error:  # lines may hold anything, and Optuna trusts them
            raise _damaged(path, error) from None

    def _check(self) -> None:
        """Refuse what `ablate search` did not write.

        Raises:
            ValueError: says what that is.
        """
        for name in (DEFINITION, OPTIONS):
            value = self._study.user_attrs.get(name, {})
            if not isinstance(value, dict):
                raise ValueError(f"its {name} is {quoted(value)}")
        for trial in self.trials:
            keys = trial.user_attrs.get(KEYS)
            if not isinstance(keys, list) or not keys or set(map(type, keys)) != {str}:
                raise ValueError(f"trial {trial.number} names no runs, so no search here made it")
            if trial.values is not None and len(trial.values) != len(self._study.directions):
                raise ValueError(f"trial {trial.number} has {len(trial.values)} values")

    @property
    def definition(self) -> dict[str, Any] | None:
        """What the search is about, or None before that is known."""
        return self._study.user_attrs.get(DEFINITION)

    @property
    def options(self) -> dict[str, Any]:
        """What the command line said when the search began."""
        return self._study.user_attrs.get(OPTIONS, {})

    def define(self, wanted: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        """Remember what the search is about, and how that was said.

        Raises:
            UserError: it is about something else; says what differs, and what to do.
        """
        if self.definition is None:
            self._study.set_user_attr(OPTIONS, dict(options))
            self._study.set_user_attr(DEFINITION, dict(wanted))
            return
        self._refuse(self.differing(wanted))

    def differing(self, wanted: Mapping[str, Any]) -> list[str]:
        """Names of what the search was about that is otherwise in `wanted`."""
        found = self.definition or {}
        return [
            f"{name} {inner}".strip()
            for name in wanted
            for inner in _differing(wanted[name], found.get(name))
        ]

    def check_choices(self, wanted: Mapping[str, Any]) -> None:
        """Refuse to read trials as settings of a space that has other axes, levels or ranges.

        Raises:
            UserError: says what differs.
        """
        self._refuse([name for name in self.differing(wanted) if name.startswith(CHOICES)])

    def _refuse(self, differing: list[str]) -> None:
        if differing == [CODE]:
            raise UserError(
                f"search {self._study.study_name} was begun with other code of its experiment; "
                "begin another with --name NAME (--show tells what this one found)"
            )
        if differing:
            raise UserError(
                f"search {self._study.study_name} is about something else "
                f"({', '.join(differing)}); go on as it was begun, or begin another with --name "
                "NAME"
            )

    @property
    def trials(self) -> list[FrozenTrial]:
        """All of them, by number."""
        return self._study.get_trials(deepcopy=False)

    @property
    def running(self) -> list[FrozenTrial]:
        """Those of which nothing was told yet."""
        return self._in_state("RUNNING")

    @property
    def failed(self) -> list[FrozenTrial]:
        """Those that brought nothing."""
        return self._in_state("FAIL")

    @property
    def pruned(self) -> list[FrozenTrial]:
        """Those that ended early."""
        return self._in_state("PRUNED")

    @property
    def done(self) -> list[FrozenTrial]:
        """Those that have a value."""
        return self._in_state("COMPLETE")

    def _in_state(self, name: str) -> list[FrozenTrial]:
        from optuna.trial import TrialState

        return self._study.get_trials(deepcopy=False, states=(TrialState[name],))

    @property
    def best(self) -> list[FrozenTrial]:
        """The best trial; of several goals those that no other beats; none before one is done."""
        return self._study.best_trials if self.done else []

    def ask(
        self, values: dict[str, Any], space: dict[str, BaseDistribution], keys: list[str]
    ) -> None:
        """A new trial."""
        from optuna.trial import TrialState, create_trial

        running = create_trial(
            state=TrialState.RUNNING, params=values, distributions=space, user_attrs={KEYS: keys}
        )
        self._study.add_trial(running)

    def report(self, trial: FrozenTrial, seed: int, value: float) -> None:
        """What one replicate of a running trial brought."""
        self._storage.set_trial_intermediate_value(trial._trial_id, seed, value)

    def must_prune(self, trial: FrozenTrial) -> bool:
        """Whether the replicates so far say that the trial is worse than the best one."""
        from optuna.pruners import WilcoxonPruner

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of scipy, where all differences are zero
            return WilcoxonPruner().prune(self._study, self.trials[trial.number])

    def keep_curve(self, trial: FrozenTrial, curve: Mapping[int, float]) -> None:
        """How good the first replicate of a running trial was so far, by percent of it."""
        self._storage.set_trial_user_attr(trial._trial_id, CURVE, dict(curve))

    def must_cut(self, curve: Mapping[int, float]) -> bool:
        """Whether a run that was so good so far lags behind the median of those that were done.

        Optuna's median rule, which needs five trials that are done.
        """
        from optuna import create_study
        from optuna.pruners import MedianPruner
        from optuna.trial import TrialState, create_trial

        copy = create_study(direction=self._study.direction)
        for trial in self.done:
            known = curve_of(trial)
            copy.add_trial(create_trial(value=trial.value, intermediate_values=known))
        copy.add_trial(create_trial(state=TrialState.RUNNING, intermediate_values=dict(curve)))
        return MedianPruner().prune(copy, copy.trials[-1])

    def tell(self, trial: FrozenTrial, values: Sequence[float]) -> None:
        """The trial is done."""
        self._study.tell(trial.number, list(values))

    def fail(self, trial: FrozenTrial) -> None:
        """The trial brought nothing."""
        from optuna.trial import TrialState

        self._study.tell(trial.number, state=TrialState.FAIL)

    def prune(self, trial: FrozenTrial) -> None:
        """The trial ended early."""
        from optuna.trial import TrialState

        self._study.tell(trial.number, state=TrialState.PRUNED)


def curve_of(trial: FrozenTrial) -> dict[int, float]:
    """How good its first replicate was, by percent of it, as far as that is known."""
    return {int(percent): value for percent, value in trial.user_attrs.get(CURVE, {}).items()}


@contextmanager
def writing_journal(
    path: Path, goals: Mapping[str, Goal], definition: Mapping[str, Any], options: Mapping[str, Any]
) -> Iterator[Journal]:
    """The journal of a search, there or new, for its only writer.

    Raises:
        UserError: another process writes it, or it is of another search.
    """
    with only_writer(path):
        _drop_torn_line(path)
        journal = Journal(path, goals)
        journal.define(definition, options)
        yield journal


def _differing(one: Any, other: Any) -> list[str]:
    """Names of what differs in two mappings; an empty name where they are none."""
    if one == other:
        return []
    if not isinstance(one, dict) or not isinstance(other, dict):
        return [""]
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _damaged(path: Path, error: Exception) -> UserError:
    ours = type(error) is ValueError
    reason = str(error) if ours else f"it has a line that Optuna did not write, {error!r}"
    return UserError(
        f"{path} is damaged ({reason}); move it away and search anew: runs that are done are not "
        "done again"
    )


def _drop_torn_line(path: Path) -> None:
    """Take off what a crash left of a line that was being written; the next one would join it.

    Raises:
        UserError: the end of the file is no piece of such a line.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    whole = content.rfind(b"\n") + 1
    torn = content[whole:]
    if torn[: len(BEGIN)] != BEGIN[: len(torn)]:
        raise _damaged(path, ValueError(f"it ends with {quoted(torn)}"))
    if torn:
        with open(path, "rb+") as file:
            file.truncate(whole)
