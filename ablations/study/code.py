"""The code of users that makes a result, as a digest: what runs were made by another?

It covers what the experiment's function and its configuration use, and what that uses in turn, as
far as it stands in modules of users': top-level functions, classes, assignments and imports, by the
names that occur in them, and top-level statements that do something, such as calls. Comments,
formatting, docstrings and whatever else stands in the files do not count; neither do the fields of
the configuration, whose values are part of each run's key.

Not seen is what is reached by other ways than its name: `getattr` and `globals` with a text,
`importlib`, classes of other modules that register themselves, files that are read, compiled code,
and the values of objects of installed classes that a closure or `functools.partial` holds. Where a
name leads nowhere, or a module is used as a whole, the whole module counts.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cached_property, partial
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any, get_args, get_type_hints

from ablations.study.scopes import (
    Chain,
    bound,
    changed,
    decorators,
    is_call,
    meaning,
    used,
    within,
)
from ablations.study.source import Imported, Source, Sources, is_installed, read_source

IMPORTS = (ast.Import, ast.ImportFrom)
PLAIN = (str, bytes, int, float, complex, type(None))


def code_of(made: Callable[..., Any], config: type = object) -> str | None:
    """A digest of the users' code that makes results; None where none does.

    Arguments:
        made: a function or a class.
        config: the class of an experiment's settings.
    """
    closure = _Closure(_settings(config))
    closure.add_value(made)
    for kind in closure.settings:
        closure.add_class(kind)
    return closure.digest()


def _settings(config: type) -> dict[type, frozenset[str]]:
    """The users' classes that hold settings, each with the names that it declares for them."""
    found: dict[type, frozenset[str]] = {}
    left: list[Any] = [config]
    while left:
        kind = left.pop()
        left += get_args(kind)
        if not isinstance(kind, type) or kind in found or _file_of(kind) is None:
            continue
        names: Iterable[str] = getattr(kind, "model_fields", ())  # of pydantic
        if is_dataclass(kind):
            names = [item.name for item in fields(kind)]
        elif issubclass(kind, Enum):
            names = kind.__members__
        elif hasattr(kind, "__required_keys__"):  # a TypedDict
            names = kind.__annotations__
        found[kind] = frozenset(names)
        left += kind.__mro__[1:]
        try:
            left += get_type_hints(kind, include_extras=True).values()
        except Exception:  # an annotation that stands for nothing: told where it is checked
            continue
    return found


def _file_of(thing: Any) -> Path | None:
    """The file of users' in which a class or function is defined; None where it is not theirs."""
    return _file_in(getattr(thing, "__module__", None) or "")


def _file_in(name: str) -> Path | None:
    """The file of a user's module that was imported; None where it is none."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return Path(file) if file and not is_installed(name, Path(file)) else None


@dataclass(frozen=True)
class _Module:
    """The top-level statements of a module, by what they bind and what they do."""

    source: Source

    @cached_property
    def statements(self) -> list[ast.stmt | ast.Lambda]:
        """What is executed when it is imported; `lambdas_at` adds to it."""
        return [one for one in self.source.tree.body if not _is_main(one)]

    @cached_property
    def imports(self) -> Mapping[str, list[Imported]]:
        """What each name is imported as, also within blocks such as `try`."""
        found: dict[str, list[Imported]] = defaultdict(list)
        for node in (node for one in self.statements for node in within(one)):
            if isinstance(node, IMPORTS):
                for one in self.source.imported(node):
                    found[one.name].append(one)
        return found

    @cached_property
    def bindings(self) -> Mapping[str, list[int]]:
        """The statements, but imports, that bind each name, or change what it is bound to."""
        binding = [set(self._bound(one)) for one in self.statements]
        own = set[str]().union(*binding)
        found: dict[str, list[int]] = defaultdict(list)
        for index, statement in enumerate(self.statements):
            roots = {chain[0] for chain in changed(statement) if chain}
            roots |= {chain[0] for chain in decorators(statement) if len(chain) > 1}
            for name in binding[index] | roots & own:
                found[name].append(index)
        return found

    def _bound(self, statement: ast.AST) -> Iterator[str]:
        """The names that a statement binds, in blocks by imports, too."""
        yield from bound(statement)
        if not isinstance(statement, IMPORTS):
            for node in within(statement):
                if isinstance(node, IMPORTS):
                    yield from (one.name for one in self.source.imported(node))

    @cached_property
    def acting(self) -> list[int]:
        """Statements that do something beside binding names of this module, such as registering."""
        return [index for index, one in enumerate(self.statements) if self._acts(one)]

    def _acts(self, statement: ast.AST) -> bool:
        own = self.bindings.keys() - self.imports.keys()
        inner = [] if isinstance(statement, ast.ClassDef) else changed(statement)  # not its bases
        return (
            any(map(is_call, within(statement)))
            or any(not self._is_harmless(chain) for chain in decorators(statement))
            or any(not chain or chain[0] not in own for chain in inner)
        )

    def _is_harmless(self, decorator: Chain) -> bool:
        """Whether a decorator is Python's own, and so registers nothing elsewhere."""
        if not decorator:
            return False
        imports = self.imports.get(decorator[0], [])
        if imports:
            return all(one.module.split(".")[0] in sys.stdlib_module_names for one in imports)
        return decorator[0] not in self.bindings or len(decorator) > 1

    def class_at(self, name: str) -> int | None:
        """The statement that is the class of this name."""
        for index in self.bindings.get(name, ()):
            one = self.statements[index]
            if isinstance(one, ast.ClassDef) and one.name == name:
                return index
        return None

    def lambdas_at(self, line: int) -> list[int]:
        """The lambdas that begin in a line, each as a statement of its own."""
        tree = ast.walk(self.source.tree)
        found = [one for one in tree if isinstance(one, ast.Lambda) and one.lineno == line]
        self.statements.extend(one for one in found if one not in self.statements)
        return [self.statements.index(one) for one in found]


