"""The desk of quality tests: which are in force, what others would say, who put them in force."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from dqmstream.clock import Clock
from dqmstream.configuration.history import QUALITY_TESTS
from dqmstream.errors import ConfigurationError, MessageError, StoreError, WindowError
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.messages.quality import QualityReports
from dqmstream.messages.references import Reference
from dqmstream.quality.alarm_policy import AlarmPolicy
from dqmstream.quality.compiled import CompiledWorkspace, compile_tests
from dqmstream.quality.declaration import QualityTest, default_tests, read_tests
from dqmstream.quality.plugins import Plugins
from dqmstream.quality.registry import ALGORITHMS
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.contents import ReferenceData
from dqmstream.transport.log import Log
from services.gateway.archive import Archive, Shelf, stored_shelf
from services.gateway.dry_running import DryRun, Sides, dry_run
from services.gateway.explaining import Again, judged_again, reports_of
from services.gateway.problems import ProblemError, not_found
from services.gateway.reference_desk import ReferenceDesk
from services.gateway.references_again import ReferencesOfThen, StandingReferences
from services.gateway.stored_workspace import StoredWorkspace
from services.gateway.version_desk import VersionDesk
from services.plugins.bounds import WorkerSettings
from services.plugins.workers import Workers

__all__ = ["QualityDesk"]


class QualityDesk(VersionDesk[tuple[QualityTest, ...]]):
    """Versions of quality tests.

    Parameters
    ----------
    archive
        The store that changes are tried on; None if there is none.
    references
        What tests compare with.
    started_with
        Quality tests that processes are started with; by default the shipped ones.
    plugins
        Algorithms that tests can use; by default those of this release.
    workers
        Bounds of what runs those of plug-ins.
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
        workers: WorkerSettings | None = None,
    ) -> None:
        plugins = plugins or Plugins(algorithms=ALGORITHMS, sources={})
        self._workers = Workers(plugins, workers)
        self._algorithms = self._workers.around(plugins.algorithms)
        super().__init__(log, QUALITY_TESTS, self._read_tests, clock)
        self._archive = archive
        self._references = references
        self._started_with = started_with
        self._trying = asyncio.Lock()

    async def run(self) -> None:
        """Follow the versions, for ever."""
        try:
            await super().run()
        finally:
            # Workers are listened to until they have ended, which is waited for.
            await asyncio.to_thread(self._workers.close)

    async def policies(self) -> Mapping[str, AlarmPolicy]:
        """When outcomes of each quality test in force are alarms, by its name."""
        tests = await self._tests_in_force()
        return {test.name: test.alarm for test in tests}

    # ------------------------------------------------------------------ dry run

    async def dry_run(self, text: str, run: int, last: int | None) -> DryRun:
        """What a text would say otherwise of the last LSs of a stored run; None: of all.

        Raises
        ------
        ProblemError
            404 if the run is not stored, 409 if LSs of it are gone, 422 if the text cannot be read,
            503 if another is tried.
        """
        archive = self._stored()
        in_force = await self._tests_in_force()
        references = await self._references_that_stand()
        tests = await self.check(text)

        def work() -> DryRun:
            shelf = stored_shelf(archive, run)
            before = self._compiled(in_force, shelf)
            after = self._compiled(tests, shelf)
            try:
                return dry_run(
                    [StoredWorkspace(archive, shelf, run, name) for name in shelf.layouts],
                    lambda one: Sides(before.get(one.layout.hash), after.get(one.layout.hash)),
                    references,
                    last=last,
                    moment=self._clock.wall(),
                )
            except (StoreError, WindowError) as error:
                detail = f"run {run} is not stored LS by LS, so tests cannot be tried on it: "
                raise ProblemError(409, f"{detail}{error}") from error

        async with self._turn():
            return await asyncio.to_thread(work)

    # ------------------------------------------------------------------ explain

    async def again(self, run: int, lumisection: int, workspace: str, scope: str) -> Again:
        """Reports as they are stored, and the same judged again on the same.

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
        catalogue = await self._catalogue()
        held, gone = await self._contents_of(then, catalogue)

        def data(reference: Reference) -> ReferenceData | None:
            return held.get(reference.id) or self._references.known.data(reference)

        def work() -> Again:
            stored = StoredWorkspace(archive, shelf, run, workspace)
            compiled, unknown = self._workspace_of_then(then, versions, shelf)
            references = ReferencesOfThen(then, compiled, catalogue, data)
            found = judged_again(stored, then, compiled, references)
            return found._replace(notes=[*gone, *unknown, *found.notes])

        async with self._turn():
            return await asyncio.to_thread(work)

    def _workspace_of_then(
        self, then: QualityReports, versions: Sequence[ConfigurationVersion], shelf: Shelf
    ) -> tuple[CompiledWorkspace, list[str]]:
        """The tests by whose hash it was judged, of whichever version; else those in force."""
        layout = shelf.layouts[then.workspace]
        newest: CompiledWorkspace | None = None
        unread = []
        texts: list[ConfigurationVersion | None] = [*reversed(versions), None]
        for version in texts:
            try:
                compiled = self._compiled(self._tests_of(version), shelf).get(layout.hash)
            except ConfigurationError as error:
                unread.append(f"tests cannot be read here: {error}")
                continue
            if compiled is None:
                continue
            if compiled.configuration == then.configuration:
                return compiled, []
            newest = newest or compiled
        if newest is None:
            raise ProblemError(409, f"no quality tests of workspace {then.workspace!r} are known")
        note = (
            f"tests {then.configuration or 'of no hash'} are not known here, neither activated nor "
            f"what this gateway was started with: judged by those of hash {newest.configuration}"
        )
        return newest, [note, *unread]

    async def _contents_of(
        self, then: QualityReports, catalogue: Catalogue
    ) -> tuple[dict[str, ReferenceData], list[str]]:
        held, gone = dict[str, ReferenceData](), list[str]()
        for version in sorted({one for report in then.reports for one in report.references}):
            reference = catalogue.get(version)
            try:
                if reference is None:
                    gone.append(f"reference {version} is not in the catalogue any more")
                else:
                    held[version] = await self._references.data(reference)
            except (MessageError, ProblemError) as error:
                gone.append(f"reference {version} is gone: {error}")
        return held, gone

    # ------------------------------------------------------------------- inside

    async def _tests_in_force(self) -> tuple[QualityTest, ...]:
        return await self.in_force(await asyncio.to_thread(self._tests_at_start))

    def _tests_at_start(self) -> tuple[QualityTest, ...]:
        return tuple(default_tests() if self._started_with is None else self._started_with)

    def _tests_of(self, version: ConfigurationVersion | None) -> tuple[QualityTest, ...]:
        if version is None or version.restores == 0:
            return self._tests_at_start()
        return self._read_tests(version.text, f"version {version.number}")

    def _read_tests(self, text: str, name: str) -> tuple[QualityTest, ...]:
        return read_tests(text, name, self._algorithms)

    def _compiled(self, tests: Sequence[QualityTest], shelf: Shelf) -> dict[str, CompiledWorkspace]:
        return dict(compile_tests(tests, shelf.layouts.values(), self._algorithms).workspaces)

    async def _catalogue(self) -> Catalogue:
        """The catalogue as it is now, for another thread: what comes does not change it."""
        await self._references.ready()
        versions = self._references.known.catalogue.versions
        return await asyncio.to_thread(Catalogue, versions)

    async def _references_that_stand(self) -> StandingReferences:
        return StandingReferences(await self._catalogue(), self._references.known.data)

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
