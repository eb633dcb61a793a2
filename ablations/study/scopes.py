"""Names in a syntax tree: which a statement binds, changes and uses, and what it means as text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

Chain = tuple[str, ...]  # a name, and the attributes that are taken of it
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.ClassDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
MEANINGLESS = ("kind", "type_comment", "type_ignores", "ctx")


def within(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and all that is in it, but not what functions, classes and the like have inside.

    Their own nodes are among it.
    """
    yield node
    if not isinstance(node, (*SCOPES, *COMPREHENSIONS)):
        for child in ast.iter_child_nodes(node):
            yield from within(child)


def bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds in its own scope, but by imports (see `Source.imported`)."""
    for one in within(node):
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            yield one.id
        elif isinstance(one, (*FUNCTIONS, ast.ClassDef)):
            yield one.name
        elif isinstance(one, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            yield from filter(None, [one.name])
        elif isinstance(one, ast.MatchMapping):
            yield from filter(None, [one.rest])


def changed(node: ast.AST) -> Iterator[Chain]:
    """What a statement changes that has a name already: `a.b = c`, `a[b] = c`, a base of a class.

    An empty chain stands for what has no name.
    """
    for one in within(node):
        if isinstance(one, ast.Attribute | ast.Subscript) and not isinstance(one.ctx, ast.Load):
            yield root_of(one)
        elif isinstance(one, ast.ClassDef):
            yield from (root_of(base) for base in one.bases if root_of(base))


def decorators(node: ast.AST) -> Iterator[Chain]:
    """What decorates the functions and classes of a statement."""
    for one in within(node):
        if isinstance(one, (*FUNCTIONS, ast.ClassDef)):
            yield from map(root_of, one.decorator_list)


def is_call(node: ast.AST) -> bool:
    """Whether a statement is nothing but an expression, which is there for what it does."""
    return isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)


def root_of(node: ast.AST) -> Chain:
    """The name that an expression begins with, and its attributes up to the first call or index."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
        elif not isinstance(node, ast.Starred):
            parts.clear()
        node = node.func if isinstance(node, ast.Call) else node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()


def used(node: ast.AST) -> set[Chain]:
    """The names of the module, or of Python, that a statement uses, with their attributes.

    Not in annotations of functions and their variables.
    """
    found = _Uses()
    found.visit(node)
    return found.chains


class _Uses(ast.NodeVisitor):
    """Collects names that no scope around them binds, but by imports."""

    def __init__(self) -> None:
        self.chains: set[Chain] = set()
        self._scopes: list[set[str]] = []

    def _note(self, chain: Chain) -> None:
        if not any(chain[0] in scope for scope in self._scopes):
            self.chains.add(chain)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._note((node.id,))

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):  # `count += 1` reads what it sets
            self._note((node.target.id,))
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        parts, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            self._note((inner.id, *reversed(parts)))
        else:
            self.visit(inner)

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, (*FUNCTIONS, ast.Lambda)):
            self._function(node)
        elif isinstance(node, COMPREHENSIONS):
            self.visit(node.generators[0].iter)
            targets = {name for one in node.generators for name in bound(one.target)}
            self._inside(targets, list(ast.iter_child_nodes(node)))
        elif isinstance(node, ast.AnnAssign) and self._scopes:
            for one in filter(None, (node.target, node.value)):
                self.visit(one)
        else:
            super().generic_visit(node)

    def _function(self, node: Any) -> None:
        arguments = node.args
        outside = [*arguments.defaults, *filter(None, arguments.kw_defaults)]
        for one in (*outside, *getattr(node, "decorator_list", ())):
            self.visit(one)
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        names = {one.arg for one in (*every, arguments.vararg, arguments.kwarg) if one}
        body: list[ast.AST] = node.body if isinstance(node.body, list) else [node.body]
        names.update(name for one in body for name in bound(one))
        parts = [part for one in body for part in within(one) if isinstance(part, ast.Global)]
        self._inside(names.difference(*(part.names for part in parts)), body)

    def _inside(self, names: set[str], nodes: Sequence[ast.AST]) -> None:
        self._scopes.append(names)
        for one in nodes:
            self.visit(one)
        self._scopes.pop()


def meaning(node: Any) -> Any:
    """A syntax tree as JSON values, without what changes no result: lines, docstrings, empty lists.

    The same in all versions of Python that have this syntax.
    """
    if isinstance(node, ast.AST):
        values = ((name, value) for name, value in ast.iter_fields(node) if name not in MEANINGLESS)
        parts = [[name, meaning(value)] for name, value in values if value not in (None, [])]
        return [type(node).__name__, *parts]
    if isinstance(node, list):
        return [meaning(one) for one in node if not _says_nothing(one)]
    return repr(node)


def _says_nothing(node: Any) -> bool:
    """Whether a statement is a docstring, or another constant that nobody takes."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
