"""Text to the typed tree of `dqmstream.booking.expression`: only listed syntax gets through."""

import ast
import functools
import itertools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Final

from dqmstream.booking.expression import (
    EVENT,
    ColumnOf,
    Constant,
    Kind,
    LengthsOf,
    MemberOf,
    Node,
    Operation,
    Reduction,
    as_boolean,
    as_number,
    joint_level,
    spread,
)
from dqmstream.errors import BookingError

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "parse"]

MAX_LENGTH: Final = 2000
MAX_DEPTH: Final = 64
_MAX_EXPONENT: Final = 8
_MAX_INTEGER: Final = 2**63 - 1

_ARITHMETIC: Final[dict[type[ast.operator], str]] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
}
_BITWISE: Final[dict[type[ast.operator], str]] = {ast.BitAnd: "&", ast.BitOr: "|"}
_COMPARISONS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_FUNCTIONS: Final = {
    "abs": 1,
    "sqrt": 1,
    "log": 1,
    "exp": 1,
    "sin": 1,
    "cos": 1,
    "floor": 1,
    "atan2": 2,
    "min": 2,
    "max": 2,
    "where": 3,
}
_KEEPS_KIND: Final = frozenset({"abs", "min", "max"})
_REDUCTIONS: Final[dict[str, Kind | None]] = {
    "count": Kind.INTEGER,
    "sum": None,
    "min": Kind.FLOAT,
    "max": Kind.FLOAT,
    "mean": Kind.FLOAT,
    "any": Kind.BOOLEAN,
    "all": Kind.BOOLEAN,
}


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """The checked tree of one expression.

    Parameters
    ----------
    text
        At most `MAX_LENGTH` characters, nested at most `MAX_DEPTH` deep.

    Raises
    ------
    BookingError
        Saying what is wrong with the expression, and quoting it.
    """
    if len(text) > MAX_LENGTH:
        msg = f"expression {text[:40]!r}... has {len(text)} characters, at most {MAX_LENGTH}"
        raise BookingError(msg)
    try:
        with warnings.catch_warnings():
            # Python warns of doubtful literals as it parses; what is doubtful is refused below.
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval")
        return _node(tree.body, MAX_DEPTH)
    except BookingError as error:
        msg = f"expression {text!r:.80}: {error}"
        raise BookingError(msg) from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        msg = f"expression {text!r:.80} cannot be read: {reason}"
        raise BookingError(msg) from None


def _node(tree: ast.expr, depth: int) -> Node:
    if depth == 0:
        msg = f"nested deeper than {MAX_DEPTH}"
        raise BookingError(msg)
    read = _READERS.get(type(tree))
    if read is None:
        msg = f"{ast.unparse(tree)!r} ({type(tree).__name__}) is not part of the language"
        raise BookingError(msg)
    return read(tree, depth - 1)


def _constant(tree: ast.Constant, _: int) -> Node:
    value = tree.value
    if type(value) is int and value <= _MAX_INTEGER:
        return Constant(value)
    if type(value) is float and math.isfinite(value):
        return Constant(value)
    msg = f"{tree.value!r:.40} is not a finite number of 64 bits"
    raise BookingError(msg)


def _column(tree: ast.Name, _: int) -> Node:
    return ColumnOf(tree.id)


def _member(tree: ast.Attribute, _: int) -> Node:
    if not isinstance(tree.value, ast.Name):
        msg = f"{ast.unparse(tree)!r} is not of the form collection.member"
        raise BookingError(msg)
    return MemberOf(tree.value.id, tree.attr)


def _unary(tree: ast.UnaryOp, depth: int) -> Node:
    operand = _node(tree.operand, depth)
    match tree.op:
        case ast.Not():
            return _operation("not", (as_boolean(operand),), Kind.BOOLEAN)
        case ast.Invert():
            return _bitwise("~", operand)
        case ast.USub() if isinstance(operand, Constant):
            return Constant(-operand.value)
        case ast.USub():
            return _arithmetic("negative", operand)
        case _:
            return as_number(operand)


def _binary(tree: ast.BinOp, depth: int) -> Node:
    operator = type(tree.op)
    if operator is ast.Pow:
        return _power(_node(tree.left, depth), tree.right)
    left, right = _node(tree.left, depth), _node(tree.right, depth)
    if operator in _ARITHMETIC:
        return _arithmetic(_ARITHMETIC[operator], left, right)
    if operator not in _BITWISE:
        msg = f"operator of {ast.unparse(tree)!r} is not part of the language"
        raise BookingError(msg)
    return _bitwise(_BITWISE[operator], left, right)


def _bitwise(name: str, *operands: Node) -> Node:
    """On booleans or on integers; of columns it is known only when they come."""
    kinds = {operand.kind for operand in operands} - {Kind.ANY}
    if Kind.FLOAT in kinds or (Kind.BOOLEAN in kinds and len(kinds) > 1):
        got = " and ".join(sorted(kind.value for kind in kinds))
        msg = f"operator {name} takes booleans or integers, got {got}; put comparisons in ()"
        raise BookingError(msg)
    if Kind.BOOLEAN in kinds:
        return _operation(name, operands, Kind.BOOLEAN)
    return _operation(name, operands, Kind.INTEGER if kinds else Kind.ANY)


