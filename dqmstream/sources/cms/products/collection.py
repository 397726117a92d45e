"""What a collection of objects of an event is: its members, and the raw members they come from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dqmstream.sources.cms.decoding.branch import Product, Ragged

__all__ = [
    "BOOLEAN",
    "DOUBLE",
    "FLOAT",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "UINT8",
    "UINT16",
    "UINT32",
    "Array",
    "Collection",
    "Given",
    "Member",
    "Objects",
    "member",
    "same",
]

Array = NDArray[Any]

BOOLEAN = pa.bool_()
FLOAT, DOUBLE = pa.float32(), pa.float64()
INT8, INT16, INT32, INT64 = pa.int8(), pa.int16(), pa.int32(), pa.int64()
UINT8, UINT16, UINT32 = pa.uint8(), pa.uint16(), pa.uint32()


class Given(NamedTuple):
    """What a collection is made of: the decoded product of its branch, and what stands beside it.

    `bunch_crossings` is int[events], as the auxiliaries say it, -1 unknown. `feds` are the ids that
    an event should have. `partner` is the product of the branch that refers to this one.
    """

    events: int
    product: Product
    bunch_crossings: Array
    feds: tuple[int, ...] = ()
    partner: Product | None = None


class Objects:
    """The objects of one product in a batch; what several members need is worked out once.

    All collections of a branch that name the same class share one of these.
    """

    always: ClassVar[tuple[str, ...]] = ()
    """Raw members without which not even the number of objects is known."""

    def __init__(self, given: Given) -> None:
        self.given = given

    @property
    def counts(self) -> NDArray[np.int64]:
        """int64[events]: objects of each event."""
        return self.given.product.counts

    def plain(self, name: str) -> Array:
        """A raw member: array[objects of the product] or [objects, length]."""
        return self.given.product.members[name]

    def ragged(self, name: str) -> Ragged:
        """A raw member with any number of values for each object."""
        return self.given.product.ragged[name]


class Member(NamedTuple):
    """One member of a collection.

    `raw` are the members of the class that `values` reads; those beginning with `^` are the
    partner's. `values` gives array[objects].
    """

    name: str
    type: pa.DataType
    meaning: str
    unit: str
    raw: tuple[str, ...]
    values: Callable[[Any], Array]


def member(
    name: str,
    type_: pa.DataType,
    meaning: str,
    *raw: str,
    unit: str = "",
    values: Callable[[Any], Array],
) -> Member:
    """A member that is worked out of raw ones."""
    return Member(name, type_, meaning, unit, raw, values)


def same(name: str, type_: pa.DataType, raw: str, meaning: str, unit: str = "") -> Member:
    """A member that is the raw one, by another name.

    A boolean one that the class's version has not got comes with all bits set, and is false.
    """
    if type_ == BOOLEAN:
        return Member(name, type_, meaning, unit, (raw,), lambda objects: objects.plain(raw) == 1)
    return Member(name, type_, meaning, unit, (raw,), lambda objects: objects.plain(raw))


@dataclass(frozen=True, kw_only=True, slots=True)
class Collection:
    """A column of events that the branches of one class give.

    Parameters
    ----------
    name
        What it is called for `label` and `instance`, or, where these are None, for the first
        branch of the class.
    class_name
        The class of the branch, without `std::`.
    meaning
        One line for people.
    members
        The members, in their order; one without a name is a column with one number an event.
    objects
        Works the members out.
    counts
        How many objects of the collection each event has, int64[events]. It need not be that of
        the product: some collections are parts of objects, or pairs of them.
    label, instance
        Module label and instance of the branch.
    other
        What other branches of the class are called, before their label and instance. Collections
        of one kind share it, and the first of them is taken for those branches.
    partner
        Class whose first branch refers to the objects of this one's branch, where that is the only
        one of its class.
    """

    name: str
    class_name: str
    meaning: str
    members: tuple[Member, ...]
    other: str
    objects: type[Objects] = Objects
    counts: Callable[[Any], NDArray[np.int64]] = attrgetter("counts")
    label: str | None = None
    instance: str | None = None
    partner: str = ""

    @property
    def is_scalar(self) -> bool:
        """Whether it is one number an event."""
        return not self.members[0].name

    def by_name(self) -> Mapping[str, Member]:
        """The members by their names."""
        return {found.name: found for found in self.members}
