"""What quality tests are given besides the contents they judge: references, bands, LSs before."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import ElementLayout
from dqmstream.messages.booking import Axis
from dqmstream.messages.operations import Conditions

__all__ = [
    "Accepted",
    "Chosen",
    "ChosenBand",
    "ChosenReference",
    "Exposure",
    "Inputs",
    "NoReference",
    "Normalise",
    "Past",
    "References",
    "Wanted",
    "digest_of",
    "no_references",
]

Normalise = Literal["entries", "lumisections", "luminosity", "none"]
"""What a reference is scaled to before it is compared: equal entries, LSs, luminosity, or not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exposure:
    """How much data contents were made of.

    Parameters
    ----------
    lumisections
        LSs in them.
    luminosity
        Integrated over these, recorded, in /pb; None if it is not known of all of them.
    """

    lumisections: int = 1
    luminosity: float | None = None

    @classmethod
    def of(cls, numbers: Sequence[int], conditions: Callable[[int], Conditions | None]) -> Self:
        """That of these LSs."""
        rows = [conditions(number) for number in numbers]
        known = [row.recorded for row in rows if row is not None and row.recorded is not None]
        if len(known) < len(rows) or not all(map(math.isfinite, known)):
            return cls(lumisections=len(numbers))
        # Rounded once, whatever the order.
        return cls(lumisections=len(numbers), luminosity=math.fsum(known))


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """The reference that one test wants for one element in one window.

    Parameters
    ----------
    kind
        A histogram, or a band over many LSs.
    run, lumisection
        Of what is judged: the last LS of the window.
    conditions
        Of that LS; None if nothing is known of it.
    name
        Of the reference of choice; empty for whichever the catalogue chooses.
    most
        How many references the test can use.
    moment
        Wall clock of judging, nanoseconds since 1970; 0 if not known: nothing has expired then.
    """

    kind: Literal["histogram", "band"]
    workspace: str
    path: str
    run: int
    lumisection: int
    conditions: Conditions | None = None
    name: str = ""
    most: int = 1
    moment: int = 0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ChosenReference:
    """A reference as a histogram. The same version gives the same object, or an equal one.

    Parameters
    ----------
    version
        Id of its version, which reports name: a content hash.
    name
        As people know it, with the number of its version: `2018D pp #3`.
    contents, element
        Its cells, and where in them the element lies: of the reference's own booking.
    exposure
        What it was made of, for normalising.
    """

    version: str
    name: str
    contents: Contents
    element: ElementLayout
    exposure: Exposure = field(default_factory=Exposure)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ChosenBand:
    """A reference as a range per bin that most of many good LSs lie in.

    Parameters
    ----------
    version, name
        As of a ChosenReference.
    axes
        Of the element it was made of.
    profile
        Whether that was a profile, of whose bins the band holds means.
    centre, lower, upper, statistical
        float64[extents...], see `BandStack`: content for one unit of `per`.
    per
        The unit: one entry, one LS, one /pb; `none` for means, or contents as they are.
    members
        LSs it was made of.
    exposure, entries
        What all of them together had: LSs and luminosity; entries, or sum of weights, of the
        element without flow, NaN if that is not known. For tests that compare in another unit.
    usual
        Mean, variance and third central moment of `usual_squares`, if known; in the unit `per`.
    """

    version: str
    name: str
    axes: tuple[Axis, ...]
    centre: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    statistical: NDArray[np.float64]
    members: int
    per: Normalise = "entries"
    profile: bool = False
    usual: tuple[float, float, float] | None = None
    exposure: Exposure = field(default_factory=Exposure)
    entries: float = float("nan")


@dataclass(frozen=True, slots=True)
class NoReference:
    """None is valid: `why` says which were tried, and what was wrong with each."""

    why: str


Chosen: TypeAlias = tuple[ChosenReference, ...] | ChosenBand | NoReference


class References(Protocol):
    """The catalogue of references, as judging sees it."""

    def __call__(self, wanted: Wanted) -> Chosen:
        """What to compare with: for the kind `histogram` one to `most` references, the reference
        of choice first; for `band` a band; or why there is none.

        Called from a worker thread, once for each test and element that needs one: quick.
        """
        ...


def no_references(wanted: Wanted) -> Chosen:
    """The empty catalogue."""
    return NoReference(f"no reference is known for {wanted.workspace}: {wanted.path}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """An LS before the one judged: its contents, their `digest_of` and its recorded luminosity, in
    /pb, if they are known."""

    lumisection: int
    contents: Contents
    digest: str = ""
    luminosity: float | None = None


def digest_of(contents: Contents) -> str:
    """Hash of the cells: what reports name as proof of what was judged."""
    return hashlib.blake2b(contents.cells.data, digest_size=8).hexdigest()


Accepted = Callable[[Conditions | None], bool]
"""Whether LSs of such conditions may be looked at."""


def _no_past(_lumisections: int, _accepted: Accepted) -> Sequence[Past]:
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """All that is given to the tests of one window besides its contents.

    Parameters
    ----------
    references
        Gives each its reference.
    past
        The last n LSs before the one judged that are still held and whose conditions are accepted,
        the oldest first.
    exposure
        What the contents judged were made of.
    """

    references: References = no_references
    past: Callable[[int, Accepted], Sequence[Past]] = _no_past
    exposure: Exposure = field(default_factory=Exposure)
