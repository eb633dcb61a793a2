"""Finding studies: by name in installed packages, or by the path of a user's file."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from ablations.errors import UserError, nearest
from ablations.study.calls import place_of, words_of
from ablations.study.experiment import Experiment
from ablations.study.hiding import check_hidden
from ablations.study.plan import Plan
from ablations.study.presentation import Presentation
from ablations.study.source import PACKAGE, ROOT, module_name
from ablations.study.study import Study

_begun: set[Path] = set()  # files that are just executed
GROUP = "ablations.studies"  # entry points naming packages whose modules each hold a STUDY


def study_names() -> dict[str, str]:
    """Known studies: name to module, without importing the studies themselves."""
    found = {}
    for point in entry_points(group=GROUP):
        spec = importlib.util.find_spec(point.value)
        locations = (spec.submodule_search_locations if spec else None) or []
        for item in pkgutil.iter_modules(locations):
            if not item.ispkg:
                found[item.name] = f"{point.value}.{item.name}"
    return dict(sorted(found.items()))


def known_experiments() -> dict[str, Experiment]:
    """The experiments of the known studies, by name."""
    studies = [load_study(name)[1] for name in study_names()]
    return {study.experiment.name: study.experiment for study in studies}


def presentation_of(plan: Plan) -> Presentation:
    """How a study's results are looked at; of older plans, as the known experiment says now."""
    return plan.presentation or known_presentation(plan.experiment)


def known_presentation(experiment: str) -> Presentation:
    """What a known experiment says of its defaults; of one that is not known, nothing."""
    known = known_experiments().get(experiment)
    return known.presentation_of([known.resolve({})]) if known else Presentation()


def with_results(plan: Plan) -> Plan:
    """The plan with what its runs tell; of older plans, as the known experiment says now."""
    if plan.metrics or plan.table:
        return plan
    experiment = known_experiments().get(plan.experiment)
    if experiment is None:
        return plan
    return replace(plan, metrics=tuple(experiment.metrics), table=experiment.table)


def own_file(reference: str) -> Path | None:
    """The user's file that `reference` means, without links; None where it means a known study."""
    path = Path(os.path.realpath(reference))
    return path if path.suffix == ".py" and path.stem not in study_names() else None


def name_of(reference: str) -> str:
    """What the study is called that a name, or the path of a file, means; it need not exist."""
    return Path(os.path.realpath(reference)).stem if reference.endswith(".py") else reference


def load_study(reference: str) -> tuple[str, Study]:
    """The study that `reference` means: a known name, or the path of a .py file with a STUDY.

    Raises:
        UserError: there is none, or the file has no STUDY; says which name is nearest.
    """
    if reference.endswith(".py"):
        path, name = Path(os.path.realpath(reference)), name_of(reference)
        if not (path.is_file() and path.suffix):
            folder = "; that is a folder" if path.is_dir() else ""
            raise UserError(f"there is no study file {path}{folder}")
        known = study_names().get(name)
        spec = importlib.util.find_spec(known) if known else None
        if spec is not None and spec.origin != str(path):
            raise UserError(f"{path} has the name of a built-in study; call the file otherwise")
        module = execute_file(path)
    else:
        names = study_names()
        if reference not in names:
            raise UserError(f"there is no study {reference!r}: {nearest(reference, names)}")
        name = reference
        module = _executed(names[name], lambda: importlib.import_module(names[name]))
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        raise UserError(f"{module.__file__} defines no STUDY (an ablations.Study)")
    return name, study


def execute_file(path: Path) -> ModuleType:
    """The module that a user's file is.

    Raises:
        UserError: whatever its code raised, even an exit, and where.
    """
    return _executed(str(path), lambda: _import_file(path))


def reference_of(study: Study) -> str | None:
    """What another process can load to have the experiment of a study: the name of a known study.

    Of several the study itself, if it is one; None where no known study has the experiment.
    """
    known = {name: load_study(name)[1] for name in study_names()}
    same = [name for name, one in known.items() if one.experiment is study.experiment]
    return next((name for name in same if known[name] is study), next(iter(same), None))


def _executed(source: str, load: Callable[[], ModuleType]) -> ModuleType:
    """A study's module.

    Raises:
        UserError: whatever its code raised, even an exit, and where.
    """
    try:
        return load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        reason = str(error) if isinstance(error, UserError) else words_of(error)
        if isinstance(error, ImportError) and (error.name or "").startswith("ablations"):
            reason += "; what a study needs is in one place: from ablations import Axis, Study"
        raise UserError(f"{place_of(error) or source}: {reason}") from error


def _import_file(path: Path) -> ModuleType:
    """The module of a study file, which may import what lies beside it, as scripts may.

    And what lies in the working directory: processes of workers find it there, so that this one,
    which tells them what code to expect, must find it, too.
    """
    if path in _begun:
        raise UserError(
            "a study file cannot ask for itself while it is executed: put that below "
            "`if __name__ == '__main__':`"
        )
    name = module_name(path)
    for folder in (Path.cwd(), path.parent):
        if folder == ROOT or not (folder / "ablations" / PACKAGE).exists():  # no other work tree
            if folder != ROOT:
                check_hidden(folder)
            if str(folder) not in sys.path:
                sys.path.insert(0, str(folder))
    importlib.invalidate_caches()  # what lies there may be new
    loader = SourceFileLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    _begun.add(path)
    try:
        # not what Python keeps of it compiled: that may be of an edit in the same second
        exec(loader.source_to_code(path.read_bytes(), str(path)), module.__dict__)
        study = getattr(module, "STUDY", None)
        if isinstance(study, Study):
            study.experiment.read_code()
    except BaseException:
        del sys.modules[name]
        raise
    finally:
        _begun.discard(path)
    return module
