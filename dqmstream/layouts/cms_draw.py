"""Draw options of CMS's layouts: of its DQM GUI, and of the new one, which nests them by axis."""

from collections.abc import Mapping
from typing import Any, Final

from dqmstream.layouts.layout import Draw, Reference

__all__ = ["draw_of"]

_AXES: Final = ("x", "y", "z")
_KINDS: Final = {"log": True, "lin": False}
_YES: Final = frozenset({"yes", "true", "1", "on"})
_NO: Final = frozenset({"no", "false", "0", "off", "none", ""})
_LONGEST_STYLE: Final = 40


def draw_of(options: Mapping[str, Any]) -> tuple[Draw, Reference, list[str]]:
    """How a plot is drawn and with what; and what of the options could not be taken over."""
    left = _flat(options)
    notes: list[str] = []
    reference = Reference()
    with_reference = _flag(left.pop("withref", None))
    if with_reference is False:
        reference = Reference(choice="none")
    given: dict[str, Any] = {}
    style = str(left.pop("drawopts", "") or "")
    if style.isprintable() and 0 < len(style) <= _LONGEST_STYLE:
        given["style"] = style
    elif style:
        notes.append(f"drawopts {style[:_LONGEST_STYLE]!r} is no style")
    if (stats := _flag(left.pop("stats", None))) is not None:
        given["stats"] = stats
    norm = left.pop("norm", None)
    if norm is not None:
        given["normalise"] = "entries" if _flag(norm) in {True, None} else "none"
    for axis in _AXES:
        kind = left.pop(f"{axis}type", None)
        if str(kind).lower() in _KINDS:
            given[f"log_{axis}"] = _KINDS[str(kind).lower()]
        elif kind not in {None, ""}:
            notes.append(f"{axis}type {kind!r} is neither lin nor log")
        ends = left.pop(f"{axis}min", None), left.pop(f"{axis}max", None)
        low, high = map(_number, ends)
        if low is not None and high is not None and low < high:
            given[f"{axis}_range"] = (low, high)
        elif ends not in {(None, None), ("", "")}:
            notes.append(f"{axis}min {ends[0]!r} and {axis}max {ends[1]!r} are no range")
    notes += [f"draw option {name!r} is unknown" for name in sorted(left)]
    return Draw(**given), reference, notes


def _flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """`{"x": {"type": "log"}}` as `{"xtype": "log"}`."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        if name in _AXES and isinstance(value, Mapping):
            found |= {f"{name}{inner}": one for inner, one in value.items()}
        else:
            found[str(name)] = value
    # A list or an object where a word is expected is as good as unknown.
    return {
        name: v if isinstance(v, str | int | float | None) else repr(v) for name, v in found.items()
    }


def _flag(value: Any) -> bool | None:
    word = str(value).strip().lower()
    if value is None or word not in _YES | _NO:
        return None
    return word in _YES


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
