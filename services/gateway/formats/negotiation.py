"""Which format a client means: by its name, or by the media types it accepts (RFC 9110, 12.5.1)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.gateway.problems import ProblemError

__all__ = ["accepted", "chosen"]

_MOST_RANGES = 50


class _Range(NamedTuple):
    """A media range of an Accept header, and how much it is wanted."""

    kind: str
    subtype: str
    quality: float

    def specificity(self, kind: str, subtype: str) -> int:
        """How closely it names a media type: 3 exactly, 0 not at all."""
        if (self.kind, self.subtype) == (kind, subtype):
            return 3
        if self.subtype == "*" and self.kind == kind:
            return 2
        return 1 if (self.kind, self.subtype) == ("*", "*") else 0


def accepted(accept: str, offered: Sequence[str]) -> str | None:
    """The media type of `offered` that an Accept header wants most; of equals, the first.

    An empty header accepts everything. None if nothing offered is accepted.
    """
    ranges = list(_ranges(accept)) or [_Range("*", "*", 1.0)]
    best: tuple[float, str] | None = None
    for media_type in offered:
        quality = _quality(ranges, media_type)
        if quality > 0 and (best is None or quality > best[0]):
            best = (quality, media_type)
    return None if best is None else best[1]


def chosen(name: str | None, accept: str, offered: Mapping[str, str]) -> str:
    """The name of the format a request means.

    Parameters
    ----------
    name
        As named in the address; it decides over `accept`.
    accept
        The Accept header.
    offered
        Media types by the names of formats, the default first.

    Raises
    ------
    ProblemError
        406 if no format is meant that is offered.
    """
    if name is not None:
        if name in offered:
            return name
        detail = f"format {name[:40]!r} asked for, expected one of {', '.join(offered)}"
        raise ProblemError(406, detail)
    media_type = accepted(accept, list(offered.values()))
    for known, kind in offered.items():
        if kind == media_type:
            return known
    detail = f"Accept is {accept[:200]!r}, expected one of {', '.join(offered.values())}"
    raise ProblemError(406, detail)


def _quality(ranges: Iterable[_Range], media_type: str) -> float:
    """Of the ranges that name a media type, the closest decides."""
    kind, _, subtype = media_type.partition("/")
    found = [(each.specificity(kind, subtype), each.quality) for each in ranges]
    closest = max((specificity for specificity, _ in found), default=0)
    if not closest:
        return 0.0
    return max(quality for specificity, quality in found if specificity == closest)


def _ranges(accept: str) -> Iterable[_Range]:
    for part in accept.split(",")[:_MOST_RANGES]:
        words = [word.strip().lower() for word in part.split(";")]
        kind, slash, subtype = words[0].partition("/")
        if not (kind and slash and subtype):
            continue
        weights = [word[2:] for word in words[1:] if word.startswith("q=")]
        try:
            quality = float(weights[0]) if weights else 1.0
        except ValueError:
            continue
        yield _Range(kind, subtype, min(max(quality, 0.0), 1.0))
