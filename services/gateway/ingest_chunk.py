"""One request of ingest: who speaks, and the body of a chunk on its way into the log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dqmstream.booking.columns import decode_batch
from dqmstream.errors import MessageError
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.producing.cutting import Piece
from services.gateway.ingest_body import expand, too_large
from services.gateway.ingest_memory import SourceId
from services.gateway.ingest_ndjson import arrow_of_lines

__all__ = ["ARROW", "NDJSON", "IngestSource", "Sent", "piece_of"]

ARROW: Final = "application/vnd.apache.arrow.stream"
NDJSON: Final = "application/x-ndjson"


@dataclass(frozen=True, kw_only=True, slots=True)
class IngestSource:
    """Who speaks, as the request says."""

    run: int
    name: str
    incarnation: str
    rereadable: bool
    first_lumisection: int = 1
    run_type: str = ""
    marks: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def id(self) -> SourceId:
        return SourceId(self.run, self.name, self.incarnation)


class Sent(NamedTuple):
    """The body of a chunk as it came, how it is to be read, and what is said of it."""

    raw: bytes
    media_type: str
    encoding: str
    seen: int | None
    dropped: int


def piece_of(sent: Sent, limit: int) -> Piece:
    """The body as it will stand in the log, validated whole.

    Computes: to be called in a worker thread.

    Raises
    ------
    MessageError
        If it is refused: with the reason, and the column where there is one.
    ProblemError
        413 if it, or what it becomes, has more than `limit` bytes; 400 if it is damaged.
    """
    body = expand(sent.raw, sent.encoding, limit=limit, whose="the chunk")
    if sent.media_type == NDJSON:
        body = arrow_of_lines(body)
        if len(body) > limit:
            raise too_large("the chunk", limit, f"its columns take {len(body)}")
    selected = decode_batch(body, selected=None).events
    seen = selected if sent.seen is None else sent.seen
    if seen < selected:
        detail = f"{seen} events seen, {selected} are in the body"
        raise MessageError("event_counts", detail)
    return Piece(body, body_checksum(body), seen, selected, sent.dropped)
