"""Made-up chunks for tests of displays: tracks, vertices, jets and trigger paths."""

from typing import Any

import numpy as np

from dqmstream.booking.columns import Collection, Columns
from dqmstream.messages.events import Chunk, RunStart

MENU = ("HLT_ZeroBias", "HLT_IsoMu24", "HLT_Ele32", "HLT_PFJet500")


def chunk(*, run: int = 346373, lumisection: int = 27, number: int = 0, events: int = 1) -> Chunk:
    """Headers of a chunk."""
    return Chunk(
        run=run,
        lumisection=lumisection,
        source="made-up",
        incarnation="1",
        rereadable=True,
        number=number,
        partitions=1,
        seen=events,
        selected=events,
        dropped=0,
        checksum=0,
    )


def begins(run: int = 346373, **given: Any) -> RunStart:
    """The start of a run with names of trigger paths."""
    words = {"labels": {"hlt_pass.path": MENU}, "first_lumisection": 1} | given
    return RunStart(
        run=run, source="made-up", incarnation="1", rereadable=True, partitions=1, **words
    )


def collection(rows: list[list[dict[str, Any]]], members: dict[str, Any]) -> Collection:
    """The objects of events, as columns."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    objects = [each for row in rows for each in row]
    columns = {name: np.array([o[name] for o in objects], kind) for name, kind in members.items()}
    return Collection(offsets=offsets, members=columns)


def track(pt: float, **given: Any) -> dict[str, Any]:
    """One track."""
    return {
        "pt": pt,
        "eta": 0.5,
        "phi": 1.0,
        "charge": -1,
        "vx": 0.17,
        "vy": -0.19,
        "vz": 1.0,
    } | given


TRACK = {
    "pt": np.float32,
    "eta": np.float32,
    "phi": np.float32,
    "charge": np.int8,
    "vx": np.float32,
    "vy": np.float32,
    "vz": np.float32,
}


def columns(
    tracks: list[list[dict[str, Any]]], passed: list[list[int]], *, first: int = 1, **more: Any
) -> Columns:
    """A chunk with these tracks and passed paths, one list for each event."""
    count = len(tracks)
    paths = [[{"path": number} for number in row] for row in passed]
    collections = {
        "tracks": collection(tracks, TRACK),
        "hlt_pass": collection(paths, {"path": np.int16}),
    }
    values = {
        "event": np.arange(first, first + count, dtype=np.uint64),
        "bunch_crossing": np.full(count, 1237, np.int32),
        "orbit": np.full(count, -1, np.int64),
        "time": np.full(count, 1_635_455_186_815_616_000, np.int64),
    }
    return Columns(
        events=count, values=values, collections=collections | more.get("collections", {}), texts={}
    )
