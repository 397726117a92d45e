"""One number for each run as lines of characters, for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

__all__ = ["run_trend_chart"]

_WIDTH: Final = 40
_POINT: Final = "•"
_BAR: Final = "─"


def run_trend_chart(answer: Mapping[str, Any]) -> Iterator[str]:
    """The gateway's trend over runs as lines, oldest run first: run, when it began, its number at
    its place between the smallest and the largest, outcome, and what there is to say of it.

    What is not on the scale says why: a run with other bins, without the element, or unreadable.
    """
    points = list(reversed(answer["points"]))
    part = "" if answer["window"] == "run" else f", LS {answer['window']} of each"
    yield f"{answer['path']}: {answer['quantity']} by run{part}"
    if not points:
        yield "no such run"
        return
    numbers = [each for each in points if isinstance(each["value"], int | float)]
    ends = [
        end
        for each in numbers
        for error in [each["error"] or 0.0]
        for end in (each["value"] - error, each["value"] + error)
    ]
    low, high = min(ends, default=0.0), max(ends, default=0.0)
    many = f"{len(points)} run{'s' if len(points) > 1 else ''}, {len(numbers)} with a number"
    yield f"{many}, from {low:g} to {high:g}" if numbers else many
    told = [_told(each) for each in points]
    wide = max(map(len, told))
    for each, words in zip(points, told, strict=True):
        strip = _strip(each, low, high)
        line = f"{each['run']:>10} {_began(each)}  {words:>{wide}} │{strip}│ {_remarks(each)}"
        yield line.rstrip()
    if answer["after"] is not None:
        yield f"runs below {answer['after']} are not shown"


def _began(point: Mapping[str, Any]) -> str:
    if point["began"] is None:
        return " " * 16
    return f"{datetime.fromtimestamp(point['began'] // 10**9, UTC):%Y-%m-%d %H:%M}"


def _told(point: Mapping[str, Any]) -> str:
    value, error = point["value"], point["error"]
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:g} ± {error:.2g}" if error else f"{value:g}"


def _strip(point: Mapping[str, Any], low: float, high: float) -> str:
    if not isinstance(point["value"], int | float):
        return " " * _WIDTH
    value, error = point["value"], point["error"] or 0.0
    first, at, last = (_place(end, low, high) for end in (value - error, value, value + error))
    cells = [_BAR if first <= column <= last else " " for column in range(_WIDTH)]
    cells[at] = _POINT
    return "".join(cells)


def _remarks(point: Mapping[str, Any]) -> str:
    said: Sequence[str] = [
        point["outcome"] or "",
        "" if point["booked"] == "same" else point["booked"],
        "" if point["ended"] else "not ended",
        point["problem"],
    ]
    return ", ".join(filter(None, said))


def _place(value: float, low: float, high: float) -> int:
    if high <= low:
        return _WIDTH // 2
    return min(_WIDTH - 1, max(0, int((value - low) / (high - low) * _WIDTH)))
