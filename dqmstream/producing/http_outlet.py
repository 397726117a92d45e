"""Sending through a gateway, over HTTP: the gateway answers when the log has it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from dqmstream.errors import ConfigurationError, LogError, LogUnavailableError
from dqmstream.identity import content_hash
from dqmstream.messages.checkpoints import SourceCheckpoint
from dqmstream.producing.delivery import Delivery
from dqmstream.producing.outbox import EndedLumisection, NumberedChunk
from dqmstream.producing.progress import ProducerProgress
from dqmstream.sources.source import EventSource
from dqmstream.transport.patience import Pace

__all__ = ["HttpOutlet"]

_ARROW: Final = "application/vnd.apache.arrow.stream"
_AT_ONCE: Final = 8
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_NEWS: Final = 1.0
_LONGEST_WAIT: Final = 30.0
_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may be taken: it bears its identity, so repeats are safe.
"""


class HttpOutlet:
    """One source in one run, through the ingest routes of a gateway."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        source: EventSource,
        retry: Pace,
        progress: ProducerProgress,
    ) -> None:
        self._client = client
        self._source = source
        self._delivery = Delivery(retry, progress)
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._run = f"/api/v1/ingest/runs/{source.run}"
        self.incarnation = source.incarnation
        self.body_limit = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, token: str, source: EventSource, retry: Pace, progress: ProducerProgress
    ) -> AsyncIterator[Self]:
        """Ask the gateway how large chunks may be; it must be there at the start.

        Raises
        ------
        LogUnavailableError
            If the gateway, or its log, cannot be reached.
        ConfigurationError
            If the token is refused.
        LogError
            If the gateway refuses what it is asked.
        """
        limits = httpx.Limits(max_connections=_AT_ONCE)
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=url, headers=headers, limits=limits, timeout=_TIMEOUT
        ) as client:
            outlet = cls(client, source, retry, progress)
            # Chunks of what is read again must be cut as before: the limit is part of their names.
            outlet.body_limit = (await outlet._asked("GET", outlet._run))["body_limit"]
            if source.rereadable:
                outlet.incarnation = content_hash([source.incarnation, outlet.body_limit])
            yield outlet

    async def standings(self) -> dict[str, SourceCheckpoint]:
        """Where each source of the run stands, by name."""
        answer = await self._insist("GET", self._run)
        return {
            one["source"]: SourceCheckpoint(
                source=one["source"],
                run=one["run"],
                incarnation=one["incarnation"],
                lumisection=one["lumisection"],
                ended=one["ended"],
            )
            for one in answer["sources"]
        }

    async def news(self) -> AsyncIterator[list[SourceCheckpoint]]:
        """The same, now and then, for ever."""
        while True:
            yield list((await self.standings()).values())
            await asyncio.sleep(_NEWS)

    async def start(self, *, expected: tuple[str, ...], replaces: str, wall: int) -> None:  # noqa: ARG002 the gateway knows both itself
        """RunStart."""
        source = self._source
        await self._insist(
            "PUT",
            self._place(),
            params={"rereadable": str(source.rereadable).lower()},
            json={
                "first_lumisection": source.first_lumisection,
                "run_type": source.run_type,
                "expected": list(expected),
                "labels": {name: list(labels) for name, labels in source.labels.items()},
                "marks": list(source.marks),
            },
        )

    async def chunks(self, batch: Sequence[NumberedChunk]) -> None:
        """Chunks of events, several at a time."""
        async with asyncio.TaskGroup() as tasks:
            for chunk in batch:
                tasks.create_task(self._chunk(chunk), name=f"chunk {chunk.number}")

    async def end(self, ended: Sequence[EndedLumisection]) -> None:
        """LumisectionEnds, in order; the gateway notes then that all up to there is in the log."""
        for one in ended:
            await self._insist(
                "PUT",
                self._place("lumisections", one.lumisection, "end"),
                params={"rereadable": str(self._source.rereadable).lower()},
                json={
                    "chunks": one.chunks,
                    "seen": one.seen,
                    "selected": one.selected,
                    "dropped": one.dropped,
                    "notes": dict(one.notes),
                },
            )

    async def checkpoint(self, lumisection: int, *, ended: bool) -> None:
        """Nothing: the gateway has noted it with the end of the LS, or of the run."""

    async def finish(self, last_lumisection: int) -> None:
        """RunEnd."""
        await self._insist(
            "PUT",
            self._place("end"),
            params={"rereadable": str(self._source.rereadable).lower()},
            json={"last_lumisection": last_lumisection},
        )

    async def _chunk(self, chunk: NumberedChunk) -> None:
        async with self._slots:
            await self._insist(
                "PUT",
                self._place("lumisections", chunk.lumisection, "chunks", chunk.number),
                chunks=1,
                params={
                    "rereadable": str(self._source.rereadable).lower(),
                    "seen": str(chunk.piece.seen),
                    "dropped": str(chunk.piece.dropped),
                },
                content=chunk.piece.body,
                headers={"content-type": _ARROW},
            )

    def _place(self, *below: object) -> str:
        parts = ("sources", self._source.name, self.incarnation, *below)
        return "/".join((self._run, *(quote(str(part), safe="") for part in parts)))

    async def _insist(
        self, method: str, place: str, *, chunks: int = 0, **request: Any
    ) -> Mapping[str, Any]:
        return await self._delivery.insist(
            lambda: self._asked(method, place, **request), chunks=chunks
        )

    async def _asked(self, method: str, place: str, **request: Any) -> Mapping[str, Any]:
        """One request; what may go better another time is a LogUnavailableError."""
        try:
            answer = await self._client.request(method, place, **request)
        except httpx.TransportError as error:
            detail = f"{self._client.base_url}: {type(error).__name__} {error!s:.200}"
            raise LogUnavailableError(detail) from error
        if answer.is_success:
            body: Mapping[str, Any] = answer.json() if answer.content else {}
            return body
        problem = f"{method} {place}: {answer.status_code} {_reason(answer)}"
        if answer.status_code in {401, 403}:
            raise ConfigurationError(problem)
        if answer.status_code not in _TRY_AGAIN:
            raise LogError(problem)
        await asyncio.sleep(_wait(answer))
        raise LogUnavailableError(problem)


def _reason(answer: httpx.Response) -> str:
    """What the gateway says is wrong."""
    try:
        return f"{answer.json()['detail']!s:.500}"
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def _wait(answer: httpx.Response) -> float:
    """Seconds the gateway asks to wait, within reason."""
    asked = answer.headers.get("retry-after", "")
    return min(float(asked), _LONGEST_WAIT) if asked.isdecimal() else 0.0
