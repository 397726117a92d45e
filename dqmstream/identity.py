"""How things are named: paths, lumisections, sources, partitions. Normalised here only."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from dqmstream.errors import BookingError

__all__ = [
    "MAX_PATH_LENGTH",
    "LumisectionId",
    "compact_ranges",
    "content_hash",
    "event_partition",
    "kind_of_service",
    "normal_path",
    "ranges_of",
    "ranges_with",
    "stable_hash",
]

MAX_PATH_LENGTH = 255


class LumisectionId(NamedTuple):
    """The pair that dates all data: run number and lumisection, numbered from 1 in a run."""

    run: int
    lumisection: int

    def __str__(self) -> str:
        return f"run {self.run} LS {self.lumisection}"


def normal_path(path: str) -> str:
    """Path of a MonitorElement as `folder/name`: no leading or doubled slash, no dots.

    Raises
    ------
    BookingError
        If nothing is left, a part is `.` or `..`, a character is not printable, or it is longer
        than `MAX_PATH_LENGTH`.
    """
    parts = [part for part in path.strip().split("/") if part]
    if not parts or any(part in {".", ".."} for part in parts) or not path.isprintable():
        msg = f"path {path!r} is not a folder/name of printable characters without dots"
        raise BookingError(msg)
    joined = "/".join(parts)
    if len(joined) > MAX_PATH_LENGTH:
        msg = f"path {joined[:40]!r}... has {len(joined)} characters, at most {MAX_PATH_LENGTH}"
        raise BookingError(msg)
    return joined


def stable_hash(name: str) -> int:
    """64-bit hash of a name, the same in every process and release (blake2b, big-endian)."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


def content_hash(value: object) -> str:
    """Hash of anything msgspec can encode: 16 hex digits of blake2b over canonical MessagePack.

    Struct fields are encoded in declaration order and mappings sorted by key, so equal values
    have equal hashes in every process.
    """
    encoded = msgspec.msgpack.encode(value, order="deterministic")
    return hashlib.blake2b(encoded, digest_size=8).hexdigest()


def event_partition(source: str, number: int, partitions: int) -> int:
    """Partition of `dqm.events` for chunk `number` of `source`: (hash(source) + number) mod P."""
    if partitions < 1:
        msg = f"expected at least 1 partition, got {partitions}"
        raise ValueError(msg)
    return (stable_hash(source) + number) % partitions


def compact_ranges(numbers: Iterable[int]) -> str:
    """Numbers as people write them: `1-3, 7` for 1, 2, 3, 7."""
    return ", ".join(
        str(first) if first == last else f"{first}-{last}" for first, last in ranges_of(numbers)
    )


def ranges_of(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Numbers as ranges (first, last), rising, none touching another."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def ranges_with(ranges: Iterable[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    """Ranges [first, last] with one number more, joined to its neighbours, in rising order."""
    begin, end = number, number
    rest = []
    for low, high in ranges:
        if low - 1 <= number <= high + 1:
            begin, end = min(begin, low), max(end, high)
        else:
            rest.append((low, high))
    return sorted([*rest, (begin, end)])


def kind_of_service(name: str) -> str:
    """`filler-3` is a filler: one kind of service, several of them."""
    return name.rstrip("0123456789").rstrip("-")
