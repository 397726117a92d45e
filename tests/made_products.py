"""Decoded products made by hand, and the columns that come of them."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from dqmstream.sources.cms.decoding.branch import Branch, Decoded, Product, Ragged
from dqmstream.sources.cms.products import products_of

__all__ = ["branch", "columns_of", "product", "ragged"]


def branch(
    class_name: str, label: str = "made", instance: str = "", process: str = "HLT"
) -> Branch:
    """A branch of a file."""
    return Branch(class_name, label, instance, process)


def ragged(rows: Sequence[Sequence[Any]], kind: str) -> Ragged:
    """A member with these values for each object."""
    counts = np.array([len(row) for row in rows], np.int64)
    return Ragged(counts, np.array([value for row in rows for value in row], kind))


def product(
    counts: Sequence[int],
    members: Mapping[str, Any] | None = None,
    of_any_length: Mapping[str, Ragged] | None = None,
) -> Product:
    """A product with so many objects for each event."""
    arrays = {name: np.asarray(values) for name, values in (members or {}).items()}
    return Product(np.array(counts, np.int64), arrays, of_any_length or {})


def columns_of(
    products: Mapping[Branch, Product],
    columns: Collection[str],
    *,
    bunch_crossings: Sequence[int] | None = None,
    feds: Collection[int] = (),
) -> dict[str, list[Any]]:
    """The asked columns of all events as Python objects; each is valid Arrow, and without nulls."""
    plan = products_of(list(products)).plan(columns, feds=feds)
    decoded = Decoded(dict(enumerate(products.values())), Counter(), Counter())
    for index, names in plan.wanted.items():
        found = decoded.products[index]
        # What was not asked for must not be needed.
        members = {name: found.members[name] for name in names if name in found.members}
        rest = {name: found.ragged[name] for name in names if name in found.ragged}
        decoded.products[index] = Product(found.counts, members, rest)  # type: ignore[index]
    events = next(iter(products.values())).counts.size
    crossings = np.array(bunch_crossings or [-1] * events, np.int32)
    made = plan.build(decoded, bunch_crossing=crossings, events=events)
    for field, array in zip(plan.fields, made, strict=True):
        array.validate(full=True)
        assert array.type == field.type
        assert array.null_count == 0
        assert len(array) == events
    return {f.name: a.to_pylist() for f, a in zip(plan.fields, made, strict=True)}
