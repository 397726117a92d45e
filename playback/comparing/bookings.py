"""How bookings differ: elements that came or went, other axes, other expressions. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from dqmstream.histograms.element import axis_edges
from dqmstream.histograms.layout import ElementLayout, Layout, axis_bins
from dqmstream.messages.booking import Axis, Category, Element, Histogram, Integer, Profile
from playback.comparing.finding import Finding, Kind

__all__ = ["Key", "Pair", "Paired", "pair"]

Key = tuple[str, str]
"""Workspace and path; the workspace is empty where a side does not know it."""
_PRESENTED = ("title", "description", "draw")
_FILLED = ("select", "fill", "weight", "value", "combine")
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Pair:
    """An element of both sides; `comparable` bin by bin."""

    workspace: str
    production: ElementLayout
    candidate: ElementLayout
    production_workspace: str
    candidate_workspace: str
    comparable: bool

    @property
    def path(self) -> str:
        return self.production.element.path


@dataclass(frozen=True, slots=True)
class Paired:
    """Elements of both sides, and how declarations differ."""

    pairs: tuple[Pair, ...]
    findings: tuple[Finding, ...]


def pair(
    production: Mapping[str, Layout],
    candidate: Mapping[str, Layout],
    *,
    by_path: bool,
    declared: bool = True,
) -> Paired:
    """Elements of two sides, paired by workspace and path, whatever their order.

    Parameters
    ----------
    by_path
        By path alone: one side does not know workspaces, nor how elements were filled.
    declared
        Whether both sides know how elements were filled.
    """
    old, new = _elements(production, by_path=by_path), _elements(candidate, by_path=by_path)
    findings = list[Finding]()
    if not by_path:
        findings += _workspaces(production, candidate)
    pairs = list[Pair]()
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if before is None and after is not None:
            findings.append(_came(Kind.ADDED, after))
        elif after is None and before is not None:
            findings.append(_came(Kind.REMOVED, before))
        elif before is not None and after is not None:
            found, same = _changed(before, after, by_path=by_path, declared=declared)
            findings += found
            pairs.append(Pair(key[0], before[1], after[1], before[0], after[0], same))
    return Paired(tuple(pairs), tuple(findings))


_Placed = tuple[str, ElementLayout]


def _elements(layouts: Mapping[str, Layout], *, by_path: bool) -> dict[Key, _Placed]:
    return {
        ("" if by_path else name, place.element.path): (name, place)
        for name, layout in sorted(layouts.items())
        for place in layout
    }


def _workspaces(
    production: Mapping[str, Layout], candidate: Mapping[str, Layout]
) -> Iterator[Finding]:
    for kind, names, of in (
        (Kind.WORKSPACE_REMOVED, production.keys() - candidate.keys(), production),
        (Kind.WORKSPACE_ADDED, candidate.keys() - production.keys(), candidate),
    ):
        for name in sorted(names):
            text = f"workspace with {len(of[name].elements)} elements"
            yield Finding(kind=kind, subject=name, workspace=name, text=text)


def _came(kind: Kind, placed: _Placed) -> Finding:
    workspace, place = placed
    element = place.element
    axes = axes_of(element)
    shape = f" of {' x '.join(str(axis_bins(axis)) for axis in axes)} bins" if axes else ""
    what = f"{element.__struct_config__.tag}{shape}"
    return Finding(kind=kind, subject=element.path, workspace=workspace, text=what)


def _changed(
    before: _Placed, after: _Placed, *, by_path: bool, declared: bool
) -> tuple[list[Finding], bool]:
    """How an element is declared otherwise, and whether its bins are still the same."""
    workspace, old, new = before[0], before[1].element, after[1].element
    path = old.path
    findings = list[Finding]()
    if not by_path and type(old) is not type(new):
        text = f"kind from {old.__struct_config__.tag} to {new.__struct_config__.tag}"
        findings.append(Finding(kind=Kind.DECLARED, subject=path, workspace=workspace, text=text))
    told = [
        f"{_axis_name(number, axes_of(old), axes_of(new))} from {_words(was)} to {_words(now)}"
        for number, (was, now) in enumerate(_side_by_side(axes_of(old), axes_of(new)))
        if not same_bins(was, now)
    ]
    if told:
        text = f"{'; '.join(told)}: not compared bin by bin"
        findings.append(Finding(kind=Kind.REBINNED, subject=path, workspace=workspace, text=text))
    if not by_path and declared:
        findings += _declared(workspace, old, new)
    return findings, not told and (by_path or type(old) is type(new))


def _declared(workspace: str, old: Element, new: Element) -> Iterator[Finding]:
    """Expressions and ranges, and apart from them what only people read."""
    for kind, names in ((Kind.DECLARED, (*_FILLED, *_RANGES)), (Kind.DESCRIBED, _PRESENTED)):
        told = [
            f"{name} from {_short(getattr(old, name, ''))} to {_short(getattr(new, name, ''))}"
            for name in names
            if getattr(old, name, "") != getattr(new, name, "")
        ]
        if kind is Kind.DESCRIBED:
            told += [
                f"labels of axis {number + 1}"
                for number, (was, now) in enumerate(zip(axes_of(old), axes_of(new), strict=False))
                if same_bins(was, now) and was != now
            ]
        if told:
            yield Finding(kind=kind, subject=old.path, workspace=workspace, text="; ".join(told))


_RANGES = ("weight_range", "value_range")


def axes_of(element: Element) -> Sequence[Axis]:
    """Axes of an element; a number or text has none."""
    return element.axes if isinstance(element, Histogram | Profile) else ()


def same_bins(one: Axis | None, other: Axis | None) -> bool:
    """Whether numbers fall into the same bins: files know no integer axes, and call regular ones
    by their edges."""
    if one is None or other is None:
        return one is other
    if isinstance(one, Category) or isinstance(other, Category):
        return (
            isinstance(one, Category) and isinstance(other, Category) and one.codes == other.codes
        )
    edges, others = axis_edges(one), axis_edges(other)
    if len(edges) != len(others):
        return False
    width = float(np.abs(edges[-1] - edges[0])) or 1.0
    shift = 0.5 if isinstance(one, Integer) != isinstance(other, Integer) else 0.0
    near = float(np.abs(edges - others).max())
    # An integer axis from 1 may stand in a file from 0.5 on.
    return near <= 1e-9 * width or (bool(shift) and abs(near - shift) <= 1e-9 * width)


def _side_by_side(
    old: Sequence[Axis], new: Sequence[Axis]
) -> Iterator[tuple[Axis | None, Axis | None]]:
    for number in range(max(len(old), len(new))):
        yield (
            old[number] if number < len(old) else None,
            new[number] if number < len(new) else None,
        )


def _axis_name(number: int, old: Sequence[Axis], new: Sequence[Axis]) -> str:
    label = (old[number] if number < len(old) else new[number]).label
    return f"axis {number + 1} ({label})" if label else f"axis {number + 1}"


def _words(axis: Axis | None) -> str:
    if axis is None:
        return "none"
    if isinstance(axis, Category):
        return f"{len(axis.codes)} categories {_short(axis.codes)}"
    edges = axis_edges(axis)
    kind = axis.__struct_config__.tag
    return f"{len(edges) - 1} {kind} bins from {edges[0]:g} to {edges[-1]:g}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = repr(text) if isinstance(value, str) else text
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
