"""The branches that an INIT message announces.

Its payload is one pointer record of an `edm::SendJobHeader`, which begins with a member-wise vector
of `edm::BranchDescription`. What follows is of no use here. Layout: CMSSW `DataFormats/Streamer`.
"""

from collections.abc import Sequence
from typing import Final

from dqmstream.errors import SourceError
from dqmstream.sources.cms.classes.framing import (
    COUNTED,
    LONG_TEXT,
    MEMBER_WISE,
    NEW_CLASS,
    STANDARD,
)
from dqmstream.sources.cms.classes.tables import plain_name
from dqmstream.sources.cms.decoding.branch import Branch

__all__ = ["read_branches"]

_RECORD: Final = NEW_CLASS + b"edm::SendJobHeader\0"
_VERSIONS: Final = (11, 12)
_DESCRIPTION_VERSION: Final = 13
_BRANCH_ID_VERSION: Final = 10
_LEAST: Final = 4 + 3 + 10
"""Bytes of a description: its type, three texts or more, its id."""
_REASON: Final = "init_branches"


def read_branches(payload: bytes) -> tuple[Branch, ...]:
    """Branches in the order in which events have their products.

    Parameters
    ----------
    payload
        Of an INIT message.

    Raises
    ------
    SourceError
        `init_branches` when it is not of a known class and version, or contradicts itself.
    """
    reader = _Reader(payload)
    n = reader.open()
    if n == 0:
        return ()
    reader.take(4 * n)
    labels, processes = reader.texts(n), reader.texts(n)
    ids = [reader.branch_id() for _ in range(n)]
    classes, friendly, instances = reader.texts(n), reader.texts(n), reader.texts(n)
    branches = tuple(
        Branch(plain_name(class_name), label, instance, process, short)
        for class_name, label, instance, process, short in zip(
            classes, labels, instances, processes, friendly, strict=True
        )
    )
    for branch, found in zip(branches, ids, strict=True):
        if branch.id != found:
            detail = f"branch {branch.name} has id {branch.id:08x}, announced {found:08x}"
            raise reader.error(detail)
    return branches


class _Reader:
    """Reads the fields of the vector one after the other, never beyond its end."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._end = len(payload)
        self._at = 0

    def open(self) -> int:
        """Number of branches; the vector becomes all there is to read."""
        end = self._stop()
        if end != self._end or self.take(len(_RECORD)) != _RECORD:
            detail = f"begins with {self._payload[:32]!r}, expected an edm::SendJobHeader"
            raise self.error(detail)
        self._header(_VERSIONS, "edm::SendJobHeader")
        self._end = self._header((MEMBER_WISE,), "vector of branches")
        version = self._unsigned(2)
        if version != _DESCRIPTION_VERSION:
            detail = f"edm::BranchDescription v{version}, known is {_DESCRIPTION_VERSION}"
            raise self.error(detail)
        n = self._unsigned(4)
        if n > (self._end - self._at) // _LEAST:
            detail = f"{n} branches in {self._end - self._at} bytes"
            raise self.error(detail)
        return n

    def take(self, size: int) -> bytes:
        """The next bytes."""
        start, stop = self._at, self._at + size
        if stop > self._end:
            detail = f"{size} bytes wanted, {self._end - start} are left"
            raise self.error(detail)
        self._at = stop
        return self._payload[start:stop]

    def texts(self, n: int) -> list[str]:
        """A column of strings: one header, then the texts."""
        stop = self._header((STANDARD,), "string")
        texts = []
        for _ in range(n):
            length = self._unsigned(1)
            texts.append(self.take(self._unsigned(4) if length == LONG_TEXT else length))
        if self._at != stop:
            detail = f"column of {n} strings ends at byte {stop}"
            raise self.error(detail)
        return [text.decode("latin-1") for text in texts]

    def branch_id(self) -> int:
        """An object of one number."""
        stop = self._header((_BRANCH_ID_VERSION,), "edm::BranchID")
        found = self._unsigned(4)
        if self._at != stop:
            detail = f"edm::BranchID ends at byte {stop}"
            raise self.error(detail)
        return found

    def error(self, detail: str) -> SourceError:
        """What is wrong, and where in which payload."""
        size = len(self._payload)
        return SourceError(_REASON, f"byte {self._at} of an INIT payload of {size}: {detail}")

    def _unsigned(self, size: int) -> int:
        return int.from_bytes(self.take(size))

    def _stop(self) -> int:
        """Where the object ends whose byte count comes next."""
        count = self._unsigned(4)
        stop = self._at + (count & ~COUNTED)
        if not count & COUNTED or stop > self._end:
            detail = f"byte count {count:#x}, {self._end - self._at} bytes are left"
            raise self.error(detail)
        return stop

    def _header(self, versions: Sequence[int], name: str) -> int:
        """Where the object ends, of a known version, whose header comes next."""
        stop, version = self._stop(), self._unsigned(2)
        if version not in versions:
            known = " or ".join(map(str, versions))
            detail = f"{name} v{version}, known is {known}"
            raise self.error(detail)
        return stop
