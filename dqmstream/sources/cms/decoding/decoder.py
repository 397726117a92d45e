"""Payloads of many events to arrays, product by product."""

import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dqmstream.errors import ConfigurationError
from dqmstream.kernels.payload.buffer import KINDS, UNKNOWN
from dqmstream.kernels.payload.copying import copy_records, count_records
from dqmstream.kernels.payload.frame import NO_TABLE, PARTS, find_products
from dqmstream.kernels.payload.program import RECORD_FIELDS
from dqmstream.kernels.payload.state import STACK_FIELDS, STATE_FIELDS, USED
from dqmstream.kernels.payload.walking import walk
from dqmstream.sources.cms.classes.tables import Tables, class_tables
from dqmstream.sources.cms.decoding.branch import Branch, Decoded, Product, Ragged, Values
from dqmstream.sources.cms.decoding.programs import compile_program
from dqmstream.sources.cms.decoding.tree import Leaf, Tree, product_tree

__all__ = ["PayloadDecoder", "available_members"]

_EVENT: Final = "edm::SendEvent"
_ROOM: Final = 1 << 12
"""Records there is room for at first."""
_ALIGNED: Final = 8
_LONGEST_NAME: Final = 120


def available_members(class_name: str, tables: Tables | None = None) -> Mapping[str, Leaf]:
    """Members of a product that can be wanted, by path, with their types.

    Parameters
    ----------
    class_name
        As in a `Branch`.
    tables
        None: those that come with the library. Without a table of the class there are none.
    """
    return product_tree(class_name, tables or class_tables()).leaves()


