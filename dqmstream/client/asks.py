"""What can be asked of a gateway: each request as a value, with how to read its answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Literal, TypeVar

import msgspec

from dqmstream.client.element import Element
from dqmstream.client.reading import elements_of, series_of
from dqmstream.client.series import Series

__all__ = [
    "ARROW",
    "Ask",
    "RunsTrend",
    "contents",
    "element_list",
    "file",
    "page",
    "series",
    "summary",
    "trend",
]

T = TypeVar("T")

ARROW: Final = "application/vnd.apache.arrow.stream"
_API: Final = "/api/v1"
_MOST_RUNS: Final = 200
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

AsOf = datetime | int | str
"""A time, nanoseconds since 1970, or as the gateway takes it (`offset:1234`, an ISO time)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask(Generic[T]):
    """A GET request; `read` makes the answer of its body."""

    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    accept: str = "application/json"
    read: Callable[[bytes], T]


def page(path: str, query: Mapping[str, Any]) -> Ask[Any]:
    """JSON as it is."""
    return Ask(path=f"{_API}/{path}", query=_given(query), read=msgspec.json.decode)


def element_list(
    match: str | None, regex: str | None, run: int | str | None, after: int
) -> Ask[Any]:
    """One page of the elements that are booked."""
    query = {"match": match, "regex": regex, "run": run, "after": after, "limit": 1_000}
    return page("elements", query)


def contents(
    paths: Sequence[str],
    *,
    match: str | None = None,
    run: int | str = "current",
    lumisections: str | int | tuple[int, int] | None = None,
    last: int | None = None,
    window: Literal["lumisection", "run"] | None = None,
    as_of: AsOf | None = None,
    late: bool = False,
    workspace: str | None = None,
    axes: str | None = None,
    bins: Sequence[str] = (),
    rebin: Sequence[int] = (),
) -> Ask[list[Element]]:
    """Elements over a window, as an Arrow table."""
    query = {
        "path": list(paths),
        "match": match,
        "workspace": workspace,
        **_window(lumisections, last, window),
        **_moment(as_of, late=late),
        **_reshape(axes, bins, rebin),
    }
    place = f"{_API}/runs/{run}/contents"
    return Ask(path=place, query=_given(query), accept=ARROW, read=elements_of)


def series(
    path: str,
    *,
    run: int | str = "current",
    lumisections: str | int | tuple[int, int] | None = None,
    last: int | None = None,
    as_of: AsOf | None = None,
    workspace: str | None = None,
    axes: str | None = None,
    bins: Sequence[str] = (),
    rebin: Sequence[int] = (),
) -> Ask[Series]:
    """One element LS by LS, as an Arrow table."""
    query = {
        "path": path,
        "workspace": workspace,
        **_window(lumisections, last, None),
        **_moment(as_of, late=False),
        **_reshape(axes, bins, rebin),
    }
    place = f"{_API}/runs/{run}/series"
    return Ask(path=place, query=_given(query), accept=ARROW, read=series_of)


def trend(
    path: str,
    *,
    quantity: str = "mean",
    against: str | None = None,
    run: int | str = "current",
    lumisections: str | int | tuple[int, int] | None = None,
    last: int | None = None,
    workspace: str | None = None,
) -> Ask[Any]:
    """One number of an element in each LS."""
    query = {
        "path": path,
        "quantity": quantity,
        "against": against,
        "workspace": workspace,
        **_window(lumisections, last, None),
    }
    return page(f"runs/{run}/trend", query)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunsTrend:
    """One number of an element in each run: pages of points, until there are `limit`."""

    path: str
    quantity: str = "mean"
    run: int | str = "current"
    limit: int = 50
    lumisections: str | int | tuple[int, int] | None = None
    workspace: str | None = None
    run_type: str | None = None
    since: datetime | int | None = None
    until: datetime | int | None = None
    every: bool = False

    def first(self) -> Ask[Any]:
        """The first page."""
        return self._page(self.limit, None)

    def further(self, body: dict[str, Any]) -> Ask[Any] | None:
        """The page after those in `body`; None if it has all that is asked for."""
        lacking = self.limit - len(body["points"])
        return None if body["after"] is None or lacking <= 0 else self._page(lacking, body["after"])

    def _page(self, limit: int, after: int | None) -> Ask[Any]:
        query = {
            "path": self.path,
            "quantity": self.quantity,
            "workspace": self.workspace,
            "limit": min(limit, _MOST_RUNS),
            "after": after,
            "run_type": self.run_type,
            "since": _nanoseconds(self.since),
            "until": _nanoseconds(self.until),
            "every": "true" if self.every else None,
            **_window(self.lumisections, None, None),
        }
        return page(f"runs/{self.run}/trend/runs", query)


def summary(
    run: int | str,
    *,
    workspace: str | None = None,
    scope: str = "lumisection",
    lumisection: int | None = None,
    depth: int = 2,
) -> Ask[Any]:
    """What the quality tests of a run come to, by workspace and folder."""
    query = {"workspace": workspace, "scope": scope, "lumisection": lumisection, "depth": depth}
    return page(f"runs/{run}/summary", query)


def file(
    paths: Sequence[str],
    format: str,
    *,
    run: int | str,
    of: Literal["contents", "series"] = "contents",
    **query: Any,
) -> Ask[bytes]:
    """Elements as a file of a format."""
    place = f"{_API}/runs/{run}/{of}"
    asked = _given({"path": list(paths), "format": format, **query})
    return Ask(path=place, query=asked, accept="*/*", read=bytes)


def _window(
    lumisections: str | int | tuple[int, int] | None, last: int | None, window: str | None
) -> dict[str, Any]:
    match lumisections:
        case (first, final):
            lumisections = f"{first}-{final}"
        case int():
            lumisections = str(lumisections)
    return {"lumisections": lumisections, "last": last, "window": window}


def _nanoseconds(when: datetime | int | None) -> int | None:
    # By whole microseconds: a float has not the digits of nanoseconds since 1970.
    if not isinstance(when, datetime):
        return when
    return (when.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1) * 1_000


def _moment(as_of: AsOf | None, *, late: bool) -> dict[str, Any]:
    # Without a zone it is local time here, and would be UTC there.
    shown = as_of.astimezone(UTC).isoformat() if isinstance(as_of, datetime) else as_of
    return {"as_of": shown, "late": "include" if late else None}


def _reshape(axes: str | None, bins: Sequence[str], rebin: Sequence[int]) -> dict[str, Any]:
    return {"axes": axes, "bins": list(bins), "rebin": ",".join(map(str, rebin)) or None}


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was not said."""
    return {name: value for name, value in query.items() if value is not None and value != []}
