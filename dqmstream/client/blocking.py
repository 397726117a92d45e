"""The client for programs, notebooks and shells."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import httpx
import msgspec
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from dqmstream.client import asks
from dqmstream.client.answers import answered, only, unavailable
from dqmstream.client.asks import Ask, AsOf
from dqmstream.client.connection import LARGEST_MESSAGE, TIMEOUT, Address
from dqmstream.client.element import Element
from dqmstream.client.errors import GatewayError
from dqmstream.client.series import Series
from dqmstream.client.stream import (
    Channel,
    ChannelStates,
    board_subscription,
    element_in,
    subscription,
)

__all__ = ["Client"]

T = TypeVar("T")


class Client:
    """A gateway, asked for elements of live and past runs alike.

    ::

        client = Client("http://127.0.0.1:8000")
        charge = client.element("Pixel/Layer1/charge", last=10)
        charge.to_hist()

    Parameters
    ----------
    url
        Of the gateway.
    token
        For a gateway that lets only those read who have one.

    All calls raise `GatewayError` with what the gateway says if it refuses, and
    `GatewayUnavailableError` if it does not answer, or not now.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", *, token: str = "") -> None:
        self._address = Address(url, token)
        self._http = httpx.Client(
            base_url=self._address.url, headers=self._address.headers, timeout=TIMEOUT
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def element(self, path: str, **options: Any) -> Element:
        """One element over a window; options as of `elements`."""
        return only(path, self.elements(path, **options))

    def elements(
        self,
        *paths: str,
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
    ) -> list[Element]:
        """Several elements over a window, of a live or a past run.

        Parameters
        ----------
        paths, match
            Of the elements; `match` is a glob as `pixel/**/charge*`.
        run
            A number, or `current`.
        lumisections, last, window
            Which LSs, at most one of them: `"5-10"`, `(5, 10)` or `7`; the last so many; the whole
            run (the default) or its newest LS.
        as_of
            As it was known then: a time, or `"offset:1234"`.
        late
            Add what came after the LSs had closed.
        workspace
            Needed where two workspaces book one path.
        axes, bins, rebin
            Axes that stay (`"x"`, `"x,y"`), bins that count (`["x:3-7"]`), bins to join on each
            axis that stays (`[2, 5]`): done by the gateway.
        """
        return self._answer(
            asks.contents(
                paths,
                match=match,
                run=run,
                lumisections=lumisections,
                last=last,
                window=window,
                as_of=as_of,
                late=late,
                workspace=workspace,
                axes=axes,
                bins=bins,
                rebin=rebin,
            )
        )

    def series(
        self,
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
    ) -> Series:
        """One element over many LSs as one array, in one call; options as of `elements`."""
        return self._answer(
            asks.series(
                path,
                run=run,
                lumisections=lumisections,
                last=last,
                as_of=as_of,
                workspace=workspace,
                axes=axes,
                bins=bins,
                rebin=rebin,
            )
        )

    def trend(
        self,
        path: str,
        *,
        quantity: str = "mean",
        against: str | None = None,
        run: int | str = "current",
        lumisections: str | int | tuple[int, int] | None = None,
        last: int | None = None,
        workspace: str | None = None,
    ) -> Mapping[str, Any]:
        """One number of an element in each LS: `lumisections`, `values`, `errors`, `closed`.

        `quantity` is `mean`, `error` (that of the mean), `entries` or another that the gateway
        knows; `against` asks for a condition of each LS as well, for example `pileup`.
        """
        body: Mapping[str, Any] = self._answer(
            asks.trend(
                path,
                quantity=quantity,
                against=against,
                run=run,
                lumisections=lumisections,
                last=last,
                workspace=workspace,
            )
        )
        return body

    def trend_of_runs(
        self,
        path: str,
        *,
        quantity: str = "mean",
        run: int | str = "current",
        limit: int = 50,
        lumisections: str | int | tuple[int, int] | None = None,
        workspace: str | None = None,
        run_type: str | None = None,
        since: datetime | int | None = None,
        until: datetime | int | None = None,
        every: bool = False,
    ) -> Mapping[str, Any]:
        """One number of an element in `run` and in those before it: `points`, newest run first.

        Each has `run`, `began`, `value`, `error`, `entries`, `outcome` of its verdict, and how it
        is `booked`: one with other bins than `run` is `rebinned`, and has a value only with
        `every`. `run_type`, `since` and `until` (times when runs began) say which runs count,
        `lumisections` which LSs of each; `limit` runs at most, in as many calls as it takes.
        """
        trend = asks.RunsTrend(
            path=path,
            quantity=quantity,
            run=run,
            limit=limit,
            lumisections=lumisections,
            workspace=workspace,
            run_type=run_type,
            since=since,
            until=until,
            every=every,
        )
        body: dict[str, Any] = self._answer(trend.first())
        while (ask := trend.further(body)) is not None:
            more = self._answer(ask)
            body |= {"points": [*body["points"], *more["points"]], "after": more["after"]}
        return body

    def summary(
        self,
        run: int | str = "current",
        *,
        workspace: str | None = None,
        scope: str = "lumisection",
        lumisection: int | None = None,
        depth: int = 2,
    ) -> Mapping[str, Any]:
        """What quality tests come to: `workspaces` by name, and the `map` of fractions.

        Each workspace, and each of its `folders`, has the `worst` outcome and its `cause`, the
        `fraction` GOOD of all `judged`, and how many were `not_judged`. `scope` is `lumisection`,
        `run`, `last:5`, ...; `lumisection` by default the newest that has reports.
        """
        ask = asks.summary(
            run, workspace=workspace, scope=scope, lumisection=lumisection, depth=depth
        )
        body: Mapping[str, Any] = self._answer(ask)
        return body

    def booked(
        self,
        match: str | None = None,
        *,
        regex: str | None = None,
        run: int | str | None = None,
    ) -> list[Mapping[str, Any]]:
        """What is booked, all pages of it: path, title, axes of each element."""
        found: list[Mapping[str, Any]] = []
        after: int | None = 0
        while after is not None:
            body = self._answer(asks.element_list(match, regex, run, after))
            found += body["elements"]
            after = body["after"]
        return found

    def get(self, resource: str, /, **query: Any) -> Any:
        """Any other resource below `/api/v1`, as JSON: `get("runs", limit=5)`, `get("status")`."""
        return self._answer(asks.page(resource, query))

    def export(
        self, paths: Sequence[str], format: str, *, run: int | str = "current", **query: Any
    ) -> bytes:
        """A file of elements: `root`, `parquet`, `npz`, `csv`, `uhi`, `png`, `svg`, ...

        `query` are the parameters of `/runs/{run}/contents`.
        """
        return self._answer(asks.file(paths, format, run=run, **query))

    def export_series(
        self, path: str, format: str, *, run: int | str = "current", **query: Any
    ) -> bytes:
        """A file of one element LS by LS: `npy`, `npz`, `arrow`, `parquet`."""
        return self._answer(asks.file([path], format, run=run, of="series", **query))

    def follow(
        self,
        path: str,
        *,
        run: int | None = None,
        window: Literal["lumisection", "run"] | str = "lumisection",
    ) -> Iterator[Element]:
        """One element anew each time it changes, for as long as the gateway is there.

        The first comes at once if there are contents. A slow program misses states in between, and
        always gets the newest.

        Parameters
        ----------
        run
            A run in memory; one of a higher number than these is waited for, from its first LS on;
            None follows the current one.
        window
            `lumisection` (the newest LS), `last-N`, or `run`.

        Raises
        ------
        GatewayError
            With what the gateway says, if it refuses: the run is not in memory any more, or nothing
            can be booked at such a path. GatewayUnavailableError if it goes away.
        """
        message = subscription(path, run=run, window=window)
        for channel in self._stream(message):
            element = element_in(channel)
            if element is not None:
                yield element

    def boards(self, *names: str, run: int | None = None) -> Iterator[Channel]:
        """Boards of the page anew when they change: `run`, `strip`, `quality`, `pulse`, `runs`."""
        return self._stream(board_subscription(names, run=run))

    def _stream(self, message: str) -> Iterator[Channel]:
        """Channels anew when they change, for as long as the gateway is there."""
        states, where = ChannelStates(), self._address.stream
        try:
            with connect(
                where,
                additional_headers=self._address.headers,
                max_size=LARGEST_MESSAGE,
                open_timeout=TIMEOUT,
            ) as websocket:
                websocket.send(message)
                for text in websocket:
                    channel = states.take(msgspec.json.decode(text))
                    for said in states.said():
                        websocket.send(said)
                    if channel is not None:
                        yield channel
        except InvalidStatus as refused:
            msg = f"{where}: refused with status {refused.response.status_code}"
            raise GatewayError(msg) from refused
        except (OSError, WebSocketException) as error:
            raise unavailable(where, error) from error

    def _answer(self, ask: Ask[T]) -> T:
        try:
            answer = self._http.get(
                ask.path, params=dict(ask.query), headers={"accept": ask.accept}
            )
        except httpx.TransportError as error:
            raise unavailable(self._address.url, error) from error
        return answered(ask, answer.status_code, answer.content)