class PayloadDecoder:
    """Takes the wanted members of the wanted products out of payloads; for one thread at a time.

    Parameters
    ----------
    branches
        As `read_branches` gives them, or in any other order.
    wanted
        Members by index of their branch: dotted paths through the members of classes, pointers
        included, as the class tables name them (`momentum_.fCoordinates.fX`,
        `tracks_.holder_.ref_.index_`); members of bases stand without a prefix. Names in between
        may be left out where only one member fits (`momentum_.fX`, `paths_`). A product that is a
        plain number has `value`. A class that is nothing but one vector of another (as
        FEDRawDataCollection) is taken as that vector: its objects are the elements.
    tables
        Class tables; None: those that come with the library. A member of a class that has none is
        both NaN for each object and ragged without values: which of them it is, no table says.

    Raises
    ------
    ConfigurationError
        If a class whose members are all known has no such member, or several that fit.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        wanted: Mapping[int, Collection[str]],
        *,
        tables: Tables | None = None,
    ) -> None:
        tables = tables or class_tables()
        self._indices = sorted(wanted)
        self._wanted = [branches[index] for index in self._indices]
        trees = [product_tree(branch.class_name, tables) for branch in self._wanted]
        members = [
            _resolve(branch, tree, wanted[index])
            for index, branch, tree in zip(self._indices, self._wanted, trees, strict=True)
        ]
        leaves = [[leaf for leaf in one.values() if leaf] for one in members]
        self._program = program = compile_program(list(zip(trees, leaves, strict=True)))
        self._absent = [[name for name, leaf in one.items() if not leaf] for one in members]
        self._taken = [
            [
                (name, np.dtype(leaf.code), leaf.length, places[leaf], groups.get(leaf.group))
                for name, leaf in one.items()
                if leaf
            ]
            for one, places, groups in zip(members, program.taken, program.groups, strict=True)
        ]
        slots = {index: slot for slot, index in enumerate(self._indices)}
        self._branches = np.array(
            [(branch.id, slots.get(index, -1)) for index, branch in enumerate(branches)], np.int64
        ).reshape(-1, 2)
        names = [f"edm::Wrapper<{branch.class_name}>" for branch in self._wanted]
        self._names, self._letters = _letters([*names, _EVENT])
        self._room = _ROOM
        self._memory = io.BytesIO()

    def decode(self, payloads: Sequence[bytes]) -> Decoded:
        """Products of all events, in their order. Whatever the bytes are, nothing raises.

        Parameters
        ----------
        payloads
            Expanded payloads, one for each event.
        """
        buffer, offsets = self._join(payloads)
        events, slots = len(payloads), len(self._wanted)
        places = np.zeros((events, slots, 2), np.int64)
        faults = np.zeros((events, slots + 1), np.int64)
        found = np.zeros((events, slots + 1, 2), np.int64)
        find_products(
            *(buffer, offsets, self._branches, self._names, self._letters),
            *(places, faults, found),
        )
        counts, records = self._walk(buffer, offsets, places, faults, found)
        copied = self._copy(buffer, records)
        products = {
            index: self._product(slot, counts[:, slot], copied)
            for slot, index in enumerate(self._indices)
        }
        unknown, broken = self._count(buffer, faults, found)
        return Decoded(products, unknown, broken)

    def _join(self, payloads: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All payloads one after the other, and where each begins.

        They lie in memory that is kept: new memory for each batch would take as long as the copy.
        """
        self._memory.seek(0)
        self._memory.writelines(payloads)
        offsets = _starts(np.array([len(payload) for payload in payloads], np.int64))
        return np.frombuffer(self._memory.getbuffer(), np.uint8), offsets

    def _walk(
        self,
        buffer: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        places: NDArray[np.int64],
        faults: NDArray[np.int64],
        found: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Objects by event and slot, and what to copy."""
        program = self._program
        events = offsets.size - 1
        counts = np.zeros((events, len(self._wanted)), np.int64)
        state = np.zeros(STATE_FIELDS, np.int64)
        sums = np.zeros((max(program.leaves.size, program.group_count, 1), 3), np.int64)
        stack = np.zeros((program.depth, STACK_FIELDS), np.int64)
        records = np.empty((self._room, RECORD_FIELDS), np.int64)
        event = 0
        while True:
            event = walk(
                *(buffer, offsets, *program.tables, program.products, places, faults, found),
                *(counts, records, state, stack, sums, event),
            )
            if event == events:
                return counts, records[: state[USED]]
            # An event that did not fit has left nothing behind, however much room there was.
            used, self._room = state[USED], 2 * self._room
            more = np.empty((self._room - used, RECORD_FIELDS), np.int64)
            records = np.concatenate([records[:used], more])

    def _copy(self, buffer: NDArray[np.uint8], records: NDArray[np.int64]) -> "_Copied":
        """Values by leaf and counts by group."""
        leaves = self._program.leaves
        items = np.zeros(leaves.size, np.int64)
        objects = np.zeros(self._program.group_count, np.int64)
        count_records(records, items, objects)
        sizes = items * leaves["size"] * leaves["length"]
        starts = _starts(-(-sizes // _ALIGNED) * _ALIGNED)
        arena = np.empty(starts[-1], np.uint8)
        firsts = _starts(objects)
        counts = np.empty(firsts[-1], np.int64)
        copy_records(
            *(buffer, records, leaves, arena, arena.view(np.uint16), arena.view(np.uint32)),
            *(arena.view(np.int64), starts[:-1].copy(), counts, firsts[:-1].copy()),
        )
        return _Copied(arena, starts.tolist(), items.tolist(), counts, firsts.tolist())

    def _product(self, slot: int, counts: NDArray[np.int64], copied: "_Copied") -> Product:
        members: dict[str, Values] = {}
        ragged: dict[str, Ragged] = {}
        for name, dtype, length, place, group in self._taken[slot]:
            column = copied.values(place, dtype, length)
            if group is None:
                members[name] = column
            else:
                ragged[name] = Ragged(copied.elements(group), column)
        objects = int(counts.sum())
        for name in self._absent[slot]:
            members[name] = np.full(objects, np.nan)
            ragged[name] = Ragged(np.zeros(objects, np.int64), np.zeros(0))
        return Product(counts.copy(), members, ragged)

    def _count(
        self, buffer: NDArray[np.uint8], faults: NDArray[np.int64], found: NDArray[np.int64]
    ) -> tuple[Counter[str], Counter[str]]:
        """Events by what is unknown in them and by what is broken."""
        unknown: set[tuple[int, str]] = set()
        broken: set[tuple[int, str]] = set()
        for event, slot in np.argwhere(faults).tolist():
            fault = int(faults[event, slot])
            part, at = found[event, slot].tolist()
            if fault == UNKNOWN:
                unknown.add((event, self._unknown(buffer, part, at)))
            else:
                is_event = slot == len(self._wanted)
                name = PARTS[-part] if is_event else self._wanted[slot].class_name
                broken.add((event, f"{name} {KINDS[-fault]}"))
        return Counter(label for _, label in unknown), Counter(label for _, label in broken)

    def _unknown(self, buffer: NDArray[np.uint8], part: int, at: int) -> str:
        """Class and version of what stands at a version, or at a name that nobody knows."""
        if part == NO_TABLE:
            spelled = buffer[at : at + _LONGEST_NAME].tobytes().partition(b"\0")[0]
            return ascii(spelled.decode("latin-1"))[1:-1]
        name = self._program.classes[part] if part >= 0 else PARTS[-part]
        version = int.from_bytes(buffer[at : at + 2].tobytes())
        if version == 0:
            return f"{name} checksum 0x{int.from_bytes(buffer[at + 2 : at + 6].tobytes()):08x}"
        return f"{name} v{version}"


class _Copied(NamedTuple):
    """Values of all leaves and counts of all groups, and where each of them begins.

    There are hundreds of leaves, so that what is done for each is kept little: one array is made.
    """

    arena: NDArray[np.uint8]
    starts: list[int]
    items: list[int]
    counts: NDArray[np.int64]
    firsts: list[int]

    def values(self, leaf: int, dtype: np.dtype[Any], length: int) -> Values:
        """Values of a leaf: dtype[items] or dtype[items, length]."""
        items = self.items[leaf]
        shape = (items,) if length == 1 else (items, length)
        return np.ndarray(shape, dtype, self.arena, self.starts[leaf])

    def elements(self, group: int) -> NDArray[np.int64]:
        """Number of elements of each object: int64[objects]."""
        return self.counts[self.firsts[group] : self.firsts[group + 1]]


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    starts = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=starts[1:])
    return starts


def _resolve(branch: Branch, tree: Tree, names: Collection[str]) -> dict[str, Leaf | None]:
    """The leaf of each path, or the only one whose path has these parts, the first one first."""
    leaves = tree.leaves()
    resolved: dict[str, Leaf | None] = {}
    for name in sorted(names):
        fitting = [name] if name in leaves else _fitting(name, leaves)
        if len(fitting) == 1:
            resolved[name] = leaves[fitting[0]]
        elif not fitting and not tree.is_complete:
            resolved[name] = None
        else:
            raise _no_member(branch, name, fitting, leaves)
    return resolved


def _no_member(
    branch: Branch, name: str, fitting: Sequence[str], leaves: Collection[str]
) -> ConfigurationError:
    several = f"{len(fitting)} members fit: {', '.join(sorted(fitting)[:5])}" if fitting else ""
    msg = f"{branch.name} of class {branch.class_name}: member {name!r}, " + (
        several or f"expected one of {', '.join(sorted(leaves)[:60])}"
    )
    return ConfigurationError(msg)


def _fitting(name: str, leaves: Collection[str]) -> list[str]:
    """Paths in which the parts of a name stand in this order, the first one first."""
    asked = name.split(".")
    return [path for path in leaves if _fits(asked, path.split("."))]


def _fits(asked: Sequence[str], path: Sequence[str]) -> bool:
    rest = iter(path)
    return asked[0] == path[0] and all(part in rest for part in asked)


def _letters(names: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Names without blanks one after the other, and where each begins and ends."""
    packed = [name.replace(" ", "") for name in names]
    ends = _starts(np.array([len(name) for name in packed], np.int64))
    letters = np.array([ord(letter) for letter in "".join(packed)], np.int64)
    return np.stack([ends[:-1], ends[1:]], axis=1), letters
