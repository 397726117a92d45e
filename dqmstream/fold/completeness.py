"""What keeps the pieces of an LS from being complete."""

from collections.abc import Iterable, Sequence

from dqmstream.identity import compact_ranges
from dqmstream.messages.histograms import HistogramSet

__all__ = ["lacking"]


def lacking(
    pieces: Sequence[HistogramSet], expired: Iterable[tuple[int, tuple[int, int]]] = ()
) -> list[str]:
    """What keeps an LS from being complete, in words; empty when nothing does.

    Parameters
    ----------
    pieces
        The newest of each (segment, partition).
    expired
        Offset ranges by partition that newer pieces name as lost, which older and whole ones have
        kept from being shown.
    """
    masks: dict[tuple[str, str], int] = {}
    markers: dict[tuple[str, str], set[int]] = {}
    absent: set[str] = set()
    for piece in pieces:
        absent.update(piece.account.missing)
        for source in piece.account.sources:
            name = (source.source, source.incarnation)
            masks[name] = masks.get(name, 0) | int.from_bytes(source.chunks, "little")
            if source.marker is not None:
                markers.setdefault(name, set()).add(source.marker)
    lines = []
    for name, mask in sorted(masks.items()):
        announced = sorted(markers.get(name, ()))
        if len(announced) != 1:
            counts = " and ".join(str(count) for count in announced)
            what = f"its LumisectionEnds say {counts} chunks" if counts else "no LumisectionEnd"
            lines.append(f"{name[0]}: {what}")
        elif mask != (1 << announced[0]) - 1:
            found = (mask & (1 << announced[0]) - 1).bit_count()
            beyond = mask.bit_count() - found
            extra = f", {beyond} beyond them" if beyond else ""
            lines.append(f"{name[0]}: {found} of {announced[0]} chunks{extra}")
    heard = {source for source, _ in markers}
    lines += [f"{source}: never spoke" for source in sorted(absent - heard)]
    lost = {(piece.partition, found) for piece in pieces for found in piece.account.expired}
    lines += [
        f"partition {partition}: records {first}-{following - 1} expired unread"
        for partition, (first, following) in sorted(lost | set(expired))
    ]
    return lines + _gaps(pieces)


def _gaps(pieces: Iterable[HistogramSet]) -> list[str]:
    """Segments that must exist, for later ones do, and are not here (yet, or no more)."""
    segments: dict[int, set[int]] = {}
    for piece in pieces:
        segments.setdefault(piece.partition, set()).add(piece.segment)
    return [
        f"partition {partition}: segments {compact_ranges(missing)} are not here"
        for partition, known in sorted(segments.items())
        if (missing := set(range(max(known))) - known)
    ]
