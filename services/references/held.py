"""Contents of references in memory: packed as they travel, and some of them unpacked."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Final

import structlog

from dqmstream.errors import MessageError
from dqmstream.messages.references import Reference, ReferenceContents
from dqmstream.references.contents import ReferenceData, unpack

__all__ = ["HeldContents", "bytes_of"]

_PACKED: Final = 512 << 20
_UNPACKED: Final = 256 << 20


def bytes_of(data: ReferenceData) -> int:
    """Bytes that unpacked contents take."""
    bands = sum(4 * one.centre.nbytes for one in data.bands.values())
    return data.contents.cells.nbytes + bands


class HeldContents:
    """Contents by digest; any thread may ask.

    Parameters
    ----------
    service
        Who holds them, for the log.
    packed, unpacked
        Bytes to hold of each. Of what nobody is to be compared with, the oldest go first.
    """

    def __init__(self, service: str, *, packed: int = _PACKED, unpacked: int = _UNPACKED) -> None:
        self._most_packed = packed
        self._most_unpacked = unpacked
        self._parts: OrderedDict[str, dict[int, ReferenceContents]] = OrderedDict()
        self._unpacked: OrderedDict[str, ReferenceData] = OrderedDict()
        self._unpacked_bytes = 0
        self._broken: dict[str, str] = {}
        self._lock = Lock()
        self._logger = structlog.get_logger().bind(service=service)

    def take(self, part: ReferenceContents) -> None:
        """Take one part in; one of another cut replaces all there are."""
        held = self._parts.setdefault(part.digest, {})
        if any(one.parts != part.parts for one in held.values()):
            held.clear()
        held[part.part] = part

    def whole(self, digest: str) -> bool:
        """Whether all parts are here."""
        held = self._parts.get(digest, {})
        return bool(held) and len(held) == next(iter(held.values())).parts

    def unpacked(self, reference: Reference) -> ReferenceData | None:
        """Contents of a version; None if they are not here, or broken."""
        digest = reference.digest
        with self._lock:
            found = self._unpacked.get(digest)
            if found is not None:
                self._unpacked.move_to_end(digest)
                return found
        if not self.whole(digest) or digest in self._broken:
            return None
        parts = self._parts[digest]
        try:
            found = unpack(digest, [parts[number].body for number in sorted(parts)])
        except MessageError as error:
            self._broken[digest] = str(error)
            self._logger.error("reference refused", reference=reference.id, error=str(error))
            return None
        with self._lock:
            if digest not in self._unpacked:
                self._unpacked[digest] = found
                self._unpacked_bytes += bytes_of(found)
            while self._unpacked_bytes > self._most_unpacked and len(self._unpacked) > 1:
                _, oldest = self._unpacked.popitem(last=False)
                self._unpacked_bytes -= bytes_of(oldest)
        return found

    def keep_only(self, needed: Iterable[str], known: Iterable[str]) -> None:
        """Let go of contents that no version needs; of those not `known` yet the oldest, if they
        are too many: a version comes after its contents."""
        needed, known = set(needed), set(known)
        for digest in [one for one in self._parts if one in known - needed]:
            del self._parts[digest]
        size = sum(len(part.body) for parts in self._parts.values() for part in parts.values())
        for digest in list(self._parts):
            if size <= self._most_packed:
                break
            size -= sum(len(part.body) for part in self._parts.pop(digest).values())
            self._logger.warning("contents of a reference are too many to hold", reference=digest)
