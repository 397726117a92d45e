"""The desk of quality tests: which are in force, what others would say, who put them in force."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from dqmstream.clock import Clock
from dqmstream.configuration.history import QUALITY_TESTS, History
from dqmstream.errors import ConfigurationError, MessageError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.quality import QualityReports
from dqmstream.quality.compiled import CompiledWorkspace, compile_tests
from dqmstream.quality.declaration import QualityTest, default_tests, read_tests
from dqmstream.quality.dry_run import Difference
from dqmstream.quality.plugins import Plugins
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.references.contents import ReferenceData
from dqmstream.transport.log import Log
from services.configuration.known import KnownHistory, version_records
from services.gateway.archive import Archive, Shelf, stored_shelf
from services.gateway.explaining import judged_again, reports_of
from services.gateway.patience import log_within
from services.gateway.problems import ProblemError, not_found
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.rejudging import StandingReferences, rejudge, stored_window
from services.plugins.workers import Workers

__all__ = ["QualityDesk"]

_LOOK: Final = 1.0
_PATIENCE: Final = 20.0


class QualityDesk:
    """Versions of quality tests as this gateway knows them, and the one who writes them.

    Parameters
    ----------
    log
        Where versions and decisions are published.
    archive
        The store that changes are tried on; None if there is none.
    references
        What tests compare with.
    started_with
        Quality tests that processes are started with; by default the shipped ones.
    plugins
        Algorithms that tests can use; by default those of this release.
    """

    def __init__(
        self,
        log: Log,
        archive: Archive | None,
        references: ReferenceDesk,
        clock: Clock,
        started_with: Sequence[QualityTest] | None = None,
        *,
        plugins: Plugins | None = None,
    ) -> None:
        self._log = log
        self._archive = archive
        self._references = references
        self._clock = clock
        self._started_with = started_with
        plugins = plugins or Plugins(algorithms=ALGORITHMS, sources={})
        self._workers = Workers(plugins)
        self._algorithms = self._workers.around(plugins.algorithms)
        self._known = KnownHistory(log, QUALITY_TESTS, "gateway")
        self._read = asyncio.Event()
        self._news = asyncio.Condition()
        self._writing = asyncio.Lock()
        self._trying = asyncio.Lock()

    async def run(self) -> None:
        """Follow the versions, for ever."""
        try:
            async with self._known.reading():
                self._read.set()
                while True:
                    if await self._known.news(_LOOK):
                        async with self._news:
                            self._news.notify_all()
        finally:
            self._workers.close()

    async def history(self) -> History:
        """All versions; ProblemError 503 if they are not read yet."""
        async with log_within(_PATIENCE):
            await self._read.wait()
        return self._known.history

    def check(self, text: str) -> tuple[QualityTest, ...]:
        """The tests of a text; ProblemError 422 with the first thing wrong."""
        try:
            return read_tests(text, "the quality tests", self._algorithms)
        except ConfigurationError as error:
            raise ProblemError(422, str(error)) from error

    async def activate(self, text: str, who: str, why: str) -> ConfigurationVersion:
        """Put tests in force.

        Raises
        ------
        ProblemError
            422 if they cannot be read, 409 if they are in force, 503 without a log.
        """
        await asyncio.to_thread(self.check, text)

        async def version(history: History) -> ConfigurationVersion:
            return history.next_version(text, who=who, why=why, when=self._clock.wall())

        return await self._write("activate", version)

    async def roll_back(self, to: int | None, who: str, why: str) -> ConfigurationVersion:
        """Put earlier tests in force; ProblemError 409 if there are none, or they cannot be read
        any more, 503 without a log."""

        async def version(history: History) -> ConfigurationVersion:
            found = history.rolled_back(to=to, who=who, why=why, when=self._clock.wall())
            if found.text:
                name = f"version {found.restores}"
                await asyncio.to_thread(read_tests, found.text, name, self._algorithms)
            return found

        return await self._write("rollback", version)

    # ------------------------------------------------------------------ dry run

    async def dry_run(self, text: str, run: int, last: int) -> Difference:
        """What a text would say otherwise of the last LSs of a stored run.

        Raises
        ------
        ProblemError
            404 if the run is not stored, 422 if the text cannot be read, 503 if another is tried.
        """
        archive = self._stored()
        active = (await self.history()).active
        async with self._turn():
            return await asyncio.to_thread(self._differ, archive, active, text, run, last)

    def _differ(
        self,
        archive: Archive,
        active: ConfigurationVersion | None,
        text: str,
        run: int,
        last: int,
    ) -> Difference:
        tests, found = self.check(text), Difference()
        shelf = stored_shelf(archive, run)
        before = self._compiled(self._tests_of(active), shelf)
        after = self._compiled(tests, shelf)
        known = self._references.known
        references = StandingReferences(known.catalogue, known.data)
        for name, layout in shelf.layouts.items():
            sides = [each.get(layout.hash) for each in (before, after)]
            closed = [n for n, one in sorted(shelf.records_of(name).items()) if one.closed]
            for number in closed[-last:]:
                pair: list[list[QualityReports]] = []
                for side in sides:
                    scopes = side.scopes if side else ()
                    # Windows of several LSs end with the newest one alone.
                    chosen = [s for s in scopes if s == "lumisection" or number == closed[-1]]
                    windows = [stored_window(shelf, run, name, number, each) for each in chosen]
                    pair.append(
                        [rejudge(archive, one, side, references) for one in windows if side]
                    )
                found.add(*pair)
        return found

    # ------------------------------------------------------------------ explain

    async def again(
        self, run: int, lumisection: int, workspace: str, scope: str
    ) -> tuple[QualityReports, QualityReports, list[str]]:
        """Reports as they are stored, the same judged again on the same, and what is not the same.

        Raises
        ------
        ProblemError
            404 if there are no such reports in the store, 409 if what they are of is gone.
        """
        archive = self._stored()
        versions = list((await self.history()).versions)
        shelf = await asyncio.to_thread(stored_shelf, archive, run)
        then = await asyncio.to_thread(
            reports_of, archive, shelf, (run, lumisection), workspace, scope
        )
        held, gone = await self._contents_of(then)
        async with self._turn():
            return await asyncio.to_thread(
                self._again, archive, shelf, then, versions=versions, held=held, gone=gone
            )

    def _again(
        self,
        archive: Archive,
        shelf: Shelf,
        then: QualityReports,
        *,
        versions: Sequence[ConfigurationVersion],
        held: dict[str, ReferenceData],
        gone: list[str],
    ) -> tuple[QualityReports, QualityReports, list[str]]:
        workspace, unknown = self._workspace_of_then(then, versions, shelf)
        catalogue = self._references.known.catalogue
        now, others = judged_again(archive, shelf, then, workspace, catalogue=catalogue, held=held)
        return then, now, [*gone, *unknown, *others]

    def _workspace_of_then(
        self, then: QualityReports, versions: Sequence[ConfigurationVersion], shelf: Shelf
    ) -> tuple[CompiledWorkspace, list[str]]:
        """The tests by whose hash it was judged, of whichever version; else those in force."""
        layout = shelf.layouts[then.workspace]
        newest: CompiledWorkspace | None = None
        texts: list[ConfigurationVersion | None] = [*reversed(versions), None]
        for version in texts:
            try:
                compiled = self._compiled(self._tests_of(version), shelf).get(layout.hash)
            except ConfigurationError:
                continue
            if compiled is None:
                continue
            if compiled.configuration == then.configuration:
                return compiled, []
            newest = newest or compiled
        if newest is None:
            raise ProblemError(409, f"no quality tests of workspace {then.workspace!r} are known")
        note = f"tests {then.configuration} are not known: those of hash {newest.configuration} are"
        return newest, [note]

    async def _contents_of(
        self, then: QualityReports
    ) -> tuple[dict[str, ReferenceData], list[str]]:
        catalogue, held, gone = self._references.known.catalogue, {}, []
        await self._references.ready()
        for version in sorted({one for report in then.reports for one in report.references}):
            reference = catalogue.get(version)
            try:
                if reference is None:
                    gone.append(f"reference {version} is not in the catalogue")
                else:
                    held[version] = await self._references.data(reference)
            except (MessageError, ProblemError) as error:
                gone.append(f"reference {version}: {error}")
        return held, gone

    # ------------------------------------------------------------------- inside

    def _tests_of(self, version: ConfigurationVersion | None) -> Sequence[QualityTest]:
        if version is None or version.restores == 0:
            return default_tests() if self._started_with is None else self._started_with
        return read_tests(version.text, f"version {version.number}", self._algorithms)

    def _compiled(self, tests: Sequence[QualityTest], shelf: Shelf) -> dict[str, CompiledWorkspace]:
        return dict(compile_tests(tests, shelf.layouts.values(), self._algorithms).workspaces)

    def _stored(self) -> Archive:
        if self._archive is None:
            raise not_found("this gateway has no store that tests could be tried on")
        return self._archive

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One at a time: judging is work."""
        if self._trying.locked():
            detail = "others are judging what is stored: ask again"
            raise ProblemError(503, detail, {"retry-after": "2"})
        async with self._trying:
            yield

    async def _write(
        self, action: str, version_of: Callable[[History], Awaitable[ConfigurationVersion]]
    ) -> ConfigurationVersion:
        async with self._writing:
            try:
                version = await version_of(await self.history())
            except ConfigurationError as error:
                raise ProblemError(409, str(error)) from error
            async with log_within(_PATIENCE):
                for record in version_records(version, action):
                    await self._log.send([record])
            async with log_within(_PATIENCE), self._news:
                await self._news.wait_for(lambda: self._known.history.get(version.number))
            return version
