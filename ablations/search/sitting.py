"""One `ablate search`: go on with a search until so many trials were told, and show the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

from ablations.file_system import check_space
from ablations.launch.launcher import Launcher, Snapshot
from ablations.launch.timing import expected_seconds
from ablations.refused import Refused
from ablations.runs.home import Home
from ablations.search.findings import show_findings
from ablations.search.journal import writing_journal
from ablations.search.question import Question
from ablations.search.trials import Search, Sitting
from ablations.study.expansion import Expansion
from ablations.study.plans import plans_of, save_plan
from ablations.study.variant import check_name
from ablations.terminal.display import console, interruptible, warn
from ablations.terminal.outcome import tell_failures
from ablations.terminal.progress import LiveProgress
from ablations.tracking.background import collecting
from ablations.tracking.store import check_uri


def run_search(
    home: Home,
    question: Question,
    sitting: Sitting,
    make_launcher: Callable[[Expansion], Launcher],
    uri: str,
) -> bool:
    """Search; whether no trial failed in this sitting, and all is tracked.

    Arguments:
        make_launcher: what gets done what a search begins with.
        uri: the tracking store.

    Raises:
        UserError: something is missing, or the journal is of another search.
    """
    check_uri(uri)
    question.check(question.space.baseline)
    question.check_told(home)
    check_space(home.root)
    path = home.journal(question.name)
    goals, record = question.aim.goals, question.record()
    with writing_journal(path, goals, record, asdict(question.asked)) as journal:
        search, tracked = Search(home, question, journal, sitting), True
        _announce(search)
        if journal.running or len(journal.trials) < sitting.trials:
            launcher = make_launcher(search.work())
            progress = LiveProgress(home, launcher.work.expansion.plan, {}, sitting.workers)
            with collecting(home, uri, warn) as collector, interruptible(), progress:
                snapshot = launcher.run(_Watch(home, search, launcher, progress))
                save_plan(home, search.plan(with_grids=True))
            ended = {key: run for key, run in snapshot.runs.items() if key not in search.cut}
            tell_failures(home, launcher.work.expansion.plan, Snapshot(ended))
            tracked = collector.error is None
        if search.exhausted:
            console.print(f"all {len(journal.trials)} settings of the space were tried")
        show_findings(home, question, journal)
        return search.failed == 0 and tracked


class _Watch:
    """Tells, asks, and hands over what is new, between two looks of the launcher."""

    def __init__(
        self, home: Home, search: Search, launcher: Launcher, progress: LiveProgress
    ) -> None:
        self.home, self.search = home, search
        self.launcher, self.progress = launcher, progress
        self._begun = False

    def __call__(self, snapshot: Snapshot) -> None:
        moved = self.search.step(self.launcher.given_up(snapshot))
        if moved or not self._begun:
            self._begun = True
            save_plan(self.home, self.search.plan())
            expansion = self.search.work()
            self.launcher.extend(expansion)
            expected = expected_seconds(self.home, expansion)
            self.progress.extend(expansion.plan, expected, self.search.progress())
        else:
            self.progress(snapshot)


def _announce(search: Search) -> None:
    trials, question = search.journal.trials, search.question
    plan = question.space.plan
    text = f"{question.name} at scale {plan.scale} ({plan.family}): "
    text += f"{len(trials)} of {search.sitting.trials} trials asked already"
    left = len(search.journal.running) + max(0, search.sitting.trials - len(trials))
    if left:
        text += f", {left} to do with {search.sitting.workers} workers"
    console.print(f"{text}; looking for {question.aim.text}")
    if not left:
        console.print("nothing is left to do; a larger --trials goes on")


def check_search_name(home: Home, name: str, known: Mapping[str, str]) -> None:
    """Refuse a name that a study has.

    Arguments:
        known: studies by name.

    Raises:
        UserError: it is taken, or no name of a file.
    """
    asked = [plan.study for plan in plans_of(home, Refused()) if plan.design != "search"]
    check_name(name, (*known, *asked))
