"""What is changed of a run when it is played, as it is written on the command line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dqmstream.errors import ConfigurationError

__all__ = ["Changes", "parse_changes"]

_ALL: Final = (1, None)
_MOST_TIMES: Final = 10
_MOST_LATE: Final = 86_400.0

LsRange = tuple[int, int | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What is changed, in terms of the sources as they are in the recording.

    Parameters
    ----------
    holes
        LSs of which all sources say nothing: no events and no LumisectionEnd.
    late
        Name of a source to the seconds of data taking by which all that it sends comes late.
    repeated
        LSs of which each chunk is sent several times.
    times
        How often.
    renamed
        Names of sources to the names under which they are played.
    """

    holes: tuple[LsRange, ...] = ()
    late: Mapping[str, float] = field(default_factory=dict)
    repeated: tuple[LsRange, ...] = ()
    times: int = 2
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def needs_pace(self) -> bool:
        """Whether something comes late, which it cannot if all is sent as fast as it goes."""
        return bool(self.late)

    def is_hole(self, lumisection: int) -> bool:
        """Whether nothing is said of an LS."""
        return _within(lumisection, self.holes)

    def sent(self, lumisection: int) -> int:
        """How often each chunk of an LS is sent."""
        return self.times if _within(lumisection, self.repeated) else 1

    def check(self, names: Iterable[str]) -> None:
        """ConfigurationError if a source is named that is none of these, or two get one name."""
        there = sorted(set(names))
        for name in (*self.late, *self.renamed):
            if name not in there:
                msg = f"source {name!r} is not played: expected one of {', '.join(there)}"
                raise ConfigurationError(msg)
        played = [self.renamed.get(name, name) for name in there]
        twice = sorted({name for name in played if played.count(name) > 1})
        if twice:
            msg = f"two sources would be {twice[0]!r}: expected a name of its own for each"
            raise ConfigurationError(msg)


def parse_changes(
    *,
    holes: Sequence[str] = (),
    late: Sequence[str] = (),
    repeated: Sequence[str] = (),
    renamed: Sequence[str] = (),
) -> Changes:
    """Changes as they are written.

    Parameters
    ----------
    holes
        LSs, as `3`, `7-9` or `12-`; several by comma.
    late
        `SOURCE+SECONDS`.
    repeated
        LSs as those of holes, or `all`; `*TIMES` behind them is how often, 2 by default.
    renamed
        `OLD=NEW`.

    Raises
    ------
    ConfigurationError
        If one is of another form, or out of range.
    """
    times = {_times(text) for text in repeated} or {2}
    if len(times) > 1:
        msg = f"duplicates {', '.join(repeated)}: expected one number of times for all"
        raise ConfigurationError(msg)
    return Changes(
        holes=tuple(part for text in holes for part in _ranges(text, "hole")),
        late=dict(map(_late, late)),
        repeated=tuple(
            part for text in repeated for part in _ranges(text.partition("*")[0], "duplicate")
        ),
        times=times.pop(),
        renamed=dict(map(_renamed, renamed)),
    )


def _within(lumisection: int, ranges: Iterable[LsRange]) -> bool:
    return any(
        first <= lumisection and (last is None or lumisection <= last) for first, last in ranges
    )


def _ranges(text: str, what: str) -> list[LsRange]:
    found: list[LsRange] = []
    for part in (part.strip() for part in text.split(",")):
        if part == "all":
            found.append(_ALL)
            continue
        first, dash, last = part.partition("-")
        try:
            begin = int(first)
            end = (int(last) if last.strip() else None) if dash else begin
        except ValueError:
            begin, end = 0, 0
        if begin < 1 or (end is not None and end < begin):
            msg = f"{what} {part!r}: expected LSs as 3, 7-9 or 12-"
            raise ConfigurationError(msg)
        found.append((begin, end))
    return found


def _times(text: str) -> int:
    _, star, times = text.partition("*")
    if not star:
        return 2
    if not times.isdigit() or not 2 <= int(times) <= _MOST_TIMES:
        msg = f"duplicate {text!r}: expected LS*TIMES with 2 to {_MOST_TIMES} times"
        raise ConfigurationError(msg)
    return int(times)


def _late(text: str) -> tuple[str, float]:
    name, _, seconds = text.rpartition("+")
    try:
        delay = float(seconds)
    except ValueError:
        delay = 0.0
    if not name or not 0 < delay <= _MOST_LATE:
        msg = f"late {text!r}: expected SOURCE+SECONDS, up to {_MOST_LATE:g}"
        raise ConfigurationError(msg)
    return name, delay


def _renamed(text: str) -> tuple[str, str]:
    old, _, new = text.partition("=")
    if not old or not new or not new.isprintable() or len(new) > 100:
        msg = f"rename {text!r:.80}: expected OLD=NEW, up to 100 printable characters"
        raise ConfigurationError(msg)
    return old, new
