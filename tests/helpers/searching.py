"""Searches in this process, and what they leave."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import optuna

from ablations.launch.requests import Request
from ablations.launch.worker import Worker
from ablations.runs.home import Home
from ablations.runs.lease import take_lease
from ablations.search.journal import writing_journal
from ablations.search.question import Asked, make_question
from ablations.search.trials import Search, Sitting
from helpers.commands import STUDIES, TOY
from helpers.doers import Here

NOISY = str(STUDIES / "noisy.py")
SEARCH = ("search", TOY, "--objective", "error", "--seeds", "1", "--over", "rate=0.05:0.6")


NOWHERE = Home(Path("/nowhere"))  # asked for what runs return only where an objective is unknown


def question(study=TOY, name="toy-search", home=NOWHERE, **changes):
    asked = Asked("error", ("rate=0.05:0.6",), None, None, 1, (), None)
    return make_question(home, study, name, Asked(**{**asdict(asked), **changes}))


def noisy(**changes):
    return question(NOISY, "noisy-search", **{"objective": "value", "over": (), **changes})


def trials_of(home, name="toy-search"):
    """The trials of a search."""
    return read_journal(home, name).get_trials()


def read_journal(home, name):
    """A search as anybody reads it who has Optuna."""
    backend = optuna.storages.journal.JournalFileBackend(str(home.journal(name)))
    storage = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name=name, storage=storage)


def sit(home, asked, trials, workers=1, most=None):
    """Search in this process; with `most` leave after so many runs, as if killed."""
    home.prepare()
    done, experiment = 0, asked.space.experiment
    record = asked.record(), asdict(asked.asked)
    with writing_journal(home.journal(asked.name), asked.aim.goals, *record) as journal:
        search = Search(home, asked, journal, Sitting(trials, workers))
        while search.step() or journal.running:
            due = [key for key in search.work().configs if not home.run(key).result()]
            for key in due:
                if done == most:
                    return search
                directory = home.run(key)
                directory.path.mkdir()
                request = Request(key, experiment.dump(search.work().configs[key]), 0)
                lease = take_lease(directory.path, 1)
                Worker(home, experiment, {}, Here(home, experiment)).execute(request, lease)
                done += 1
    return search