def _power(base: Node, exponent: ast.expr) -> Node:
    if not (
        isinstance(exponent, ast.Constant)
        and type(exponent.value) is int
        and 0 <= exponent.value <= _MAX_EXPONENT
    ):
        msg = f"exponent {ast.unparse(exponent)!r} is not a whole number from 0 to {_MAX_EXPONENT}"
        raise BookingError(msg)
    return _operation("**", (as_number(base), Constant(exponent.value)), Kind.FLOAT)


def _compare(tree: ast.Compare, depth: int) -> Node:
    unknown = [op for op in tree.ops if type(op) not in _COMPARISONS]
    if unknown:
        msg = f"comparison {type(unknown[0]).__name__} is not part of the language"
        raise BookingError(msg)
    terms = (tree.left, *tree.comparators)
    if len(terms) > 2 and any(map(_is_bitwise, terms)):
        # `a > 1 & b < 2` means `a > (1 & b) < 2`, and nobody ever means that.
        msg = "& and | bind tighter than comparisons; put each comparison in ()"
        raise BookingError(msg)
    values = [as_number(_node(term, depth)) for term in terms]
    return _joined(
        "and",
        [
            _operation(_COMPARISONS[type(op)], pair, Kind.BOOLEAN)
            for op, pair in zip(tree.ops, itertools.pairwise(values), strict=True)
        ],
    )


def _is_bitwise(tree: ast.expr) -> bool:
    return isinstance(tree, ast.BinOp) and type(tree.op) in _BITWISE


def _logic(tree: ast.BoolOp, depth: int) -> Node:
    name = "and" if isinstance(tree.op, ast.And) else "or"
    return _joined(name, [as_boolean(_node(term, depth)) for term in tree.values])


def _joined(name: str, terms: Sequence[Node]) -> Node:
    return terms[0] if len(terms) == 1 else _operation(name, tuple(terms), Kind.BOOLEAN)


def _call(tree: ast.Call, depth: int) -> Node:
    name = tree.func.id if isinstance(tree.func, ast.Name) else ast.unparse(tree.func)
    if tree.keywords or any(isinstance(argument, ast.Starred) for argument in tree.args):
        msg = f"{name}() takes its arguments by position only"
        raise BookingError(msg)
    if name in _REDUCTIONS and len(tree.args) == 1:
        return _reduction(name, tree.args[0], depth)
    if name not in _FUNCTIONS:
        known = ", ".join(sorted(_FUNCTIONS.keys() | _REDUCTIONS.keys()))
        msg = f"{name}() with {len(tree.args)} arguments is none of the functions {known}"
        raise BookingError(msg)
    if len(tree.args) != _FUNCTIONS[name]:
        msg = f"{name}() takes {_FUNCTIONS[name]} arguments, got {len(tree.args)}"
        raise BookingError(msg)
    arguments = [_node(argument, depth) for argument in tree.args]
    if name == "where":
        return _where(*arguments)
    if name in _KEEPS_KIND:
        return _arithmetic(name, *arguments)
    return _operation(name, tuple(as_number(argument) for argument in arguments), Kind.FLOAT)


def _where(condition: Node, yes: Node, no: Node) -> Node:
    yes, no = as_number(yes), as_number(no)
    return _operation("where", (as_boolean(condition), yes, no), _joint_kind(yes, no))


def _reduction(name: str, tree: ast.expr, depth: int) -> Node:
    if name == "count" and isinstance(tree, ast.Name):
        return LengthsOf(tree.id)
    argument = _node(tree, depth)
    if not argument.level:
        msg = f"{name}() takes values of a collection, {ast.unparse(tree)!r} is per event"
        raise BookingError(msg)
    logical = name in {"count", "any", "all"}
    argument = as_boolean(argument) if logical else as_number(argument)
    return Reduction(name, argument, argument.level or EVENT, _REDUCTIONS[name] or argument.kind)


def _operation(name: str, arguments: tuple[Node, ...], kind: Kind) -> Node:
    level = joint_level(*(argument.level for argument in arguments))
    return Operation(name, tuple(spread(argument, level) for argument in arguments), level, kind)


def _arithmetic(name: str, *operands: Node) -> Node:
    arguments = tuple(as_number(operand) for operand in operands)
    kind = Kind.FLOAT if name == "/" else _joint_kind(*arguments)
    return _operation(name, arguments, kind)


def _joint_kind(*nodes: Node) -> Kind:
    kinds = {node.kind for node in nodes}
    if Kind.FLOAT in kinds:
        return Kind.FLOAT
    return Kind.INTEGER if kinds == {Kind.INTEGER} else Kind.NUMBER


_READERS: Final[dict[type[ast.expr], Callable[..., Node]]] = {
    ast.Constant: _constant,
    ast.Name: _column,
    ast.Attribute: _member,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.BoolOp: _logic,
    ast.Call: _call,
}
