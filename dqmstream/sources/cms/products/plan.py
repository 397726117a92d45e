"""From decoded products to the Arrow columns that were asked for."""

from collections.abc import Collection as Names
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.sources.cms.decoding.branch import Decoded, Product
from dqmstream.sources.cms.products.collection import Array, Given, Member, Objects
from dqmstream.sources.cms.products.naming import Offer
from dqmstream.sources.cms.products.nothing import nothing

__all__ = ["ProductPlan"]

_PARTNER: Final = "^"


class _Column:
    """One column to be made: what it is, and its members."""

    def __init__(self, offer: Offer, members: tuple[Member, ...]) -> None:
        self.offer = offer
        self.members = members
        # Worked out once: asking Arrow for each batch took longer than making the column.
        self.dtypes = [np.dtype(made.type.to_pandas_dtype()) for made in members]
        self.fields = [pa.field(made.name, made.type, nullable=False) for made in members]
        self.type = (
            members[0].type
            if offer.collection.is_scalar
            else pa.list_(pa.field("item", pa.struct(self.fields), nullable=False))
        )
        self.field = pa.field(offer.name, self.type, nullable=False)

    def raw(self) -> Iterable[tuple[int, str]]:
        """Raw members that it needs, with their branches."""
        for name in (
            *self.offer.collection.objects.always,
            *(n for m in self.members for n in m.raw),
        ):
            if name.startswith(_PARTNER):
                yield self.offer.partner, name.removeprefix(_PARTNER)
            else:
                yield self.offer.branch, name


class ProductPlan:
    """Which raw members to decode, and what to make of them.

    Parameters
    ----------
    offers
        All columns that can be made.
    columns
        Those to be made, as `required_columns` names them.
    feds
        Ids of FEDs that each event should have.
    """

    def __init__(self, offers: Sequence[Offer], columns: Names[str], feds: Names[int] = ()) -> None:
        self._columns = tuple(_asked(offers, frozenset(columns)))
        self._feds = tuple(sorted(set(feds)))

    @property
    def wanted(self) -> Mapping[int, Names[str]]:
        """Raw members by index of their branch, as `PayloadDecoder` takes them."""
        wanted: dict[int, set[str]] = {}
        for column in self._columns:
            wanted.setdefault(column.offer.branch, set())
            for branch, name in column.raw():
                wanted.setdefault(branch, set()).add(name)
        return {branch: tuple(sorted(names)) for branch, names in sorted(wanted.items())}

    @property
    def fields(self) -> "list[pa.Field[Any]]":
        """Fields of the columns, none of them nullable."""
        return [column.field for column in self._columns]

    def build(
        self, decoded: Decoded, *, bunch_crossing: Array, events: int
    ) -> "list[pa.Array[Any]]":
        """The columns, in the order of `fields`.

        Parameters
        ----------
        decoded
            What came of a batch of events.
        bunch_crossing
            int[events], of their auxiliaries; -1 unknown.
        events
            Events of the batch.
        """
        absent = Product(np.zeros(events, np.int64), {}, {})
        known: dict[tuple[int, int, type[Objects]], Objects] = {}
        made = []
        # Strangers' numbers: 0 / 0 is NaN here, and an axis counts it as such.
        with np.errstate(all="ignore"):
            for column in self._columns:
                branch, partner = column.offer.branch, column.offer.partner
                product = decoded.products.get(branch, absent)
                if not product.counts.any():
                    made.append(nothing(column.type, events))
                    continue
                key = (branch, partner, column.offer.collection.objects)
                if key not in known:
                    beside = decoded.products.get(partner)
                    given = Given(events, product, bunch_crossing, self._feds, beside)
                    known[key] = column.offer.collection.objects(given)
                made.append(_array(column, known[key]))
        return made


def _asked(offers: Sequence[Offer], names: frozenset[str]) -> Iterable[_Column]:
    for offer in offers:
        known = offer.collection.by_name()
        members = [known[name] for name in offer.members if f"{offer.name}.{name}" in names]
        if members or offer.name in names:
            yield _Column(offer, tuple(members) or offer.collection.members[:1])


def _array(column: _Column, objects: Objects) -> "pa.Array[Any]":
    collection = column.offer.collection
    if collection.is_scalar:
        return _scalars(objects.given, column.members[0])
    values = [
        pa.array(np.ascontiguousarray(made.values(objects), dtype), made.type)
        for made, dtype in zip(column.members, column.dtypes, strict=True)
    ]
    return _jagged(column, collection.counts(objects), values)


def _scalars(given: Given, made: Member) -> "pa.Array[Any]":
    """One number for each event; NaN where there is none."""
    found = np.full(given.events, np.nan)
    found[given.product.counts > 0] = given.product.members[made.raw[0]]
    return pa.array(found, made.type)


def _jagged(
    column: _Column, counts: NDArray[np.int64], values: "list[pa.Array[Any]]"
) -> "pa.Array[Any]":
    offsets = np.zeros(counts.size + 1, np.int32)
    np.cumsum(counts, out=offsets[1:])
    objects = pa.StructArray.from_arrays(values, fields=column.fields)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), objects, type=column.type)
