"""One number for each lumisection as a chart of characters, for the terminal."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from dqmstream.identity import compact_ranges

__all__ = ["trend_chart"]

_WIDTH: Final = 80
_HEIGHT: Final = 16
_CLOSED: Final = "•"
_OPEN: Final = "○"
_BAR: Final = "¦"


class _Point(NamedTuple):
    x: float
    y: float
    closed: bool
    error: float = 0.0


def trend_chart(answer: Mapping[str, Any]) -> Iterator[str]:
    """The gateway's trend as lines: title, what it covers, points over LSs or a condition of them.

    LS 0, what was imported of the whole run, is said in words and never a point. Texts are told
    where they change.
    """
    against, quantity = answer["against"], answer["quantity"]
    yield f"{answer['path']}: {quantity} by {against}"
    rows = list(
        zip(
            answer["lumisections"],
            answer["values"],
            answer["x"] if against != "lumisection" else answer["lumisections"],
            answer["closed"],
            [error or 0.0 for error in answer["errors"]],
            strict=True,
        )
    )
    numbers = [number for number, *_ in rows if number]
    yield f"run {answer['run']}, {_covered(numbers)}"
    for number, value, *_ in rows:
        if number == 0 and value not in {None, 0}:
            yield f"whole run: {_told(value)}"
    rows = [row for row in rows if row[0]]
    if any(isinstance(value, str) for _, value, *_ in rows):
        yield from _texts([(number, str(value)) for number, value, *_ in rows])
        return
    points = [_Point(x, y, *rest) for _, y, x, *rest in rows if y is not None and x is not None]
    if not points:
        yield f"no LS with a number and a known {against}"
        return
    if len(points) < len(rows):
        yield f"{len(rows) - len(points)} LSs without a number, or without a known {against}"
    yield from _drawn(points)
    if not all(point.closed for point in points):
        yield f"{_OPEN} is still open"


def _covered(numbers: Sequence[int]) -> str:
    if not numbers:
        return "no LS"
    if len(numbers) == numbers[-1] - numbers[0] + 1 or len(numbers) < 4:
        return f"LS {compact_ranges(numbers)} ({len(numbers)} LSs)"
    return f"LS {numbers[0]}-{numbers[-1]} ({len(numbers)} LSs)"


def _told(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _texts(told: Sequence[tuple[int, str]]) -> Iterator[str]:
    before = None
    for number, text in told:
        if text != before:
            yield f"from LS {number}: {text}"
        before = text


def _drawn(points: Sequence[_Point]) -> Iterator[str]:
    low, high = _span([end for p in points for end in (p.y - p.error, p.y + p.error)])
    left, right = _span([point.x for point in points])
    cells = [[" "] * _WIDTH for _ in range(_HEIGHT)]
    # What is open comes first: where both are in one character, the closed one is what counts.
    for point in sorted(points, key=lambda point: point.closed):
        column = _place(point.x, left, right, _WIDTH)
        row = _HEIGHT - 1 - _place(point.y, low, high, _HEIGHT)
        for end in _bar(point, low, high):
            if cells[end][column] == " ":
                cells[end][column] = _BAR
        cells[row][column] = _CLOSED if point.closed else _OPEN
    named = {0: f"{high:g}", _HEIGHT // 2: f"{(low + high) / 2:.4g}", _HEIGHT - 1: f"{low:g}"}
    wide = max(map(len, named.values()))
    for line, characters in enumerate(cells):
        edge = "┤" if line in named else "│"
        yield f"{named.get(line, ''):>{wide}} {edge}{''.join(characters)}"
    yield f"{'':>{wide}} └{'─' * _WIDTH}"
    first, last = f"{left:g}", f"{right:g}"
    yield f"{'':>{wide}}  {first}{last:>{_WIDTH - len(first)}}"


def _bar(point: _Point, low: float, high: float) -> range:
    """Rows that the error of a point reaches, from above; its own among them."""
    top, bottom = (
        _HEIGHT - 1 - _place(point.y + sign * point.error, low, high, _HEIGHT) for sign in (1, -1)
    )
    return range(top, bottom + 1)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.0 if low < high else max(0.5, abs(low) * 1e-6)
    return low - room, high + room


def _place(value: float, low: float, high: float, cells: int) -> int:
    return min(cells - 1, math.floor((value - low) / (high - low) * cells))
