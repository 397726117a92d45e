"""The desk of references: what experts make, upload, accept and retire, onto the log."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from dqmstream.clock import Clock
from dqmstream.errors import MessageError, RemovedError, SourceError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.references import Reference, ReferenceStatus
from dqmstream.references.contents import Packed, ReferenceData, pack
from dqmstream.references.identity import next_version, same_but_for_number, shown_name
from dqmstream.references.making import Decision, Described, Made, decided, matching, reference_of
from dqmstream.references.uploaded import Uploaded, fit_upload
from dqmstream.references.validity import has_expired
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.histogram import Found
from dqmstream.sources.histograms.reading import open_files
from dqmstream.sources.histograms.room import Room
from dqmstream.sources.histograms.uhi import read_uhi
from dqmstream.transport.log import Log, Outgoing
from services.gateway.archive import Archive
from services.gateway.followed_versions import FollowedVersions
from services.gateway.library import Library
from services.gateway.limits import ByteBudget
from services.gateway.patience import log_within, write_in_turn
from services.gateway.problems import ProblemError, not_found
from services.gateway.reference_models import reference_row
from services.gateway.reference_reading import AskedData, read_data
from services.references.known import KnownCatalogue
from services.references.publishing import contents_records, decision_records

__all__ = ["ReferenceDesk"]

_SEND_SECONDS: Final = 20.0
_HELD: Final = 128 << 20
"""Bytes of uploads that are read at the same time."""
_UNPACKED: Final = 512 << 20
"""Bytes of an upload once it is unpacked."""


class ReferenceDesk:
    """The catalogue as this gateway knows it, and the one who writes to it.

    Parameters
    ----------
    log
        Where versions and decisions are published.
    archive
        The store that references are made out of; None if there is none.
    clock
        For the moments of decisions.
    """

    def __init__(self, log: Log, archive: Archive | None, clock: Clock) -> None:
        self.log = log
        self.archive = archive
        self.budget = ByteBudget(_HELD, _HELD)
        self._clock = clock
        self._writing = asyncio.Lock()
        self.known = KnownCatalogue(log, "gateway")
        self._followed = FollowedVersions(self.known)

    async def run(self) -> None:
        """Follow the catalogue, for ever."""
        await self._followed.run()

    async def ready(self) -> None:
        """Wait until the catalogue was read; ProblemError 503 if that takes long."""
        await self._followed.read()

    def row(self, reference: Reference) -> dict[str, Any]:
        """A version, and whether it is one that is used."""
        expired = has_expired(reference, self._clock.wall())
        stands = self.known.catalogue.stands(reference) and not expired
        return reference_row(reference, stands=stands, expired=expired)

    def standing(self) -> tuple[Reference, ...]:
        """Versions that are used: by workspace, in the order in which they are tried."""
        catalogue, now = self.known.catalogue, self._clock.wall()
        workspaces = sorted({one.workspace for one in catalogue.versions})
        chains = (one for each in workspaces for one in catalogue.chain(each))
        return tuple(one for one in chains if not has_expired(one, now))

    async def version(self, version: str) -> Reference:
        """The version of that id; ProblemError 404 if there is none."""
        await self.ready()
        found = self.known.catalogue.get(version)
        if found is None:
            msg = f"no reference has the version {version!r:.80}"
            raise not_found(msg)
        return found

    async def data(self, reference: Reference) -> ReferenceData:
        """Contents of a version; ProblemError 503 if the log has them not whole."""
        try:
            async with log_within(_SEND_SECONDS):
                return await self.known.fetched(reference)
        except MessageError as error:
            raise ProblemError(503, str(error)) from error

    # ------------------------------------------------------------------ making

    async def make(self, described: Described, asked: AskedData, decision: Decision) -> Reference:
        """A version out of the store; if it is there already, that one.

        Raises
        ------
        ProblemError
            As of `read_data`; 404 without a store, 413 if it is too large, 503 without a log.
        """
        if self.archive is None:
            raise not_found("this gateway has no store that a reference could be made out of")
        archive = self.archive

        def work() -> tuple[ReferenceData, Made]:
            try:
                return read_data(archive, described.workspace, asked, described.paths)
            except RemovedError as error:
                raise ProblemError(409, str(error)) from error

        data, made = await asyncio.to_thread(work)
        return await self._publish(described, made, data, decision, "make")

    async def upload(
        self,
        described: Described,
        body: bytes,
        decision: Decision,
        *,
        file: str,
        booked: Layout | None = None,
        run: int | None = None,
    ) -> tuple[Reference, Uploaded]:
        """A version out of a file: ROOT, or UHI's JSON by its first character.

        Raises
        ------
        ProblemError
            422 if nothing in it can be taken, 413 if it is too large, 503 without a log.
        """

        def work() -> Uploaded:
            try:
                found = _histograms(body, file, run)
                return fit_upload(found, described.workspace, booked, run)
            except SourceError as error:
                raise ProblemError(422, str(error)) from error
            except MessageError as error:
                raise ProblemError(422, error.detail) from error

        uploaded = await asyncio.to_thread(work)
        contents = matching(uploaded.contents, described.paths)
        data = ReferenceData(contents=contents)
        made = Made(kind="file", file=file)
        return await self._publish(described, made, data, decision, "upload"), uploaded

    async def booked(self, library: Library, workspace: str) -> Layout | None:
        """The workspace as the newest run has it booked; None if there is none."""
        try:
            run = await library.run_number("current")
        except ProblemError:
            return None
        layouts = await library.layouts(run)
        return next((one for one in layouts if one.workspace == workspace), None)

    async def decide(self, version: str, action: str, decision: Decision) -> Reference:
        """Accept or retire a version; as it then stands.

        Raises
        ------
        ProblemError
            404 if there is none, 409 if that is what it is already, 503 without a log.
        """
        async with self._writing:
            reference = await self.version(version)
            if reference.status == decision.status:
                detail = f"reference {shown_name(reference)} is {reference.status} already"
                raise ProblemError(409, f"{detail}: by {reference.who}, {reference.why!r}")
            after = decided(reference, decision)
            await self._write(decision_records(after, action))
            await self._known_as(after)
            return after

    # ------------------------------------------------------------------ inside

    async def _publish(
        self,
        described: Described,
        made: Made,
        data: ReferenceData,
        decision: Decision,
        action: str,
    ) -> Reference:
        def work() -> tuple[Reference, Packed]:
            packed = pack(data)
            return reference_of(described, made, data, packed, decision), packed

        try:
            unnumbered, packed = await asyncio.to_thread(work)
        except MessageError as error:
            status = 413 if error.reason == "reference_too_large" else 422
            raise ProblemError(status, error.detail) from error
        async with self._writing:
            await self.ready()
            same = self._same(unnumbered)
            if same is not None:
                return same
            reference = next_version(unnumbered, self.known.catalogue.versions)
            # A version comes after its contents: who reads it has them.
            await self._write(contents_records(packed.messages))
            await self._write(decision_records(reference, action, _arguments(reference)))
            await self._known_as(reference)
            return reference

    def _same(self, reference: Reference) -> Reference | None:
        """The newest version of the name, if it says the same: asked twice, it is made once."""
        before = self.known.catalogue.history(reference.name, reference.workspace)
        if before and before[-1].status != "retired" and same_but_for_number(before[-1], reference):
            return before[-1]
        return None

    async def _write(self, records: Sequence[Outgoing]) -> None:
        await write_in_turn(self.log, records, _SEND_SECONDS)

    async def _known_as(self, reference: Reference) -> None:
        """Wait until this gateway has read what it has written."""

        def is_known() -> bool:
            held = self.known.catalogue.get(reference.id)
            return held is not None and held.changed >= reference.changed

        await self._followed.until(is_known)

    def decision(self, status: ReferenceStatus, who: str, why: str) -> Decision:
        """A decision taken now."""
        return Decision(status=status, who=who, why=why, when=self._clock.wall())


def _arguments(reference: Reference) -> dict[str, str]:
    runs = ",".join(str(window.run) for window in reference.windows[:20])
    said = {"kind": reference.kind, "runs": runs, "file": reference.file}
    return {name: value for name, value in said.items() if value}


def _histograms(body: bytes, file: str, run: int | None) -> list[Found]:
    if body[:4] != b"root":
        return list(read_uhi(body, file, run=run or 1))
    with TemporaryDirectory(prefix="dqmstream-reference-") as folder:
        path = Path(folder) / "reference.root"
        path.write_bytes(body)
        (opened,) = open_files([path], Description(run=run))
        try:
            # Under the name that it was uploaded as.
            return [replace(one, source=file) for one in opened.histograms(Room(_UNPACKED))]
        except SourceError as error:
            detail = f"{file} is no ROOT file that can be read ({error.reason})"
            raise SourceError(error.reason, detail) from error
