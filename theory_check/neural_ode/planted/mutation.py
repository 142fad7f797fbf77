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
    """Run a function with `old` replaced by `new` in its source, once, while the context lasts.

    Args:
        target: "module:function", "module:Class.method" or a property of a class.
        old: must occur exactly once.
        new: what stands there instead.

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
    source = textwrap.dedent(inspect.getsource(function))
    if source.count(old) != 1:
        raise MutationError(f"{old!r} must occur once in {target}, found {source.count(old)} times")
    if function.__code__.co_freevars:
        raise MutationError(f"{target} is a closure over {', '.join(function.__code__.co_freevars)}")
    tree = ast.parse(source.replace(old, new))
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
