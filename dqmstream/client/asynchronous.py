"""The client for programs with an event loop."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from dqmstream.client import asks
from dqmstream.client.answers import answered, only, unavailable
from dqmstream.client.asks import Ask
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

__all__ = ["AsyncClient"]

T = TypeVar("T")


class AsyncClient:
    """A gateway, asked without blocking; `Client` says what each call gives."""

    def __init__(self, url: str = "http://127.0.0.1:8000", *, token: str = "") -> None:
        self._address = Address(url, token)
        self._http = httpx.AsyncClient(
            base_url=self._address.url, headers=self._address.headers, timeout=TIMEOUT
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def element(self, path: str, **options: Any) -> Element:
        """One element over a window; options as of `elements`."""
        return only(path, await self.elements(path, **options))

    async def elements(self, *paths: str, **options: Any) -> list[Element]:
        """Several elements over a window; see `Client.elements`."""
        return await self._answer(asks.contents(paths, **options))

    async def series(self, path: str, **options: Any) -> Series:
        """One element LS by LS; see `Client.series`."""
        return await self._answer(asks.series(path, **options))

    async def trend(self, path: str, **options: Any) -> Mapping[str, Any]:
        """One number of an element in each LS; see `Client.trend`."""
        return await self._answer(asks.trend(path, **options))

    async def trend_of_runs(self, path: str, **options: Any) -> Mapping[str, Any]:
        """One number of an element in each run; see `Client.trend_of_runs`."""
        trend = asks.RunsTrend(path=path, **options)
        body: dict[str, Any] = await self._answer(trend.first())
        while (ask := trend.further(body)) is not None:
            more = await self._answer(ask)
            body |= {"points": [*body["points"], *more["points"]], "after": more["after"]}
        return body

    async def summary(self, run: int | str = "current", **options: Any) -> Mapping[str, Any]:
        """What quality tests come to, by workspace and folder; see `Client.summary`."""
        return await self._answer(asks.summary(run, **options))

    async def booked(
        self,
        match: str | None = None,
        *,
        regex: str | None = None,
        run: int | str | None = None,
    ) -> list[Mapping[str, Any]]:
        """What is booked; see `Client.booked`."""
        found: list[Mapping[str, Any]] = []
        after: int | None = 0
        while after is not None:
            body = await self._answer(asks.element_list(match, regex, run, after))
            found += body["elements"]
            after = body["after"]
        return found

    async def get(self, resource: str, /, **query: Any) -> Any:
        """Any other resource below `/api/v1`, as JSON; see `Client.get`."""
        return await self._answer(asks.page(resource, query))

    async def export(
        self, paths: Sequence[str], format: str, *, run: int | str = "current", **query: Any
    ) -> bytes:
        """A file; see `Client.export`."""
        return await self._answer(asks.file(paths, format, run=run, **query))

    async def export_series(
        self, path: str, format: str, *, run: int | str = "current", **query: Any
    ) -> bytes:
        """A file of one element LS by LS: `npy`, `npz`, `arrow`, `parquet`."""
        return await self._answer(asks.file([path], format, run=run, of="series", **query))

    async def follow(
        self,
        path: str,
        *,
        run: int | None = None,
        window: Literal["lumisection", "run"] | str = "lumisection",
    ) -> AsyncIterator[Element]:
        """One element anew each time it changes; see `Client.follow`."""
        message = subscription(path, run=run, window=window)
        async for channel in self._stream(message):
            element = element_in(channel)
            if element is not None:
                yield element

    async def boards(self, *names: str, run: int | None = None) -> AsyncIterator[Channel]:
        """Boards of the page anew; see `Client.boards`."""
        async for channel in self._stream(board_subscription(names, run=run)):
            yield channel

    async def _stream(self, message: str) -> AsyncIterator[Channel]:
        """Channels anew when they change, for as long as the gateway is there."""
        states, where = ChannelStates(), self._address.stream
        try:
            async with connect(
                where,
                additional_headers=self._address.headers,
                max_size=LARGEST_MESSAGE,
                open_timeout=TIMEOUT,
            ) as websocket:
                await websocket.send(message)
                async for text in websocket:
                    channel = states.take(msgspec.json.decode(text))
                    for said in states.said():
                        await websocket.send(said)
                    if channel is not None:
                        yield channel
        except InvalidStatus as refused:
            msg = f"{where}: refused with status {refused.response.status_code}"
            raise GatewayError(msg) from refused
        except (OSError, WebSocketException) as error:
            raise unavailable(where, error) from error

    async def _answer(self, ask: Ask[T]) -> T:
        try:
            answer = await self._http.get(
                ask.path, params=dict(ask.query), headers={"accept": ask.accept}
            )
        except httpx.TransportError as error:
            raise unavailable(self._address.url, error) from error
        return answered(ask, answer.status_code, answer.content)
