"""Whether the bins of two elements can be compared one by one, and why not."""

from typing import Any

import msgspec

from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import Axis, Histogram, Profile

__all__ = ["fits", "has_axes", "is_profile", "mismatch", "mismatch_of_axes"]


def fits(one: ElementLayout, other: ElementLayout) -> bool:
    """Whether bins of one can be compared with those of the other."""
    same_kind = is_profile(one) == is_profile(other) and one.planes == other.planes
    return same_kind and _same_axes(_axes(one), _axes(other))


def has_axes(layout: ElementLayout, axes: tuple[Axis, ...], *, profile: bool) -> bool:
    """Whether an element is of these axes and this kind."""
    return is_profile(layout) == profile and _same_axes(_axes(layout), axes)


def is_profile(layout: ElementLayout) -> bool:
    return isinstance(layout.element, Profile)


def mismatch(layout: ElementLayout, other: ElementLayout, name: str) -> str:
    """In words, what an element and the other, called `name`, are."""
    return _mismatch(_shape(layout), _shape(other), name)


def mismatch_of_axes(
    layout: ElementLayout, axes: tuple[Axis, ...], name: str, *, profile: bool
) -> str:
    """The same for something of these axes."""
    return _mismatch(_shape(layout), _shown(axes, profile=profile), name)


def _same_axes(one: tuple[Axis, ...], other: tuple[Axis, ...]) -> bool:
    """Whether they have the same bins, whatever they are called."""
    return one == other or tuple(map(_bare, one)) == tuple(map(_bare, other))


def _bare(axis: Axis) -> Axis:
    names: dict[str, Any] = {"label": "", "unit": ""}
    if hasattr(axis, "labels"):
        names["labels"] = ()
    return msgspec.structs.replace(axis, **names)


def _axes(layout: ElementLayout) -> tuple[Axis, ...]:
    element = layout.element
    return element.axes if isinstance(element, Histogram | Profile) else ()


def _mismatch(own: str, other: str, name: str) -> str:
    return f"cannot be compared with {name}: it is {own}, that is {other}"


def _shape(layout: ElementLayout) -> str:
    weights = " of weights" if layout.planes == 3 and not is_profile(layout) else ""
    return _shown(_axes(layout), profile=is_profile(layout)) + weights


def _shown(axes: tuple[Axis, ...], *, profile: bool) -> str:
    kind = "a profile" if profile else "a histogram"
    return f"{kind} over {' and '.join(map(_bins, axes)) or 'nothing'}"


def _bins(axis: Axis) -> str:
    fields = msgspec.structs.asdict(_bare(axis))
    shown = ", ".join(f"{key} {value}" for key, value in fields.items() if value not in ("", ()))
    return f"{type(axis).__name__.lower()} bins ({shown[:200]})"
