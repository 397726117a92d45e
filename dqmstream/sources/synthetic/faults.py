"""Faults on a schedule: what is broken, from which lumisection to which, and how it is written.

As text, for the command line::

    dead:pixel:layer1/module37@5-        no cluster in that module from LS 5 on
    dead:ecal:supermodule12@5-9          none in that supermodule from LS 5 to 9
    hot:ecal:ieta10/iphi200*50@7         that crystal counts 50 times its share in LS 7
    hot:l1t:bit4*20                      that trigger bit fires 20 times too often in all LSs

The address names members of the collection and their values, all of which hold: `layer1` is a
whole layer, `layer1/module37` one module of it.
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from dqmstream.errors import ConfigurationError
from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.cells import Address, parse_address
from dqmstream.sources.synthetic.collection import Rows
from dqmstream.sources.synthetic.subsystem import collection_named

__all__ = ["DeadModule", "Fault", "HotChannel", "parse_fault"]

_FORM: Final = re.compile(
    r"(?P<kind>dead|hot):(?P<collection>[a-z0-9_]+):(?P<address>[^@*:]+)"
    r"(?:\*(?P<factor>[0-9.]+))?"
    r"(?:@(?P<first>\d{1,9})(?P<dash>-)?(?P<last>\d{1,9})?)?"
)


@dataclass(frozen=True, slots=True)
class Fault(ABC):
    """Something broken in one collection from `first_lumisection` to `last_lumisection`.

    Parameters
    ----------
    collection, address
        What is broken, such as `pixel` and `layer1/module37`.
    first_lumisection, last_lumisection
        When, both included; None: to the end of the run.

    Raises
    ------
    ConfigurationError
        If there is no such collection or cell, or the lumisections are not in order.
    """

    collection: str
    address: str
    first_lumisection: int = 1
    last_lumisection: int | None = None

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        collection_named(self.collection).cells.checked(self.where)
        last = self.last_lumisection
        if self.first_lumisection < 1 or (last is not None and last < self.first_lumisection):
            msg = (
                f"lumisections {self.first_lumisection} to {last}: expected a first from 1 on "
                "and a last not before it"
            )
            raise ConfigurationError(msg)

    @property
    def where(self) -> Address:
        """The address, taken apart."""
        return parse_address(self.address)

    def active(self, lumisection: int) -> bool:
        """Whether it is there in that lumisection."""
        last = self.last_lumisection
        return self.first_lumisection <= lumisection and (last is None or lumisection <= last)

    @abstractmethod
    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:
        """The rows of the collection as the broken detector shows them.

        Parameters
        ----------
        rng
            Generator of this chunk and fault alone.
        crossings, rows
            Events of the chunk, and the objects of the collection in them.
        """

    def __str__(self) -> str:
        last = "" if self.last_lumisection is None else str(self.last_lumisection)
        what = f"{self.kind}:{self.collection}:{self.address}{self._strength()}"
        return f"{what}@{self.first_lumisection}-{last}"

    def _strength(self) -> str:
        return ""

    def _at(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """bool[rows]: which objects are at the address."""
        found = np.ones(int(rows.counts.sum()), np.bool_)
        for name, value in self.where:
            found &= rows.members[name] == value
        return found


@dataclass(frozen=True, slots=True)
class DeadModule(Fault):
    """Nothing comes from the address."""

    kind = "dead"

    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:  # noqa: ARG002 loses, never adds
        return _only(rows, ~self._at(rows))


@dataclass(frozen=True, slots=True)
class HotChannel(Fault):
    """The address gives `factor` times its share: noise is added to what is there.

    Each event gets a Poisson number of noise objects with mean (factor - 1) times the mean number
    of objects expected there; but for the address they are drawn as all others.
    """

    factor: float = 10.0

    kind = "hot"

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if not 1 < self.factor <= 1e6:
            msg = f"factor {self.factor}: expected more than 1 and at most 1e6"
            raise ConfigurationError(msg)

    def apply(self, rng: np.random.Generator, crossings: Crossings, rows: Rows) -> Rows:
        collection = collection_named(self.collection)
        share = collection.cells.share(self.where)
        mean = collection.expected(crossings) * (share * (self.factor - 1))
        counts = rng.poisson(mean, len(crossings))
        if collection.once_per_event:
            counts = np.minimum(counts, 1)
            noisy = np.repeat(counts > 0, rows.counts)
            rows = _only(rows, ~(noisy & self._at(rows)))
        return _together(rows, Rows(counts, collection.draw(rng, int(counts.sum()), self.where)))

    def _strength(self) -> str:
        return f"*{self.factor:g}"


def _events(rows: Rows) -> npt.NDArray[np.int64]:
    """int64[rows]: to which event of the chunk each object belongs."""
    return np.repeat(np.arange(len(rows.counts)), rows.counts)


def _only(rows: Rows, kept: npt.NDArray[np.bool_]) -> Rows:
    counts = np.bincount(_events(rows)[kept], minlength=len(rows.counts))
    return Rows(counts, {name: values[kept] for name, values in rows.members.items()})


def _together(rows: Rows, added: Rows) -> Rows:
    """Objects of both, those of one event side by side."""
    order = np.argsort(np.concatenate([_events(rows), _events(added)]), kind="stable")
    members = {
        name: np.concatenate([values, added.members[name]])[order]
        for name, values in rows.members.items()
    }
    return Rows(rows.counts + added.counts, members)


def parse_fault(text: str) -> Fault:
    """A fault out of its text (see the module).

    Raises
    ------
    ConfigurationError
        If the text has another form, or names what is not there.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None or (match["kind"] == "hot") != (match["factor"] is not None):
        msg = (
            f"fault {text!r}: expected 'dead:COLLECTION:ADDRESS@FIRST-LAST' or "
            "'hot:COLLECTION:ADDRESS*FACTOR@FIRST-LAST', such as 'dead:pixel:layer1/module37@5-'"
        )
        raise ConfigurationError(msg)
    try:
        return _made(match)
    except ValueError as error:
        msg = f"fault {text!r}: {error}"
        raise ConfigurationError(msg) from error


def _made(match: re.Match[str]) -> Fault:
    collection, address = match["collection"], match["address"]
    first = int(match["first"] or 1)
    last = int(match["last"]) if match["last"] else None
    if match["first"] and not match["dash"]:
        last = first
    if match["kind"] == "dead":
        return DeadModule(collection, address, first, last)
    return HotChannel(collection, address, first, last, float(match["factor"]))
