"""Gates: what a quality test requires of the conditions of an LS, before it judges.

`beam_mode == 'STABLE BEAMS' and dcs.bpix and pileup > 5`: names, numbers, texts in quotes, the
comparisons, `and`, `or`, `not` and brackets, and nothing else. What is not known makes a comparison
unknown, never false; `and` with something false is false all the same, `or` with something true
true (Kleene's logic). Checked whole when the tests are read.
"""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dqmstream.messages.operations import Conditions
from dqmstream.quality.condition_names import FLAGS, NUMBERS, PART, TEXTS, lookup
from dqmstream.quality.pattern import compile_pattern

__all__ = [
    "Gate",
    "all_open",
    "listed_gate",
    "parse_gate",
    "parts_gate",
]

_STABLE: Final = "STABLE BEAMS"
_LONGEST: Final = 500
_DEEPEST: Final = 30

_COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}

_Open = Callable[[Conditions], bool | None]
_Value = Callable[[Conditions], Any]


@dataclass(frozen=True, slots=True)
class Gate:
    """A checked requirement.

    Parameters
    ----------
    text
        As it was written.
    names
        Of the conditions it asks for, sorted: `pileup`, `dcs.bpix`.
    """

    text: str
    names: tuple[str, ...]
    _open: _Open

    def __call__(self, conditions: Conditions | None) -> bool | None:
        """Whether an LS fulfils it; None if too little is known of it."""
        return None if conditions is None else self._open(conditions)


def parse_gate(text: str) -> Gate:
    """A gate, checked.

    Raises
    ------
    ValueError
        Saying what in the text is wrong, and what was expected.
    """
    if len(text) > _LONGEST:
        msg = f"has {len(text)} characters, at most {_LONGEST}"
        raise ValueError(msg)
    try:
        parsed = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError) as error:
        msg = f"{text!r} is no expression: {getattr(error, 'msg', error)}"
        raise ValueError(msg) from error
    names: set[str] = set()
    opened = _flag(parsed, names, _DEEPEST)
    if not names:
        msg = f"{text!r} asks for nothing that is known of an LS"
        raise ValueError(msg)
    if "beam_mode" in names:
        names.add("beams_stable")
    return Gate(text.strip(), tuple(sorted(names)), opened)


def listed_gate(name: str, patterns: Sequence[str]) -> Gate:
    """Whether the run type or beam mode matches one of some patterns."""
    compiled = [compile_pattern(pattern) for pattern in patterns]
    found = lookup(name)
    names = ("beam_mode", "beams_stable") if name == "beam_mode" else (name,)

    def opened(row: Conditions) -> bool | None:
        value = found(row)
        if value is None and name == "beam_mode" and row.beams_stable is not None:
            # Of most LSs it is known only whether beams are stable.
            if not row.beams_stable:
                return False if set(patterns) == {_STABLE} else None
            value = _STABLE
        return None if value is None else any(one.fullmatch(value) for one in compiled)

    return Gate(f"{name} {' or '.join(map(repr, patterns))}", names, opened)


def parts_gate(parts: Sequence[str]) -> Gate:
    """Whether these parts of the detector are in the run and switched on.

    An LS whose voltages are known names the parts that are in: any other is out.
    """
    names = tuple(sorted(f"{PART}{part}" for part in parts))

    def opened(row: Conditions) -> bool | None:
        return all(row.dcs.get(part, False) for part in parts) if row.dcs else None

    return Gate(f"parts {', '.join(parts)}", names, opened)


def all_open(gates: Sequence[Gate]) -> Gate | None:
    """The gate that is open if all of these are; None if there are none."""
    if len(gates) < 2:
        return gates[0] if gates else None
    names = tuple(sorted({name for gate in gates for name in gate.names}))
    opened = _any([gate._open for gate in gates], winner=False)
    return Gate(" and ".join(gate.text for gate in gates), names, opened)


# ------------------------------------------------------------------ expressions


def _flag(node: ast.expr, names: set[str], depth: int) -> _Open:
    """An expression that is true, false or unknown."""
    if depth == 0:
        msg = f"is nested deeper than {_DEEPEST} levels"
        raise ValueError(msg)
    match node:
        case ast.BoolOp(op=op, values=values):
            parts = [_flag(value, names, depth - 1) for value in values]
            return _any(parts, winner=isinstance(op, ast.Or))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _negated(_flag(operand, names, depth - 1))
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [left, *others]
            return _any(
                [_comparison(sides[i], op, sides[i + 1], names) for i, op in enumerate(ops)],
                winner=False,
            )
        case ast.Name() | ast.Attribute():
            name = _name(node)
            if name in NUMBERS or name in TEXTS:
                msg = f"{name!r} is no flag: compare it to something"
                raise ValueError(msg)
            names.add(name)
            return lookup(name)
    msg = f"{ast.unparse(node)!r} is not understood, expected a comparison, a flag, and, or, not"
    raise ValueError(msg)


def _any(parts: list[_Open], *, winner: bool) -> _Open:
    """`or` for winner True, `and` for False: one that wins decides, else one unknown does."""

    def value(row: Conditions) -> bool | None:
        found = [part(row) for part in parts]
        if winner in found:
            return winner
        return None if None in found else not winner

    return value


def _negated(part: _Open) -> _Open:
    def value(row: Conditions) -> bool | None:
        found = part(row)
        return None if found is None else not found

    return value


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, names: set[str]) -> _Open:
    if type(op) not in _COMPARISONS:
        msg = "expected one of the comparisons < <= > >= == !="
        raise ValueError(msg)
    compare = _COMPARISONS[type(op)]
    (kind, first), (other, second) = _side(left, names), _side(right, names)
    equality = isinstance(op, ast.Eq | ast.NotEq)
    if kind != other or (kind == "text" and not equality):
        msg = (
            f"{ast.unparse(left)!r} and {ast.unparse(right)!r} cannot be compared so: numbers to "
            "numbers, texts to texts by == and !="
        )
        raise ValueError(msg)

    def value(row: Conditions) -> bool | None:
        one, two = first(row), second(row)
        if one is None or two is None:
            # Of most LSs it is known only whether beams are stable, which is enough for this.
            denied = row.beams_stable is False and _STABLE in {one, two} and not row.beam_mode
            return not compare(0, 0) if denied and kind == "text" else None
        return compare(one, two)

    return value


def _side(node: ast.expr, names: set[str]) -> tuple[str, _Value]:
    """Kind (number or text) and value of one side of a comparison."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return "number", lambda _: sign * number
        case ast.Constant(value=str(text)) if sign == 1:
            return "text", lambda _: text
        case ast.Name() if sign == 1 and (name := _name(node)) not in FLAGS:
            names.add(name)
            return "number" if name in NUMBERS else "text", lookup(name)
    msg = f"{ast.unparse(node)!r} cannot be compared, expected a number, a text, or the name of one"
    raise ValueError(msg)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) if name in {*NUMBERS, *TEXTS, *FLAGS}:
            return name
        case ast.Attribute(value=ast.Name(id="dcs"), attr=part):
            return f"dcs.{part}"
    known = ", ".join(sorted([*NUMBERS, *TEXTS, *FLAGS]))
    msg = f"{ast.unparse(node)!r} is unknown, expected one of {known}, or dcs.<part>"
    raise ValueError(msg)
