"""`dqm.references` in memory: the catalogue, and the contents of what stands in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

import structlog

from dqmstream.errors import MessageError
from dqmstream.messages.references import Reference, ReferenceContents
from dqmstream.messages.topics import REFERENCES
from dqmstream.messages.wire import CODEC
from dqmstream.references.catalogue import Catalogue
from dqmstream.references.contents import ReferenceData, unpack
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.followed import FollowedTopic
from dqmstream.transport.log import Log, Record
from services.references.held import HeldContents

__all__ = ["KnownCatalogue"]

_RECORDS: Final = 64


class KnownCatalogue:
    """The catalogue as far as it was read.

    Parameters
    ----------
    log
        Where versions are published.
    service
        Who reads, for the log of the process.
    """

    def __init__(self, log: Log, service: str, held: HeldContents | None = None) -> None:
        self._log = log
        self._held = held or HeldContents(service)
        self._offsets: dict[str, dict[int, tuple[int, int]]] = {}
        self._topic = FollowedTopic(log, REFERENCES, _RECORDS)
        self._logger = structlog.get_logger().bind(service=service)
        self.catalogue = Catalogue()
        self.news_count = 0
        """Rises with everything that comes."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Self]:
        """All that is in the log now is known; `news` has what comes after."""
        async with self._topic.reading(self._take):
            await self._settle()
            yield self

    async def news(self, timeout: float = 0.0) -> bool:
        """Take in what has come, waiting so long for the first of it; whether anything has."""
        came = False
        async for record in self._topic.news(timeout):
            came = True
            self._take(record)
        if came:
            await self._settle()
        return came

    def data(self, reference: Reference) -> ReferenceData | None:
        """Contents of a version, if they are in memory: those of all that stand are."""
        return self._held.unpacked(reference)

    async def fetched(self, reference: Reference) -> ReferenceData:
        """Contents of any version, read from the log again if need be.

        Raises
        ------
        MessageError
            With reason `bad_reference` if they are not in the log whole.
        """
        found = await asyncio.to_thread(self.data, reference)
        if found is not None:
            return found
        parts = await self.parts(reference)
        return await asyncio.to_thread(unpack, reference.digest, [part.body for part in parts])

    async def parts(self, reference: Reference) -> list[ReferenceContents]:
        """All parts of the contents of a version, in order, from the log.

        Raises
        ------
        MessageError
            With reason `bad_reference` if they are not in the log whole.
        """
        places = self._offsets.get(reference.digest, {})
        found: dict[int, ReferenceContents] = {}
        for partition, first in sorted(set(places.values())):
            if len(found) == reference.parts:
                break
            async for record in read_to_end(self._log, REFERENCES, {partition: first}):
                part = self._part_of(record, reference.digest)
                if part is not None:
                    found[part.part] = part
                if len(found) == reference.parts:
                    break
        if len(found) < reference.parts:
            detail = (
                f"reference {reference.id}: {len(found)} of {reference.parts} parts of its "
                "contents are in the log"
            )
            raise MessageError("bad_reference", detail)
        return [found[number] for number in sorted(found)]

    # ----------------------------------------------------------------- reading

    def _take(self, record: Record) -> None:
        if record.value is None:
            return
        try:
            message = CODEC.decode(record.headers, record.value)
            if isinstance(message, Reference):
                self.catalogue.take(message)
        except MessageError as error:
            self._logger.error(
                "record refused", topic=record.topic, offset=record.offset, error=str(error)
            )
            return
        if isinstance(message, ReferenceContents):
            self._held.take(message)
            places = self._offsets.setdefault(message.digest, {})
            places[message.part] = (record.partition, record.offset)
        self.news_count += 1

    async def _settle(self) -> None:
        """Hold the contents of all versions that stand or are proposed, and of no others."""
        versions = self.catalogue.versions
        needed = [one for one in versions if one.status == "proposed" or self.catalogue.stands(one)]
        self._held.keep_only({one.digest for one in needed}, {one.digest for one in versions})
        for one in needed:
            # One that was retired, and stands again.
            if not self._held.whole(one.digest) and one.digest in self._offsets:
                try:
                    for part in await self.parts(one):
                        self._held.take(part)
                except MessageError as error:
                    self._logger.error("reference refused", reference=one.id, error=str(error))

    def _part_of(self, record: Record, digest: str) -> ReferenceContents | None:
        if record.value is None or record.key is None:
            return None
        if not record.key.startswith(f"contents/{digest}/".encode()):
            return None
        try:
            message = CODEC.decode(record.headers, record.value)
        except MessageError:
            return None
        return message if isinstance(message, ReferenceContents) else None
