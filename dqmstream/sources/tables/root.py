"""Trees and ntuples (RNTuple) of ROOT files as tables."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import awkward as ak
import numpy as np
import pyarrow as pa
import uproot

from dqmstream.errors import SourceError
from dqmstream.sources.refusing import refusing
from dqmstream.sources.tables.keys import found_keys
from dqmstream.sources.tables.settings import KeyNames
from dqmstream.sources.tables.table import Array

__all__ = ["RootTable"]

_READ: Final[dict[str, Any]] = {
    # Not mapped into memory: a file that shrinks meanwhile must be an error, no signal.
    "handler": uproot.source.file.MultithreadedFileSource,
    "num_workers": 1,
    # Columns are read once, in blocks that are kept by `blocks`.
    "object_cache": None,
    "array_cache": None,
}


_CLASSES: Final = ("TTree", "TNtuple*", "ROOT::RNTuple")
_LIST_BYTES: Final = 64.0
"""What a list in a row of an ntuple is taken to have: its fields do not say."""


class RootTable:
    """A tree of a ROOT file as a `Table`; ntuples are meant as well wherever trees are named.

    Parameters
    ----------
    tree
        Its name; empty: the tree that has most of the key columns.

    Raises
    ------
    SourceError
        With reason `unreadable` if it is no ROOT file, or a cut one; `no_tree` if the tree is not
        in it, or which one is meant is not clear, naming those that are.
    """

    unpacks = False

    def __init__(self, path: Path, tree: str, keys: KeyNames) -> None:
        self.path = path
        self._tree: Any = None
        with refusing(path, "unreadable", "it is no ROOT file, or not all of one"):
            self.name = _chosen(path, tree, keys)
            opened = self._opened()
            self.rows: int = opened.num_entries
            self.types: dict[str, pa.DataType] = {}
            self.unusable: dict[str, str] = {}
            self._bytes: dict[str, float] = {}
            if isinstance(opened, uproot.behaviors.RNTuple.HasFields):
                self._look_at_fields(opened)
            else:
                self._look_at_branches(opened)

    def row_bytes(self, columns: Sequence[str]) -> float:
        return sum(self._bytes.get(c, 0) for c in columns) / max(self.rows, 1)

    def read(self, columns: Sequence[str], start: int, stop: int) -> dict[str, Array]:
        found = {}
        for name in columns:
            with refusing(self.path, "unreadable", f"rows {start} to {stop} of {name}"):
                branch = self._opened()[name]
                # One basket after another: threads would unpack more of them than are wanted.
                values = branch.array(entry_start=start, entry_stop=stop, library="ak")
                found[name] = _arrow(values)
                if len(found[name]) != stop - start:
                    msg = f"{len(found[name])} values, expected {stop - start}"
                    raise ValueError(msg)
        return found

    def _look_at_branches(self, tree: Any) -> None:
        for name, branch in tree.items():
            kind = _type(branch.interpretation)
            if not isinstance(kind, str):
                self.types[name] = kind
                self._bytes[name] = branch.uncompressed_bytes
            elif not branch.branches:  # one that holds others is no column itself
                self.unusable[name] = kind

    def _look_at_fields(self, ntuple: Any) -> None:
        for name in ntuple.keys(recursive=False):
            kind = _arrow(ntuple[name].array(entry_start=0, entry_stop=0, library="ak")).type
            self.types[name] = kind
            width = _LIST_BYTES if pa.types.is_list(kind) else 8.0
            self._bytes[name] = width * self.rows

    def close(self) -> None:
        if self._tree is not None:
            self._tree.file.close()
            self._tree = None

    def _opened(self) -> Any:
        if self._tree is None:
            self._tree = uproot.open(self.path, **_READ)[self.name]
        return self._tree


def _chosen(path: Path, tree: str, keys: KeyNames) -> str:
    """Which tree of a file is meant."""
    with uproot.open(path, **_READ) as file:
        size = path.stat().st_size
        if size < file.file.fEND:
            detail = f"{path} was cut: it says it has {file.file.fEND} bytes, and has {size}"
            raise SourceError("unreadable", detail)
        names: list[str] = file.keys(cycle=False, filter_classname=list(_CLASSES))
        names = list(dict.fromkeys(names))
        if tree in names:
            return tree
        have = ", ".join(names) or "none"
        if tree:
            raise SourceError("no_tree", f"{path} has no tree {tree!r}; it has {have}")
        known = {name: found_keys(file[name].keys(), keys) for name in names}
        most = {name: sum(map(bool, found)) for name, found in known.items()}
        best = [name for name in names if most[name] == max(most.values())]
        if len(best) != 1:
            detail = f"{path} has these trees: {have}; name one of them"
            raise SourceError("no_tree", detail)
        return best[0]


def _type(interpretation: Any) -> pa.DataType | str:
    """The Arrow type of what a branch is read as, or why it is not read."""
    match interpretation:
        case uproot.AsDtype():
            return _flat_type(interpretation.to_dtype)
        case uproot.AsJagged():
            inner = _type(interpretation.content)
            if isinstance(inner, str) or not pa.types.is_list(inner):
                return inner if isinstance(inner, str) else pa.list_(inner)
            return "lists in lists"
        case uproot.AsStrings():
            return pa.utf8()
    return f"{interpretation!s:.60} is no number, boolean, text or list of numbers"


def _flat_type(dtype: np.dtype[Any]) -> pa.DataType | str:
    if dtype.fields is not None:
        return "several values in one branch"
    base, shape = dtype.subdtype or (dtype, ())
    if len(shape) > 1:
        return "lists in lists"
    try:
        number = pa.from_numpy_dtype(base.newbyteorder("="))
    except (pa.ArrowException, TypeError):
        return f"{base} is no number"
    return pa.list_(number) if shape else number


def _arrow(values: Any) -> Array:
    """An Awkward array as Arrow's, without Awkward's own types and without nulls."""
    found = ak.to_arrow(values, list_to32=True, string_to32=True, extensionarray=False)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
