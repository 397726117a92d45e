"""Which pieces readers refuse: those that cannot be, and those that must not be summed."""

from collections.abc import Iterable
from typing import Final

from dqmstream.errors import MessageError, WindowError
from dqmstream.messages.histograms import HistogramSet

__all__ = ["check_incarnations", "check_same_kind", "check_sane"]

_MOST_PARTITIONS: Final = 1 << 12
_MOST_PARTS: Final = 1 << 12
_MOST_SEGMENTS: Final = 1 << 20
_MOST_CHUNKS: Final = 1 << 20


def check_incarnations(pieces: Iterable[HistogramSet]) -> None:
    """Refuse, by a WindowError, to sum two incarnations of one source that can be read again."""
    first: dict[str, str] = {}
    for piece in pieces:
        for source in piece.account.sources:
            if not source.rereadable:
                continue
            other = first.setdefault(source.source, source.incarnation)
            if other != source.incarnation:
                msg = (
                    f"run {piece.run} LS {piece.lumisection} workspace {piece.workspace!r}: source "
                    f"{source.source!r} can be read again and is here as incarnations {other!r} "
                    f"and {source.incarnation!r}; they hold the same events and are never summed"
                )
                raise WindowError(msg)


def check_sane(piece: HistogramSet) -> None:
    """Refuse, by a MessageError, what would claim memory, or count as an impossible partition."""
    sound = (
        1 <= piece.partitions <= _MOST_PARTITIONS
        and 0 <= piece.partition < piece.partitions
        and 1 <= piece.parts <= _MOST_PARTS
        and 0 <= piece.part < piece.parts
        and 0 <= piece.segment <= _MOST_SEGMENTS
        and all(0 <= (source.marker or 0) <= _MOST_CHUNKS for source in piece.account.sources)
    )
    if not sound:
        detail = (
            f"run {piece.run} LS {piece.lumisection} segment {piece.segment} workspace "
            f"{piece.workspace!r}: partition {piece.partition} of {piece.partitions}, part "
            f"{piece.part} of {piece.parts}"
        )
        raise MessageError("bad_set", detail)


def check_same_kind(piece: HistogramSet, other: HistogramSet) -> None:
    """Refuse, by a WindowError, pieces of two bookings or two numbers of partitions."""
    for name in ("booking", "partitions"):
        if getattr(piece, name) != getattr(other, name):
            msg = (
                f"run {piece.run} LS {piece.lumisection} workspace {piece.workspace!r}: a set with "
                f"{name} {getattr(piece, name)} beside one with {getattr(other, name)}"
            )
            raise WindowError(msg)
