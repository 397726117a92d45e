"""What a chunk lacks because its source has no such thing, as against what is missing by mistake.

Streams of one run send different products. A body may say which of the columns that somebody reads
it has not, in the metadata of its Arrow schema: names by comma under

- `elsewhere`: another source of the run sends them, or may. An element that needs one gets nothing
  of this chunk, and is as good as it was: events of another stream are not events without tracks.
- `nowhere`: no source of the run has them. An element that needs one cannot be filled, and its
  quality tests are not run.

A name is that of a collection, of one of its members (`tracks.vertex`), or of a per-event column.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple, Self

import pyarrow as pa

from dqmstream.booking.evaluate import ElsewhereError, EvaluationError
from dqmstream.errors import MessageError
from dqmstream.messages.histograms import NO_SOURCE_HAS

__all__ = ["NONE_ABSENT", "Absence"]

_ELSEWHERE: Final = b"elsewhere"
_NOWHERE: Final = b"nowhere"
_MOST_BYTES: Final = 1 << 16


class Absence(NamedTuple):
    """Names of columns that a chunk lacks, and that other sources of its run have or have not."""

    elsewhere: frozenset[str] = frozenset()
    nowhere: frozenset[str] = frozenset()

    @classmethod
    def of(cls, asked: Iterable[str], own: Collection[str], offered: Collection[str]) -> Self:
        """That of a source.

        Parameters
        ----------
        asked
            Columns that somebody reads, as `required_columns` names them.
        own
            All columns that the source has.
        offered
            All that any source of the run has.
        """
        lacks = {name: _shortest(name, own) for name in set(asked).difference(own)}
        elsewhere = frozenset(short for name, short in lacks.items() if name in offered)
        return cls(elsewhere, frozenset(lacks.values()) - elsewhere)

    @classmethod
    def read(cls, schema: pa.Schema) -> Self:
        """What a body says; nothing for most.

        Raises
        ------
        MessageError
            With reason `bad_columns` if it is longer than all names of columns could be, or no
            text.
        """
        said = schema.metadata or {}
        return cls(_names(said.get(_ELSEWHERE, b"")), _names(said.get(_NOWHERE, b"")))

    def written(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch, which says so."""
        said: dict[Any, Any] = dict(batch.schema.metadata or {})
        for key, names in ((_ELSEWHERE, self.elsewhere), (_NOWHERE, self.nowhere)):
            if names:
                said[key] = ",".join(sorted(names)).encode()
        return batch.replace_schema_metadata(said) if any(self) else batch

    def error(self, name: str, otherwise: str = "") -> EvaluationError:
        """Why an expression cannot read a column, a member, or a collection that is not there.

        `otherwise` is what to say if nothing is known of it.
        """
        for one in (name, name.partition(".")[0]):
            if one in self.elsewhere:
                return ElsewhereError(f"other sources of this run send {one}")
            if one in self.nowhere:
                return EvaluationError(f"{NO_SOURCE_HAS}{one}")
        return EvaluationError(otherwise or f"column {name} is missing")


def _shortest(name: str, own: Collection[str]) -> str:
    """A collection's name stands for all its members, unless some of them are there."""
    collection = name.partition(".")[0]
    return name if collection in own else collection


NONE_ABSENT: Final = Absence()
"""Of a source that has all, or does not say."""


def _names(text: bytes) -> frozenset[str]:
    if len(text) > _MOST_BYTES:
        detail = f"names of absent columns take {len(text)} bytes, at most {_MOST_BYTES}"
        raise MessageError("bad_columns", detail)
    try:
        return frozenset(filter(None, text.decode().split(",")))
    except UnicodeDecodeError as error:
        detail = f"names of absent columns are no text: {error}"
        raise MessageError("bad_columns", detail) from None
