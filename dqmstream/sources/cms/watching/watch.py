"""Watching folders: sees what changes in them, and makes a source for every stream of every run.

The kernel says when something changes (inotify); all folders are looked at again every few seconds
all the same, for a file system on the network says nothing. What is seen is decided about elsewhere
(`order`).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog
import watchfiles

from dqmstream.clock import Clock
from dqmstream.sources.cms.glance import glance
from dqmstream.sources.cms.runkey import read_run_key
from dqmstream.sources.cms.watching.order import StreamOrder
from dqmstream.sources.cms.watching.run import WatchedRun
from dqmstream.sources.cms.watching.scanning import FolderScanner, Scan
from dqmstream.sources.cms.watching.settings import WatchSettings
from dqmstream.sources.cms.watching.source import WatchedSource, late_source
from dqmstream.sources.source import EventSource

__all__ = ["FolderWatch"]

_RESCAN: Final = 5.0
"""Seconds after which all folders are looked at though nothing was heard."""
_RETRIES: Final = 10
"""How often a file with trouble is looked at again within its time."""


class FolderWatch:
    """Watches until cancelled.

    Parameters
    ----------
    roots
        Folders that hold `runNNNNNN` folders.
    settings
        What to watch, and how.
    clock
        Its monotonic reading paces time-outs.
    begin
        Called with each source to be sent, and the names of all sources of its run that are known:
        a stream of a run, or a late file. When it is sent, `sent` is to be called.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        settings: WatchSettings,
        clock: Clock,
        begin: Callable[[EventSource, tuple[str, ...]], None],
    ) -> None:
        self._roots = tuple(roots)
        self._settings = settings
        self._clock = clock
        self._begin = begin
        self._runs: dict[int, WatchedRun] = {}
        self._news = asyncio.Event()
        self._scanner = FolderScanner(roots, settings)
        self._scanned = False
        self._past = Counter[str]()
        self.looks = 0
        """How often all folders were looked at."""
        self._logger = structlog.get_logger()

    async def run(self) -> None:
        """Watch, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(), name="folder changes")
            while True:
                self._news.clear()
                await self._look()
                await self._wait()

    def sent(self, source: EventSource) -> None:
        """A source that `begin` was called with has been sent to its end."""
        run = self._runs.get(source.run)
        if run is not None and isinstance(source, WatchedSource):
            run.orders[source.stream].close()
            run.going.discard(source.stream)
            self._news.set()

    def left(self, source: EventSource) -> None:
        """A source that `begin` was called with cannot be sent: its files are left alone.

        Of a run that was begun with other settings they would be late, and be counted twice.
        """
        run = self._runs.get(source.run)
        if run is not None and isinstance(source, WatchedSource):
            run.orders[source.stream].leave()
            run.going.discard(source.stream)
            self._news.set()

    def is_done(self, number: int) -> bool:
        """Whether a run has ended, and all its streams were sent."""
        run = self._runs.get(number)
        return run is not None and run.ended and bool(run.sources) and not run.going

    def waits_for(self) -> tuple[str, ...]:
        """What is waited for, in words."""
        return self._awaited() or (f"runs in {', '.join(map(str, self._roots))}",)

    @property
    def awaited(self) -> int:
        """How many LSs are waited for, one of a stream."""
        return len(self._awaited())

    def _awaited(self) -> tuple[str, ...]:
        return tuple(
            source.waits_for
            for run in self._runs.values()
            for name, source in run.sources.items()
            if name in run.going and source.waits_for
        )

    def behind(self) -> int:
        """Files and LSs that are seen or decided and not acknowledged; ends that are not sent."""
        found = 0
        for run in self._runs.values():
            found += sum(order.waiting for order in run.orders.values())
            found += sum(run.sources[stream].behind + run.ended for stream in run.going)
        return found

    def counts(self) -> dict[str, int]:
        """Files seen, what became of those that are not read, and of LSs without one.

        They never fall; but for `other_files`, which are those that lie there now.
        """
        total = Counter(self._past)
        for run in self._runs.values():
            total.update(run.counts())
        views = [one for run in self._runs.values() for one in run.views.values()]
        total["other_files"] = sum(one.others for one in views)
        return dict(total)

    # -------------------------------------------------------------------- looking

    async def _listen(self) -> None:
        """Wake up when the kernel says that something changed."""
        try:
            async for _ in watchfiles.awatch(
                *self._roots,
                watch_filter=None,
                debounce=100,
                step=20,
                # Its thread looks up this often only, and a stop waits for it.
                rust_timeout=100,
                recursive=True,
                ignore_permission_denied=True,
            ):
                self._news.set()
        except (OSError, RuntimeError) as error:
            # Such as a limit of the system on watched folders.
            self._logger.warning("folders are looked at every few seconds only", error=str(error))

    async def _wait(self) -> None:
        """Until something changes; for a while only, for what is tried again."""
        seconds = _RESCAN
        orders = [order for run in self._runs.values() for order in run.orders.values()]
        if any(order.troubled() for order in orders):
            seconds = min(seconds, self._settings.broken_timeout / _RETRIES)
        seconds = min(seconds, self._settings.missing_timeout / _RETRIES)
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        known = {path: one for run in self._runs.values() for path, one in run.views.items()}
        troubled = {
            path
            for run in self._runs.values()
            for order in run.orders.values()
            for path in order.troubled()
        }
        wall = self._clock.wall()
        found = await asyncio.to_thread(self._scanner.scan, known, troubled, wall)
        self._take_in(found, self._clock.monotonic())
        self._scanned = True
        await self._start_sources()
        await self._send_late()
        self.looks += 1

    def _take_in(self, scan: Scan, now: float) -> None:
        """What was seen, told to those who decide."""
        for folder, found in scan.views.items():
            new = WatchedRun(folder, joined=not self._scanned, since=now)
            run = self._runs.setdefault(found.run, new)
            if run.views.get(folder) is not found:
                run.heard = now
            run.views[folder] = found
            run.ended |= found.ended
        for number, stream, path in scan.gone:
            order = self._runs[number].orders.get(stream)
            if order is not None:
                order.vanish(path, now)
        self._past["seen_files"] += scan.fresh
        for sighting in scan.seen:
            run = self._runs[sighting.lumisection.run]
            if sighting.stream not in run.orders:
                run.orders[sighting.stream] = StreamOrder(self._settings, joined=run.joined)
            run.orders[sighting.stream].see(sighting, now)
        for number, run in list(self._runs.items()):
            for path in [path for path in run.views if path not in scan.views]:
                del run.views[path]
            # Nothing more can come of a run whose folders were deleted.
            run.ended |= not run.views
            if not run.views and not run.going:
                self._past.update(run.counts())
                del self._runs[number]
        self._leave_silent(now)
        self._wake(now)

    def _leave_silent(self, now: float) -> None:
        """A run without its end is over when a later one has begun and it has said nothing."""
        timeout = self._settings.missing_timeout
        for number, run in self._runs.items():
            later = [other.since for n, other in self._runs.items() if n > number and other.orders]
            if run.ended or not later or now < max(min(later), run.heard) + timeout:
                continue
            self._logger.warning("run has no end-of-run file, and is left", run=number)
            run.ended = True

    def _wake(self, now: float) -> None:
        for run in self._runs.values():
            last = max((order.highest for order in run.orders.values()), default=0)
            for order in run.orders.values():
                if run.ended:
                    order.end(last, now)
            for source in run.sources.values():
                source.changed.set()

    # -------------------------------------------------------------------- sending

    async def _start_sources(self) -> None:
        """Begin the sources of as many runs as may go on, the lowest first."""
        for number, run in sorted(self._runs.items()):
            ready = [
                stream
                for stream, order in sorted(run.orders.items())
                if stream not in run.sources and (order.has_files or order.ended)
            ]
            going = sum(bool(other.going) for other in self._runs.values())
            if not ready or (going >= self._settings.most_runs and not run.going):
                continue
            expected = tuple(f"cms-{name}" for name in self._expected(run))
            for stream in ready:
                run.sources[stream] = await self._source(number, run, stream)
                run.going.add(stream)
            for stream in ready:
                self._begin(run.sources[stream], expected)

    def _expected(self, run: WatchedRun) -> Iterable[str]:
        return self._settings.streams or sorted(run.orders)

    async def _source(self, number: int, run: WatchedRun, stream: str) -> WatchedSource:
        order, read = run.orders[stream], self._settings.read
        first = await asyncio.to_thread(glance, order.files(), read)
        key = await asyncio.to_thread(read_run_key, run.folder, number)
        if key.note:
            self._logger.info("run key is not known", run=number, why=key.note)
        # In a thread: the first that has columns of products imports kernels.
        return await asyncio.to_thread(
            WatchedSource,
            number,
            stream,
            order,
            first_glance=first,
            run_type=key.run_key,
            settings=read,
            clock=self._clock,
        )

    async def _send_late(self) -> None:
        """Files that came after their LS was decided, each as a source of its own."""
        now = self._clock.monotonic()
        for run in list(self._runs.values()):
            for stream in list(run.sources):
                for sighting in run.orders[stream].late(now):
                    source = await asyncio.to_thread(late_source, sighting, self._settings.read)
                    self._logger.warning(
                        "file is late",
                        run=source.run,
                        lumisection=sighting.lumisection.lumisection,
                        path=str(sighting.path),
                    )
                    self._begin(source, ())
