"""Text to expression tree, by a whitelist over Python's own syntax tree. Nothing is ever evaluated.

Limits come first, in an order in which each protects the next: length, parentheses, then the parser, then the size
and depth of what it returns.
"""

import ast
import difflib
import math
from collections.abc import Iterable
from functools import lru_cache

from theory_check.neural_ode.activations import expression_tree as trees
from theory_check.neural_ode.activations.activation import ActivationError
from theory_check.neural_ode.activations.expression_tree import Tree

MAX_LENGTH = 1_000
MAX_NESTING = 50
MAX_NODES = 600
MAX_DEPTH = 80  # each level costs a few frames of the interpreter, which allows 1,000
MAX_EXPONENT = 16

_CONSTANTS = {"pi": math.pi, "e": math.e}
_PIECES = {
    ast.Lambda: "lambda",
    ast.Attribute: "an attribute",
    ast.Subscript: "a subscript",
    ast.Compare: "a comparison",
    ast.BoolOp: "and / or",
    ast.IfExp: "if / else",
    ast.NamedExpr: "an assignment",
    ast.JoinedStr: "an f-string",
    ast.Await: "await",
    ast.Starred: "a starred argument",
}
_OPERATORS = {
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.MatMult: "@",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitOr: "|",
    ast.BitXor: "^ (a power is **)",
    ast.BitAnd: "&",
    ast.Not: "not",
    ast.Invert: "~",
}


@lru_cache(maxsize=8192)
def parse(text: str, functions: frozenset[str]) -> Tree:
    """The tree of an expression in x.

    Args:
        text: numbers, x, pi, e, + - * /, ** with a small non-negative integer, and calls of `functions`.
        functions: names that may be called, each with one argument.

    Raises:
        ActivationError: over a limit, not an expression, or with a piece that is not in the list above.
    """
    return _convert(_syntax(text), functions)


def _syntax(text: str) -> ast.expr:
    """Python's syntax tree, its size and depth within limits."""
    if len(text) > MAX_LENGTH:
        raise ActivationError(f"expression of {len(text):,} characters: at most {MAX_LENGTH:,} are allowed")
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        raise ActivationError(f"expression with {deepest:,} nested parentheses: at most {MAX_NESTING} are allowed")
    if not text.strip():
        raise ActivationError("empty expression: give a name of the catalogue or an expression in x")
    try:
        root = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise ActivationError(f"not an expression: {shown(text)} ({reason})") from None
    nodes, level, depth = 0, [root], 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise ActivationError(f"expression too large: {shown(text)} has more operators than can be checked")
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return root


def _convert(node: ast.expr, functions: frozenset[str]) -> Tree:
    match node:
        case ast.Constant():
            return trees.number(_number(node))
        case ast.Name():
            return _name(node, functions)
        case ast.UnaryOp(ast.USub(), operand):
            return trees.scale(-1.0, _convert(operand, functions))
        case ast.UnaryOp(ast.UAdd(), operand):
            return _convert(operand, functions)
        case ast.UnaryOp(operator):
            raise ActivationError(f"forbidden in an expression: the operator {_OPERATORS[type(operator)]}")
        case ast.BinOp():
            return _binary(node, functions)
        case ast.Call():
            return _call(node, functions)
    piece = _PIECES.get(type(node), type(node).__name__)
    raise ActivationError(f"forbidden in an expression: {piece}, {shown(ast.unparse(node))}")


def _name(node: ast.Name, functions: frozenset[str]) -> Tree:
    if node.id == "x":
        return trees.Variable()
    if node.id in _CONSTANTS:
        return trees.number(_CONSTANTS[node.id])
    if node.id in functions:
        raise ActivationError(f"{node.id} is a function: write {node.id}(x)")
    raise ActivationError(f"unknown name {shown(node.id)}: {suggestion(node.id, functions | {'x', 'pi', 'e'})}")


def _call(node: ast.Call, functions: frozenset[str]) -> Tree:
    if not isinstance(node.func, ast.Name):
        raise ActivationError(f"forbidden in an expression: a call of {shown(ast.unparse(node.func))}")
    name = node.func.id
    if name not in functions:
        raise ActivationError(f"unknown function {shown(name)}: {suggestion(name, functions)}")
    if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
        raise ActivationError(f"{shown(ast.unparse(node))}: a function takes exactly one argument")
    argument = _convert(node.args[0], functions)
    return argument if name == "identity" else trees.Call(name, argument)


def _binary(node: ast.BinOp, functions: frozenset[str]) -> Tree:
    if type(node.op) in _OPERATORS:
        raise ActivationError(f"forbidden in an expression: the operator {_OPERATORS[type(node.op)]}")
    left = _convert(node.left, functions)
    if isinstance(node.op, ast.Pow):
        return _finite(trees.power(left, _exponent(node.right)), node)
    right = _convert(node.right, functions)
    match node.op:
        case ast.Add():
            return _finite(trees.add(left, right), node)
        case ast.Sub():
            return _finite(trees.add(left, trees.scale(-1.0, right)), node)
        case ast.Mult():
            return _finite(trees.multiply(left, right), node)
    if right == trees.Number(0.0):
        raise ActivationError(f"division by zero in {shown(ast.unparse(node))}")
    return _finite(trees.divide(left, right), node)


def _exponent(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int and 0 <= node.value <= MAX_EXPONENT:
        return node.value
    raise ActivationError(f"exponent {shown(ast.unparse(node))}: an integer from 0 to {MAX_EXPONENT} is allowed")


def _number(node: ast.Constant) -> float:
    if type(node.value) not in (int, float):
        raise ActivationError(f"forbidden in an expression: the constant {shown(repr(node.value))}, not a real number")
    try:
        value = float(node.value)  # type: ignore[arg-type]
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise ActivationError(f"number out of range in an expression: {shown(ast.unparse(node))}")
    return value


def _finite(tree: Tree, node: ast.expr) -> Tree:
    """Folding constants may overflow."""
    constant = tree.value if isinstance(tree, trees.Number) else tree.factor if isinstance(tree, trees.Scale) else 0.0
    if math.isfinite(constant):
        return tree
    raise ActivationError(f"constant out of range in {shown(ast.unparse(node))}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """What the person may have meant."""
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(sorted(known))}"


def shown(text: str) -> str:
    """A text in one line of at most 60 characters, quoted."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