def _is_main(statement: ast.AST) -> bool:
    """Whether it is the block that is left out when the file is imported."""
    if not isinstance(statement, ast.If) or statement.orelse:
        return False
    return "'__main__'" in ast.unparse(statement.test)


class _Closure:
    """What was found to be used so far.

    Attributes:
        settings: see `_settings`.
    """

    def __init__(self, settings: Mapping[type, frozenset[str]]) -> None:
        self.settings = settings
        self._sources = Sources()
        self._modules: dict[str, _Module] = {}
        self._root: str | None = None  # the module that the function is in, whatever its name
        self._taken: dict[tuple[str, int], frozenset[str]] = {}  # and which declarations not
        self._imports: set[tuple[str, ...]] = set()
        self._values: list[str] = []  # of what functions hold
        self._left: list[tuple[str, int]] = []
        self._seen: list[Any] = []

    def digest(self) -> str | None:
        """What was found as a digest; None where nothing was."""
        while self._left:
            self._follow_statement(*self._left.pop())
        if not self._taken:
            return None
        # where a statement stands does not count, in which order they do
        order = sorted(
            ("" if name == self._root else name, index, name) for name, index in self._taken
        )
        content = [[label, meaning(self._node(name, index))] for label, index, name in order]
        text = json.dumps([content, sorted(self._imports), self._values])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # what is there when a study is loaded

    def add_value(self, value: Any) -> None:
        """A function, or anything else that one holds."""
        if isinstance(value, PLAIN):
            self._values.append(repr(value))
            return
        if any(value is one for one in self._seen):
            return
        self._seen.append(value)
        self._values.append(type(value).__name__)
        if isinstance(value, partial):
            self._add_all([value.func, value.args, value.keywords])
        elif isinstance(value, MethodType):
            self._add_all([value.__func__, value.__self__])
        elif isinstance(value, FunctionType):
            self._add_function(value)
        elif isinstance(value, type):
            self.add_class(value, whole=True)
        elif isinstance(value, list | tuple):
            self._add_all(value)
        elif isinstance(value, Mapping):
            self._add_all(part for item in value.items() for part in item)
        elif _file_of(type(value)):
            self._add_all([type(value), getattr(value, "__dict__", {})])
        if hasattr(value, "__wrapped__"):
            self.add_value(value.__wrapped__)

    def _add_all(self, values: Iterable[Any]) -> None:
        for one in values:
            self.add_value(one)

    def _add_function(self, function: FunctionType) -> None:
        code = function.__code__
        self._add_named(function.__module__, function.__qualname__, code.co_firstlineno)
        # what wraps it, though it is called as it
        self._add_named(
            function.__globals__.get("__name__", ""), code.co_qualname, code.co_firstlineno
        )
        if "<locals>" in code.co_qualname:
            for cell in function.__closure__ or ():
                with suppress(ValueError):  # it holds nothing yet
                    self.add_value(cell.cell_contents)

    def _add_named(self, module_name: str, name: str, line: int) -> None:
        """Let the function of this full name count, or the lambdas in a line."""
        file = _file_in(module_name)
        if file is None:
            return
        module, (top, *_) = self._module_at(module_name, file), name.split(".")
        if top != "<lambda>":
            self._follow(module, (top,))
        for index in module.lambdas_at(line) if top == "<lambda>" else ():
            self._take(module, index)

    def add_class(self, kind: type, whole: bool = False) -> None:
        """A class; of one that holds settings not their declarations, unless it is used `whole`."""
        file = _file_of(kind)
        if file is None:
            return
        module = self._module_at(kind.__module__, file)
        index = module.class_at(kind.__qualname__)
        if index is None or whole:
            self._follow(module, (kind.__qualname__.split(".")[0],))
        else:
            self._take(module, index, self.settings[kind])

    # what is in the files

    def _module_at(self, name: str, file: Path) -> _Module:
        source = self._sources.find(name) or read_source(name, file)
        self._root = source.name if self._root is None else self._root
        return self._modules.get(source.name) or self._enter(source)

    def _module(self, name: str) -> _Module | None:
        """A user's module by its full name; what it does counts, as of those that it is part of."""
        found = None
        parts = name.split(".")
        for full in (".".join(parts[: n + 1]) for n in range(len(parts))):
            source = self._sources.find(full)
            if source is None:
                return None
            found = self._modules.get(source.name) or self._enter(source)
        return found

    def _enter(self, source: Source) -> _Module:
        module = self._modules[source.name] = _Module(source)
        for index in module.acting:
            self._take(module, index, self._declarations(module, index))
        for one in (one for imports in module.imports.values() for one in imports):
            self._module(one.module)
        return module

    def _declarations(self, module: _Module, index: int) -> frozenset[str]:
        """What of a statement does not count, if it is a class that holds settings."""
        for kind, names in self.settings.items():
            if _file_of(kind) == module.source.path and index == module.class_at(kind.__qualname__):
                return names
        return frozenset()

    def _take(self, module: _Module, index: int, without: frozenset[str] = frozenset()) -> None:
        """Let a statement count, and soon what it uses."""
        place = (module.source.name, index)
        before = self._taken.get(place)
        if before is None or (before and not without):
            self._taken[place] = without
            self._left.append(place)

    def _node(self, label: str, index: int) -> ast.AST:
        """A statement without declarations that do not count."""
        node, without = self._modules[label].statements[index], self._taken[label, index]
        if not without or not isinstance(node, ast.ClassDef):
            return node
        body = [one for one in node.body if not _declares(one, without)]
        return ast.ClassDef(**{**dict(ast.iter_fields(node)), "body": body})

    def _follow_statement(self, label: str, index: int) -> None:
        module, node = self._modules[label], self._node(label, index)
        local: dict[str, list[Imported]] = defaultdict(list)
        for one in module.source.imported(node):
            local[one.name].append(one)
            self._module(one.module)
        names = {kind.__name__ for kind in self.settings if self._taken[label, index]}
        for chain in used(node):
            if names and chain[-1] in names and _is_base(node, chain):
                continue  # it is among the settings
            for one in local.get(chain[0], ()):
                self._follow_import(one, chain[1:])
            self._follow(module, chain)

    def _follow(self, module: _Module, chain: Chain) -> None:
        """Let what a name of a module stands for count."""
        name, *attributes = chain
        for index in module.bindings.get(name, ()):
            self._take(module, index)
        for one in module.imports.get(name, ()):
            self._imports.add((name, one.module, one.attribute))
            self._follow_import(one, tuple(attributes))
        if name not in module.bindings and name not in module.imports:
            for one in module.imports.get("*", ()):
                self._imports.add(("*", one.module, ""))
                other = self._module(one.module)
                if other and self._binds(other, name, []):
                    self._follow(other, chain)

    def _binds(self, module: _Module, name: str, asked: list[_Module]) -> bool:
        """Whether a module has a name, if only from others (`import *`)."""
        if name in module.bindings or name in module.imports:
            return True
        asked.append(module)
        others = (self._module(one.module) for one in module.imports.get("*", ()))
        left = (one for one in others if one and not any(one is known for known in asked))
        return any(self._binds(one, name, asked) for one in left)

    def _follow_import(self, one: Imported, attributes: Chain) -> None:
        inner = (one.attribute, *attributes) if one.attribute else attributes
        self._follow_module(one.module, inner)

    def _follow_module(self, name: str, attributes: Chain) -> None:
        """Let what is taken of a module count; all of it where nobody can tell."""
        module = self._module(name)
        if module is None:
            return
        if attributes and self._binds(module, attributes[0], []):
            self._follow(module, attributes)
        elif attributes and self._module(f"{name}.{attributes[0]}"):
            self._follow_module(f"{name}.{attributes[0]}", attributes[1:])
        else:
            for index in range(len(module.statements)):
                self._take(module, index)


def _declares(statement: ast.AST, names: frozenset[str]) -> bool:
    """Whether a statement of a class does nothing but declare some of these names."""
    if isinstance(statement, ast.AnnAssign | ast.Assign):
        return set(bound(statement)) <= names and not list(changed(statement))
    return False


def _is_base(node: ast.AST, chain: Chain) -> bool:
    return isinstance(node, ast.ClassDef) and any(used(base) == {chain} for base in node.bases)
