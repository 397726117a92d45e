"""Sending events from a program of one's own: a few lines, with all of the protocol behind them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog
from msgspec import Struct

from dqmstream.booking.columns import encode_batch
from dqmstream.clock import Clock, SystemClock
from dqmstream.errors import ConfigurationError
from dqmstream.identity import content_hash
from dqmstream.producing.batches import Events, as_batch
from dqmstream.producing.outlet import LogOutlet, Outlet
from dqmstream.producing.produce import produce_through
from dqmstream.producing.progress import ProducerProgress
from dqmstream.producing.pushed import PushedSource
from dqmstream.producing.settings import ProducerSettings
from dqmstream.producing.standings import joins_at
from dqmstream.sources.source import SourceChunk
from dqmstream.transport.log import Log
from dqmstream.transport.patience import Pace

if TYPE_CHECKING:
    from dqmstream.transport.kafka.settings import KafkaSettings

__all__ = ["AsyncProducer", "AsyncRun", "Destination"]

Destination: TypeAlias = "str | KafkaSettings | Log"
"""`http://...` of a gateway; `kafka://host:port,...`, or settings of Kafka; or an open log."""

_LUMISECTION_SECONDS: Final = 23.31
_KAFKA: Final = "kafka://"
_HTTP: Final = ("http://", "https://")


class AsyncRun:
    """One run of one source, while it is sent."""

    def __init__(self, source: PushedSource, progress: ProducerProgress) -> None:
        self._source = source
        self._current = source.first_lumisection - 1
        self._ended = self._current
        self._logger = structlog.get_logger().bind(source=source.name, run=source.run)
        self.progress = progress
        """What the log has acknowledged, and what was dropped."""

    @property
    def number(self) -> int:
        """The run number."""
        return self._source.run

    @property
    def resumes_after(self) -> int:
        """The last LS of which the log has everything: nothing up to it need be sent again."""
        return max(self._source.after, self._source.first_lumisection - 1)

    async def send(self, lumisection: int, events: Events, *, dropped: int = 0) -> None:
        """Send a batch of events of one LS; LSs come in rising order.

        It returns once the batch is taken over, and waits as long as a re-readable source is far
        ahead of the log. What the log has already (`resumes_after`) is passed over. Events of a
        live source that come before the LS in which it joined the run are counted as dropped.
        If it is cancelled, nothing was sent. A re-readable source sends one batch after the other:
        their order numbers them.

        Parameters
        ----------
        lumisection
            Its number, from 1 on.
        events
            As `as_batch` takes them; with the same columns and types throughout a run.
        dropped
            Events that the program lost before it came here, to be accounted for.

        Raises
        ------
        MessageError
            If the events cannot travel: names the column and the reason.
        ValueError
            If the LS has ended, or a later one has begun.
        """
        rows, body = await asyncio.to_thread(_encoded, events)
        if self._takes(lumisection, rows + dropped):
            chunk = SourceChunk(body=body, seen=rows + dropped, selected=rows, dropped=dropped)
            await self._source.push(lumisection, chunk)

    async def end_lumisection(
        self, lumisection: int, *, notes: Mapping[str, int] | None = None
    ) -> None:
        """All events of an LS are sent: it can close. Beginning a later one says so as well.

        `notes` count by reason what the program could not use.
        """
        if self._takes(lumisection, 0):
            await self._source.end(lumisection, dict(notes or {}))
            self._ended = lumisection

    async def finish(self) -> None:
        """End the LS that is open; the block that gave this run does so when it is left."""
        if self._current > self._ended:
            await self.end_lumisection(self._current)

    def _takes(self, lumisection: int, events: int) -> bool:
        if lumisection <= self.resumes_after:
            if events and not self._source.rereadable:
                self.progress.dropped += events
                self._logger.warning(
                    "events come before the source joined the run: they are dropped",
                    lumisection=lumisection,
                    dropped_events=events,
                    after_lumisection=self.resumes_after,
                )
            return False
        if lumisection < self._current or lumisection <= self._ended:
            msg = (
                f"run {self.number} LS {lumisection} of source {self._source.name!r} is over: "
                f"the source has come to LS {max(self._current, self._ended + 1)}"
            )
            raise ValueError(msg)
        self._current = lumisection
        return True


class AsyncProducer:
    """A source of events: columns in, numbered, acknowledged and resumable chunks out.

    Parameters
    ----------
    to
        Where to. A gateway takes events over HTTP from anywhere, with a token; straight to Kafka
        is for programs beside it.
    source
        The stable name of this source.
    token
        For a gateway.
    settings
        How much is held, and how long; default: `ProducerSettings()`.

    Raises
    ------
    ConfigurationError
        If `to` is no destination, or a token is missing or of no use.
    """

    def __init__(
        self,
        to: Destination,
        source: str,
        *,
        token: str = "",
        settings: ProducerSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._to = _checked(to, token)
        self._source = source
        self._token = token
        self._settings = settings or ProducerSettings()
        self._clock = clock or SystemClock()

    @asynccontextmanager
    async def run(
        self,
        number: int,
        *,
        reads: str = "",
        first_lumisection: int | None = None,
        run_type: str = "pp_run",
        labels: Mapping[str, tuple[str, ...]] | None = None,
        marks: tuple[str, ...] = (),
        expected: tuple[str, ...] = (),
        lumisection_seconds: float = _LUMISECTION_SECONDS,
    ) -> AsyncIterator[AsyncRun]:
        """Send one run: leaving the block ends it, once the log has all of it.

        A block that is left by an error ends no run: the next life goes on with it.

        Parameters
        ----------
        number
            The run.
        reads
            Names (by a hash, say) what the program reads, if it can read it again and then sends
            the same batches: so it may crash, start again and go on after `resumes_after`. Without
            it the source is live: it is never held up, and what finds the buffer full is dropped
            and counted.
        first_lumisection
            Where it joins the run. Default: 1, or after what an earlier life of it has sent.
        run_type, labels, marks, expected
            As `RunStart` says of them; `expected` are all sources of the run.
        lumisection_seconds
            Length of an LS in seconds of data taking.

        Raises
        ------
        LogUnavailableError
            If the destination cannot be reached at the start.
        LogError
            If it refuses what is sent for good.
        """
        incarnation = content_hash([reads]) if reads else secrets.token_hex(8)
        progress = ProducerProgress()
        source = PushedSource(
            name=self._source,
            run=number,
            incarnation=incarnation,
            rereadable=bool(reads),
            run_type=run_type,
            first_lumisection=first_lumisection or 1,
            labels=dict(labels or {}),
            marks=marks,
            seconds=lumisection_seconds,
        )
        try:
            async with (
                self._outlet(source, progress) as outlet,
                self._sending(outlet, source, progress, first_lumisection, expected) as run,
            ):
                yield run
        except BaseExceptionGroup as group:
            raise _alone(group) from None

    @asynccontextmanager
    async def _sending(
        self,
        outlet: Outlet,
        source: PushedSource,
        progress: ProducerProgress,
        first_lumisection: int | None,
        expected: tuple[str, ...],
    ) -> AsyncIterator[AsyncRun]:
        """Send what is pushed until the block is left."""
        if first_lumisection is None and not source.rereadable:
            source.first_lumisection = joins_at((await outlet.standings()).get(self._source))
            source.after = source.first_lumisection - 1
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(
                produce_through(
                    outlet,
                    source,
                    clock=self._clock,
                    settings=self._settings,
                    progress=progress,
                    expected=expected,
                ),
                name=f"send {self._source}",
            )
            try:
                await source.began.wait()
                run = AsyncRun(source, progress)
                yield run
                await run.finish()
            except BaseException:
                sending.cancel()
                raise
            finally:
                source.close()

    @asynccontextmanager
    async def _outlet(
        self, source: PushedSource, progress: ProducerProgress
    ) -> AsyncIterator[Outlet]:
        settings = self._settings
        retry = Pace(first=settings.retry_first, most=settings.retry_most)
        if isinstance(self._to, str) and self._to.startswith(_HTTP):
            from dqmstream.producing.http_outlet import HttpOutlet  # noqa: PLC0415 httpx is heavy

            async with HttpOutlet.open(self._to, self._token, source, retry, progress) as http:
                yield http
        elif isinstance(self._to, str | Struct):
            from dqmstream.transport.kafka import KafkaLog, KafkaSettings  # noqa: PLC0415 the same

            servers = tuple(str(self._to).removeprefix(_KAFKA).strip("/").split(","))
            kafka = KafkaSettings(servers=servers) if isinstance(self._to, str) else self._to
            async with KafkaLog.open(kafka, clock=self._clock, make=False) as log:
                yield LogOutlet(log, source, retry, progress)
        else:
            yield LogOutlet(self._to, source, retry, progress)


def _encoded(events: Events) -> tuple[int, bytes]:
    batch = as_batch(events)
    return batch.num_rows, encode_batch(batch)


def _checked(to: Destination, token: str) -> Destination:
    """Where to, if it is somewhere."""
    if isinstance(to, str) and to.startswith(_HTTP):
        if not token:
            msg = f"{to}: a gateway takes events from those who have a token of role producer"
            raise ConfigurationError(msg)
        return to.rstrip("/")
    if token:
        msg = "a token is for a gateway (http://...): Kafka asks for user name and password"
        raise ConfigurationError(msg)
    if isinstance(to, str) and not to.startswith(_KAFKA):
        msg = f"destination {to!r:.200}: expected http://..., https://... or kafka://host:port"
        raise ConfigurationError(msg)
    return to


def _alone(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one exception of a group, so that callers need not know of the tasks in here."""
    while len(group.exceptions) == 1:
        only = group.exceptions[0]
        if not isinstance(only, BaseExceptionGroup):
            return only
        group = only
    return group
