"""The producer for programs without an event loop: the same, its loop in a thread of its own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from dqmstream.producing.batches import Events
from dqmstream.producing.producer import AsyncProducer, AsyncRun, Destination
from dqmstream.producing.progress import ProducerProgress
from dqmstream.producing.settings import ProducerSettings

__all__ = ["Producer", "Run"]


class Run:
    """One run of one source, while it is sent; as `AsyncRun`, and to be used from one thread."""

    def __init__(self, run: AsyncRun, portal: BlockingPortal) -> None:
        self._run = run
        self._portal = portal

    @property
    def number(self) -> int:
        """The run number."""
        return self._run.number

    @property
    def resumes_after(self) -> int:
        """The last LS of which the log has everything: nothing up to it need be sent again."""
        return self._run.resumes_after

    @property
    def progress(self) -> ProducerProgress:
        """What the log has acknowledged, and what was dropped."""
        return self._run.progress

    def send(self, lumisection: int, events: Events, *, dropped: int = 0) -> None:
        """Send a batch of events of one LS; see `AsyncRun.send`."""
        self._portal.call(partial(self._run.send, lumisection, events, dropped=dropped))

    def end_lumisection(self, lumisection: int, *, notes: Mapping[str, int] | None = None) -> None:
        """All events of an LS are sent; see `AsyncRun.end_lumisection`."""
        self._portal.call(partial(self._run.end_lumisection, lumisection, notes=notes))


class Producer:
    """A source of events: columns in, numbered, acknowledged and resumable chunks out.

    It takes what `AsyncProducer` takes::

        producer = Producer("http://127.0.0.1:8000", "my_detector", token=token)
        with producer.run(398600) as run:
            run.send(1, {"hit": {"charge": [[12.5, 3.0], []]}})
    """

    def __init__(
        self,
        to: Destination,
        source: str,
        *,
        token: str = "",
        settings: ProducerSettings | None = None,
    ) -> None:
        self._producer = AsyncProducer(to, source, token=token, settings=settings)

    @contextmanager
    def run(self, number: int, **options: Any) -> Iterator[Run]:
        """Send one run, with the options of `AsyncProducer.run`."""
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(self._producer.run(number, **options)) as run,
        ):
            yield Run(run, portal)
