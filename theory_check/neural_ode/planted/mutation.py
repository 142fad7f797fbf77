"""One change of the source of one function, in force wherever the function is used, until it is undone.

The compiled code of the function is exchanged, not its name: modules that imported it see the change as well.
"""

import ast
import functools
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any


class MutationError(ValueError):
    """A change does not fit the source any more; the message names the function and what was looked for."""


@contextmanager
def edited(target: str, old: str, new: str) -> Iterator[None]:
    """Run a function with one node of its syntax tree replaced while the context lasts.

    How the source is laid out does not matter, nor do comments.

    Args:
        target: "module:function", "module:Class.method" or a property of a class.
        old: an expression or a statement, which must occur exactly once.
        new: what stands there instead: an expression, or statements.

    Raises:
        MutationError: no such function, `old` is not found exactly once, or the function is a closure.
    """
    function = resolved(target)
    code = _compiled(function, target, old, new)
    right = function.__code__
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = right


def resolved(target: str) -> FunctionType:
    """The plain function behind "module:name", out of its decorators.

    Raises:
        MutationError: there is none.
    """
    module_name, _, path = target.partition(":")
    found: Any = importlib.import_module(module_name)
    for name in path.split("."):
        found = inspect.getattr_static(found, name, None) if isinstance(found, type) else getattr(found, name, None)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, functools.cached_property):
        found = found.func
    elif isinstance(found, staticmethod | classmethod):
        found = found.__func__
    found = inspect.unwrap(found) if callable(found) else found
    if not isinstance(found, FunctionType):
        raise MutationError(f"no function {target!r}")
    return found


def _compiled(function: FunctionType, target: str, old: str, new: str) -> CodeType:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    wanted = _statements(old, target)
    change = _Replacement(wanted[0], _statements(new, target))
    tree = ast.fix_missing_locations(change.visit(tree))
    if len(wanted) != 1 or change.found != 1:
        raise MutationError(f"{old!r} must occur once in {target}, found {change.found} times")
    if function.__code__.co_freevars:
        raise MutationError(f"{target} is a closure over {', '.join(function.__code__.co_freevars)}")
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise MutationError(f"{target} is no plain function")
    definition.decorator_list = []
    definition.returns = None
    for argument in ast.walk(definition.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    namespace = dict(function.__globals__)
    exec(compile(tree, f"<planted in {target}>", "exec"), namespace)  # noqa: S102 - our own source, changed by us
    code: CodeType = namespace[definition.name].__code__
    return code


def _statements(text: str, target: str) -> list[ast.stmt]:
    try:
        return ast.parse(textwrap.dedent(text)).body
    except SyntaxError as error:
        raise MutationError(f"{text!r}, for {target}, is no expression and no statement: {error.msg}") from None


class _Replacement(ast.NodeTransformer):
    """Puts other nodes where one is, and counts how often it was there."""

    def __init__(self, old: ast.stmt, new: list[ast.stmt]) -> None:
        only = new[0] if len(new) == 1 else None
        expressions = isinstance(old, ast.Expr) and isinstance(only, ast.Expr)
        self._old = ast.dump(old.value if isinstance(old, ast.Expr) and expressions else old)
        self._new: Any = only.value if isinstance(only, ast.Expr) and expressions else new
        self.found = 0

    def visit(self, node: ast.AST) -> Any:
        if ast.dump(node) == self._old:
            self.found += 1
            return self._new
        return self.generic_visit(node)
