"""Columns of products: which there can be, and a reader of them for each INIT of a run.

A source's columns are fixed for its run, but files are not: of a file whose INIT lacks a product
its collections are empty, and its numbers are NaN.
"""

from collections.abc import Collection as Names
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.identity import content_hash
from dqmstream.sources.cms.classes.tables import class_tables
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.product_reader import ProductArrays
from dqmstream.sources.cms.products import COLLECTIONS, ProductPlan, products_of
from dqmstream.sources.cms.products.collection import Collection
from dqmstream.sources.cms.products.nothing import nothing, unknown

__all__ = ["ProductColumns", "known_columns", "offered_columns", "product_fields", "tables_hash"]

_VERSION: Final = 1
"""Rises when equal payloads give other columns, but for what the class tables say."""


@lru_cache(maxsize=1)
def tables_hash() -> str:
    """Hash of what columns of equal payloads depend on: all class tables, and this release's rules.

    A source with other tables makes other columns, so it is another incarnation.
    """
    tables = [
        [
            *(table.name, table.version, table.checksum, table.byte_count, table.bases),
            [[member.name, member.spelled, member.length] for member in table.members],
        ]
        for table in class_tables()
    ]
    return content_hash([_VERSION, tables])


@lru_cache(maxsize=1)
def known_columns() -> frozenset[str]:
    """All columns of products that have names of their own, as `required_columns` names them."""
    return frozenset(name for one in COLLECTIONS for name in _names(one))


def _names(collection: Collection) -> Iterable[str]:
    yield collection.name
    if not collection.is_scalar:
        yield from (f"{collection.name}.{member.name}" for member in collection.members)


def offered_columns(init_payload: bytes) -> frozenset[str]:
    """The columns of products of the events that follow an INIT; none if it cannot be read."""
    try:
        return products_of(read_branches(init_payload)).columns
    except SourceError:
        return frozenset()


def product_fields(columns: Names[str]) -> tuple["pa.Field[Any]", ...]:
    """Arrow fields of product columns, in the order of their names.

    Raises
    ------
    ConfigurationError
        If no product has such a column.
    """
    asked: dict[str, set[str]] = {}
    for name in columns:
        collection, _, member = name.partition(".")
        asked.setdefault(collection, set()).add(member)
    return tuple(_field(name, asked[name]) for name in sorted(asked))


def _field(name: str, members: set[str]) -> "pa.Field[Any]":
    collection = _collection(name)
    if collection is None or not members <= {"", *collection.by_name()}:
        wrong = sorted(f"{name}.{member}" if member else name for member in members)
        msg = f"columns {wrong} asked for: events of streamer files have no product that gives them"
        raise ConfigurationError(msg)
    if collection.is_scalar:
        return pa.field(name, collection.members[0].type, nullable=False)
    chosen = [one for one in collection.members if one.name in members] or collection.members[:1]
    objects = pa.struct([pa.field(one.name, one.type, nullable=False) for one in chosen])
    return pa.field(name, pa.list_(pa.field("item", objects, nullable=False)), nullable=False)


def _collection(name: str) -> Collection | None:
    """The collection of a column: by its name, or by that of another branch of its class."""
    for one in COLLECTIONS:
        if one.name == name:
            return one
    others = [one for one in COLLECTIONS if one.other and name.startswith(f"{one.other}_")]
    return max(others, key=lambda one: len(one.other), default=None)


class ProductColumns:
    """The product columns that a source sends.

    Parameters
    ----------
    columns
        As `required_columns` names them: `tracks.pt`, `fed`, `scouting_rho`.
    feds
        Ids that events should have, for `fed_missing`.

    Raises
    ------
    ConfigurationError
        If no product has such a column.
    """

    def __init__(self, columns: Names[str], feds: Sequence[int] = ()) -> None:
        self.fields = product_fields(columns)
        self._columns = frozenset(columns)
        self._feds = tuple(feds)
        self._last: tuple[bytes, _Reader] | None = None

    def reader(self, init_payload: bytes) -> "_Reader":
        """For the events that follow an INIT of this payload."""
        # All files of a run have the same INIT, and working out what to read costs more than it.
        if self._last is None or self._last[0] != init_payload:
            self._last = init_payload, self._new_reader(init_payload)
        return self._last[1]

    def _new_reader(self, init_payload: bytes) -> "_Reader":
        try:
            branches, fault = read_branches(init_payload), ""
        except SourceError as error:
            branches, fault = (), str(error)
        found = products_of(branches)
        plan = found.plan(self._columns, feds=self._feds)
        return _Reader(self.fields, plan, PayloadDecoder(branches, plan.wanted), fault)


class _Reader:
    """Reads the products of the events that follow one INIT."""

    def __init__(
        self,
        fields: Sequence["pa.Field[Any]"],
        plan: ProductPlan,
        decoder: PayloadDecoder,
        fault: str,
    ) -> None:
        self.fields = fields
        self.fault = fault
        self._plan = plan
        self._decoder = decoder

    def read(self, payloads: Sequence[bytes], bunch_crossings: NDArray[np.int64]) -> ProductArrays:
        """As `product_reader.ProductReader` says."""
        events = len(payloads)
        decoded = self._decoder.decode(payloads)
        built = self._plan.build(decoded, bunch_crossing=bunch_crossings, events=events)
        made = dict(zip((field.name for field in self._plan.fields), built, strict=True))
        arrays = [_as_asked(made.get(field.name), field.type, events) for field in self.fields]
        return ProductArrays(arrays, decoded.unknown, decoded.broken)


def _as_asked(made: "pa.Array[Any] | None", kind: Any, events: int) -> "pa.Array[Any]":
    """A column of the type of the run, of what this file has of it."""
    if made is None:
        return nothing(kind, events)
    if made.type == kind or not isinstance(made, pa.ListArray):
        return made
    # Members that come of a partner are not there without it: where tracks have no vertices.
    objects: Any = made.values
    has = {member.name: objects.field(i) for i, member in enumerate(objects.type)}
    members = [
        has[member.name] if member.name in has else unknown(member.type, len(objects))
        for member in kind.value_type
    ]
    filled: Any = pa.StructArray.from_arrays(members, fields=list(kind.value_type))
    array: pa.Array[Any] = pa.ListArray.from_arrays(made.offsets, filled, type=kind)
    return array
