"""Recordings of schema 1, brought up to the present one as they are read.

They hold the LSs of one source without run, LS numbers or columns, in one file each; chunks lie
one after another, and have no checksums of their own.
"""

from typing import Any

import msgspec

__all__ = ["upgraded"]


class _Chunk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    start: int
    size: int
    seen: int
    selected: int
    at: float


class _Lumisection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    file: str
    checksum: str
    seconds: float
    chunks: tuple[_Chunk, ...]


class _Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: int
    lumisections: tuple[_Lumisection, ...]


def upgraded(document: object) -> dict[str, Any]:
    """The fields of a present manifest; `msgspec.ValidationError` if it is none of schema 1."""
    old = msgspec.convert(document, _Manifest)
    lumisections = [
        {
            "lumisection": number,
            "seconds": one.seconds,
            "file": one.file,
            "checksum": one.checksum,
            "chunks": [(c.size, c.seen, c.selected, 0, c.at, None) for c in one.chunks],
        }
        for number, one in enumerate(old.lumisections, start=1)
    ]
    source = {
        "name": "recording",
        "incarnations": [],
        "rereadable": False,
        "run_type": "pp_run",
        "first_lumisection": 1,
        "marks": ["re-timed"],
        "lumisections": lumisections,
    }
    return {
        "schema": 1,
        "made": "",
        "by": "",
        "origin": [],
        "messages": {"EventBatch": 1},
        "runs": [{"run": 1, "sources": [source]}],
        "own_numbers": False,
        "contents": "",
    }
