"""Small event files of every kind, with the same events, and what sources make of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import uproot

from dqmstream.booking.columns import Columns, decode_batch
from dqmstream.sources.source import EventSource, SourceChunk

Write = Callable[[str, Mapping[str, Any]], Path]

LUMISECTIONS = [3, 3, 1, 3, 5, 5, 1, 3]
EVENTS: Mapping[str, Any] = {
    "run": [7] * 8,
    "luminosityBlock": LUMISECTIONS,
    "event": list(range(100, 108)),
    "MET_pt": [float(number) / 2 for number in range(8)],
    "HLT_Mu": [number % 2 == 0 for number in range(8)],
    "HLT_Jet": [number == 3 for number in range(8)],
    "nMuon": [0, 1, 2, 0, 3, 1, 0, 1],
    "Muon_pt": [[], [10.0], [20.0, 21.0], [], [40.0, 41.0, 42.0], [50.0], [], [70.0]],
    "Muon_charge": [[], [1], [1, -1], [], [1, -1, 1], [-1], [], [1]],
}
"""Eight events of run 7, in LSs that do not lie together."""


def write_events(path: Path, columns: Mapping[str, Any]) -> Path:
    """Write a file as its suffix says: `.csv`, `.parquet`, `.root`, or `.ntuple.root`.

    What is in a ROOT file is called Events.
    """
    if path.suffix == ".parquet":
        pq.write_table(pa.table(dict(columns)), path)
    elif path.suffix == ".csv":
        pyarrow.csv.write_csv(pa.table(dict(columns)), path)
    else:
        with uproot.recreate(path) as file:
            if path.name.endswith(".ntuple.root"):
                file["Events"] = {name: _branch(values) for name, values in columns.items()}
            else:
                branches = _branches(columns)
                file.mktree(
                    "Events", {name: values.type.content for name, values in branches.items()}
                )
                file["Events"].extend(branches)
    return path


def _branch(values: Any) -> Any:
    return ak.Array(values) if any(isinstance(v, list) for v in values) else np.asarray(values)


def _branches(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Lists beside a counter as one collection, which brings its counter itself."""
    found: dict[str, Any] = {}
    collections: dict[str, dict[str, Any]] = {}
    for name, values in columns.items():
        collection, _, member = name.partition("_")
        if f"n{collection}" in columns:
            collections.setdefault(collection, {})[member] = ak.Array(values)
        elif not (name[:1] == "n" and any(c.startswith(f"{name[1:]}_") for c in columns)):
            found[name] = ak.Array(_branch(values))
    return found | {name: ak.zip(members) for name, members in collections.items()}


def chunks_of(source: EventSource) -> dict[int, list[SourceChunk]]:
    """All chunks of a source by LS."""
    return {one.lumisection: list(one.chunks()) for one in source.lumisections(0)}


def columns_of(chunks: list[SourceChunk]) -> list[Columns]:
    return [decode_batch(chunk.body, selected=chunk.selected) for chunk in chunks]


def numbers(source: EventSource, column: str) -> dict[int, list[Any]]:
    """Values of a per-event column by LS, in the order in which they are sent."""
    return {
        number: [value for one in columns_of(chunks) for value in one.values[column].tolist()]
        for number, chunks in chunks_of(source).items()
    }


def notes_of(source: EventSource) -> dict[int, dict[str, int]]:
    """What the LSs note, once they are read."""
    found = {}
    for one in source.lumisections(0):
        list(one.chunks())
        found[one.lumisection] = dict(one.notes())
    return found
