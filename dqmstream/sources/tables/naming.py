"""What a file's columns are called as columns of events; the rule is told in the package."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import pyarrow as pa

from dqmstream.booking.chunk import LOG_TIME
from dqmstream.sources.tables.types import Kind, kind_of

__all__ = ["Naming", "Part", "named"]

_STRANGE: Final = re.compile(r"\W", re.ASCII)
_MAX_NAME: Final = 255
_VALUE: Final = "value"


class Part(NamedTuple):
    """A column of a file, the type it is read as, and what it is in an event.

    `member` is empty for one value an event; `*` for a list of records, which brings its members
    itself.
    """

    raw: str
    kind: Kind
    column: str
    member: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """As `required_columns` names them."""
        if not self.member:
            return (self.column,)
        members = (
            [field.name for field in self.kind.value_type] if self.member == "*" else [self.member]
        )
        return (self.column, *(f"{self.column}.{member}" for member in members))


class Naming(NamedTuple):
    """All columns of a table that events can have, and why they cannot have the others."""

    parts: tuple[Part, ...]
    unusable: Mapping[str, str]

    @property
    def names(self) -> frozenset[str]:
        """As `required_columns` names them: `MET_pt`, `Muon`, `Muon.pt`."""
        return frozenset(name for part in self.parts for name in part.names)

    def chosen(self, names: Iterable[str]) -> tuple[Part, ...]:
        """The parts that make the columns `names`, in the order of the file.

        A collection of which only the number of objects is asked for brings its first member.
        """
        wanted = frozenset(names)
        members = {name.partition(".")[0] for name in wanted if "." in name}
        bare = {name for name in wanted if "." not in name and name not in members}
        found = []
        for part in self.parts:
            if part.member and part.column in bare:
                found.append(part)
                bare.discard(part.column)
            elif wanted.intersection(part.names[1:] if part.member else part.names):
                found.append(part)
        return tuple(found)


def named(types: Mapping[str, pa.DataType]) -> Naming:
    """The columns of a table of these types, by the rule of the package."""
    kinds: dict[str, Any] = {}
    unusable: dict[str, str] = {}
    for raw, given in types.items():
        kind = kind_of(given)
        if isinstance(kind, str):
            unusable[raw] = kind
        else:
            kinds[raw] = kind
    counted = {
        raw[1:] for raw, kind in kinds.items() if raw[:1] == "n" and pa.types.is_integer(kind)
    }
    parts: list[Part] = []
    taken: dict[str, dict[str, Part]] = {}
    for raw, kind in kinds.items():
        part = _part(raw, kind, counted)
        others = taken.setdefault(part.column, {})
        reason = _refused(part, others)
        if reason:
            unusable[raw] = reason
        else:
            parts.append(part)
            others[part.member] = part
    return Naming(tuple(parts), unusable)


def _part(raw: str, kind: Kind, counted: frozenset[str] | set[str]) -> Part:
    if not pa.types.is_list(kind):
        return Part(raw, kind, _identifier(raw))
    if pa.types.is_struct(kind.value_type):
        return Part(raw, kind, _identifier(raw), "*")
    pieces = raw.split("_")
    for end in range(len(pieces) - 1, 0, -1):
        collection = "_".join(pieces[:end])
        if collection in counted:
            member = "_".join(pieces[end:])
            return Part(raw, kind, _identifier(collection), _identifier(member))
    return Part(raw, kind, _identifier(raw), _VALUE)


def _refused(part: Part, others: Mapping[str, Part]) -> str:
    """Why a column cannot stand beside the others of its name, by member."""
    if len(part.column) > _MAX_NAME or len(part.member) > _MAX_NAME:
        return f"its name has more than {_MAX_NAME} characters"
    if part.column == LOG_TIME:
        return f"{LOG_TIME} is the log's own column"
    alone = part.member in {"", "*"} or not others.keys().isdisjoint({"", "*"})
    clash = next(iter(others.values()), None) if alone else others.get(part.member)
    return "" if clash is None else f"it would be called as {clash.raw!r} is"


def _identifier(name: str) -> str:
    """The name with `_` for what no identifier has."""
    plain = _STRANGE.sub("_", name.strip())
    return plain if plain.isidentifier() else f"_{plain}"
