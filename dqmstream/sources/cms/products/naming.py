"""What the branches of a file are called as columns."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.products.collection import Collection
from dqmstream.sources.cms.products.known import COLLECTIONS

__all__ = ["Offer", "offers_of", "snake_case"]

_WORD_ENDS: Final = (
    (re.compile(r"(?<=[a-z0-9])(?=[A-Z])"), "_"),
    (re.compile(r"(?<=[A-Z])(?=[A-Z][a-z])"), "_"),
    (re.compile(r"\W+", re.ASCII), "_"),
    (re.compile(r"__+"), "_"),
)


class Offer(NamedTuple):
    """A column that a branch gives.

    `branch` and `partner` are indices of branches; without a partner `partner` is -1, and the
    members that need one are not there.
    """

    name: str
    collection: Collection
    branch: int
    partner: int

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the members, one empty name where it is one number an event."""
        return tuple(
            member.name
            for member in self.collection.members
            if self.partner >= 0 or not any(raw.startswith("^") for raw in member.raw)
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """As `required_columns` names them."""
        return (self.name, *(f"{self.name}.{member}" for member in self.members if member))


def snake_case(text: str) -> str:
    """`hlt_pf_muon_merging` of `hltPFMuonMerging`."""
    for pattern, between in _WORD_ENDS:
        text = pattern.sub(between, text)
    return text.lower().strip("_")


def offers_of(branches: Sequence[Branch]) -> tuple[Offer, ...]:
    """All columns that products of these branches can be, each name once.

    A branch whose name is taken, by one that differs in no more than its process, has that too in
    its name; and if that is taken as well, it is left out.
    """
    families: dict[str, list[Collection]] = {}
    for collection in COLLECTIONS:
        families.setdefault(collection.other, []).append(collection)
    taken: set[str] = set()
    return tuple(
        offer for family in families.values() for offer in _family(family, branches, taken)
    )


def _family(
    family: Sequence[Collection], branches: Sequence[Branch], taken: set[str]
) -> Iterator[Offer]:
    """Offers of collections of one kind: those with names of their own, then all others."""
    of_class = [i for i, found in enumerate(branches) if found.class_name == family[0].class_name]
    left = list(of_class)
    for collection in family:
        own = next((i for i in of_class if _is_own(collection, branches[i])), None)
        if own is not None:
            left.remove(own)
            taken.add(collection.name)
            # A reference names its product by a number that the file's first message does not
            # explain: of several products of the class it could mean any.
            partner = _partner(collection, branches) if len(of_class) == 1 else -1
            yield Offer(collection.name, collection, own, partner)
    for i in left:
        branch = branches[i]
        name = snake_case("_".join((family[0].other, branch.label, branch.instance)))
        if name in taken:
            name = snake_case(f"{name}_{branch.process}")
        if name not in taken:
            taken.add(name)
            yield Offer(name, family[0], i, -1)


def _is_own(collection: Collection, branch: Branch) -> bool:
    return collection.label is None or (
        (branch.label, branch.instance) == (collection.label, collection.instance)
    )


def _partner(collection: Collection, branches: Sequence[Branch]) -> int:
    """The first branch of the class that refers to this one's objects, -1 without one."""
    partners = (i for i, found in enumerate(branches) if found.class_name == collection.partner)
    return next(partners, -1)
