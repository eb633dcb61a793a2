"""Files of weights as people keep them, read so that nothing in them is ever executed."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from snnet.errors import CheckpointError, first_line
from snnet.onnx_weights import read_onnx

FORMATS = "no safetensors file and no pth file of plain weights"
RESAVE = "save the plain weights alone: torch.save(model.state_dict(), path)"
DEPTH = 3  # how deep in a file weights may lie
# weights that are taken where a file holds no others of the network: averages, a second network
SECOND_CHOICE = {"ema", "student"}
KNOWN_SHARE = 0.25  # of the network's names that weights must have, to be told by them

Tensors = dict[str, Tensor]
Place = tuple[tuple[str, ...], Tensors]  # the names of the dictionaries around some tensors


@dataclass(frozen=True)
class Found:
    """The weights in a file.

    Attributes:
        tensors: by name.
        place: where they lie in the file, in words; empty where they are all there is.
        left_out: names of other tensors beside them.
    """

    tensors: Tensors
    place: str
    left_out: tuple[str, ...]


def read_file(path: Path) -> Any:
    """What a safetensors or pth file holds, on the CPU; tensors are read when they are used.

    Foreign objects in it, such as the settings of a training, become empty ones.

    Raises:
        CheckpointError: there is no such file, or it is damaged or of another kind.
    """
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder; name the file in it")
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    try:
        with open(path, "rb") as file:
            start = file.read(9)
        if not start:
            raise CheckpointError(f"{path} is empty")
        if path.suffix == ".onnx":
            return read_onnx(path)
        if start[8:] == b"{" or path.suffix == ".safetensors":
            return _read_safetensors(path)
        return _read_pickle(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error})") from None
    except SafetensorError as error:
        raise CheckpointError(f"{path} is a damaged safetensors file ({error})") from None
    except (UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, TypeError) as error:
        torn = start[:2] == b"PK" and not is_zipfile(path)
        reason = "it is damaged, or cut off" if torn else first_line(error)
        raise CheckpointError(f"{path} is {FORMATS} ({reason})") from None


def _read_safetensors(path: Path) -> Tensors:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in list(file.keys())}


def _read_pickle(path: Path) -> Any:
    zipped = is_zipfile(path)  # the older format can neither be looked into nor be mapped
    foreign = get_unsafe_globals_in_checkpoint(path) if zipped else []
    known: list[Any] = [argparse.Namespace, *(_stand_in(name) for name in foreign)]
    with torch.device("cpu"), safe_globals(known):
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)


class Foreign:
    """Stands where a file holds an object of a class that is never imported."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _stand_in(name: str) -> tuple[type, str]:
    return type(name.rpartition(".")[2], (Foreign,), {}), name


def find_weights(content: object, names: Collection[str], path: Path) -> Found:
    """The weights of a network in what `read_file` gave, under the network's names.

    They may lie in a dictionary inside it (`model`, `state_dict`, `teacher`, ...), and their
    names may begin with what wrapped the network (`module.`, `model.`, `backbone.`, ...).

    Arguments:
        names: of the network's own tensors.

    Raises:
        CheckpointError: there are no named tensors in it.
    """
    places = list(_mappings(content))
    if not places:
        raise CheckpointError(f"{path} holds {_kind(content)}, and no tensors by name; {RESAVE}")
    number, prefix, rivals = _choose(places, set(names))
    place, tensors = places[number]
    inside = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    words = [f"took {'.'.join(place)}"] if place else []
    words += [f"not {', '.join(rivals)}"] if rivals else []
    words += [f"names without {prefix!r}"] if prefix else []
    return Found(
        {name.removeprefix(prefix): tensor for name, tensor in inside.items()},
        ", ".join(words),
        tuple(name for name in tensors if name not in inside),
    )


def _choose(places: list[Place], wanted: set[str]) -> tuple[int, str, list[str]]:
    """The place with the most of the wanted names, what they begin with, and equally good places.

    Of equally good ones the first counts that is no average and no student.
    """
    counts = {
        (number, prefix): count
        for number, (_, tensors) in enumerate(places)
        for prefix, count in _prefixes(tensors, wanted).items()
    }
    most = max(counts.values(), default=0)
    if most < KNOWN_SHARE * len(wanted):  # maybe names that timm knows to translate
        return max(range(len(places)), key=lambda n: len(places[n][1])), "", []
    best = [choice for choice, count in counts.items() if count == most]
    chosen = min(best, key=lambda choice: _is_second(places[choice[0]][0], choice[1]))
    rivals = [".".join(places[number][0]) for number, _ in best if number != chosen[0]]
    return *chosen, rivals


def _kind(content: object) -> str:
    if isinstance(content, Foreign):
        return f"a whole object of class {type(content).__name__}"
    if isinstance(content, Tensor):
        return "a single tensor"
    return f"a {type(content).__name__}"


def _mappings(content: object, place: tuple[str, ...] = ()) -> Iterator[Place]:
    """Every dictionary in a file that holds tensors, outer ones first."""
    if not isinstance(content, Mapping):
        return
    named = {name: value for name, value in content.items() if isinstance(name, str)}
    tensors = {name: value for name, value in named.items() if isinstance(value, Tensor)}
    if tensors:
        yield place, tensors
    if len(place) < DEPTH:
        for name, value in named.items():
            yield from _mappings(value, (*place, name))


def _prefixes(tensors: Tensors, wanted: set[str]) -> Counter[str]:
    """How many of the wanted names there are behind each beginning of the tensors' names."""
    counts: Counter[str] = Counter()
    for name in tensors:
        starts = [0, *(match.end() for match in re.finditer(r"\.", name))]
        counts.update(name[:start] for start in starts if name[start:] in wanted)
    return counts


def _is_second(place: tuple[str, ...], prefix: str) -> bool:
    words = re.split(r"[._]", ".".join((*place, prefix)).lower())
    return not SECOND_CHOICE.isdisjoint(words)
