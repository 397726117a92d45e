"""What a workspace may cost that is posted: checked before it is activated. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dqmstream.errors import BookingError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.configuration import ConfigurationVersion
from dqmstream.workspaces.budget import MemoryBudgets

if TYPE_CHECKING:
    from dqmstream.workspaces.trial import Tried

__all__ = ["COST", "PostedLimits", "check_place", "cost_of"]

COST: Final = "microseconds an event"
"""Name of the note of a version that says what was measured."""
_NAMED: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class PostedLimits:
    """Budgets of posted workspaces.

    Parameters
    ----------
    memory
        Of elements and workspaces.
    cost, cost_all
        Microseconds an event, of each and of all in force.
    most
        How many may be in force.
    """

    memory: MemoryBudgets = field(default_factory=MemoryBudgets)
    cost: float = 50.0
    cost_all: float = 200.0
    most: int = 32

    def check(
        self,
        tried: "Tried",
        others: Mapping[str, ConfigurationVersion],
        *,
        unmeasured: bool,
    ) -> dict[str, str]:
        """What is to be noted of a workspace that was tried.

        Parameters
        ----------
        others
            The versions in force of other workspaces.
        unmeasured
            Whether it may be activated though a part of it could not be tried.

        Raises
        ------
        BookingError
            If it costs more than it may, or what it costs is not known.
        """
        name = tried.workspace
        self._check_number(others)
        problem = _unknown(tried)
        if problem and not unmeasured:
            msg = f"workspace {name!r}: {problem}; say `unmeasured` to activate it all the same"
            raise BookingError(msg)
        cost = tried.microseconds
        if cost is not None:
            self._check_cost(name, cost, others)
        notes = {
            "bytes of one LS": str(tried.bytes),
            "tried on": (
                f"run {', '.join(map(str, tried.runs))}: {tried.events} events in {tried.chunks} "
                f"chunks of {tried.lumisections} LSs"
                if tried.events
                else "no events"
            ),
        }
        if cost is not None:
            notes[COST] = f"{cost:.3f}"
        if problem:
            notes["not measured"] = problem
        return notes

    def check_again(
        self, name: str, version: ConfigurationVersion, others: Mapping[str, ConfigurationVersion]
    ) -> None:
        """An earlier version of a workspace that is not in force, by what was measured of it then.

        Raises
        ------
        BookingError
            If it costs more than it may beside the others.
        """
        self._check_number(others)
        self._check_cost(name, cost_of(version), others)

    def _check_number(self, others: Mapping[str, ConfigurationVersion]) -> None:
        if len(others) + 1 > self.most:
            msg = (
                f"{len(others)} posted workspaces are in force, at most {self.most} may be: roll "
                "one back"
            )
            raise BookingError(msg)

    def _check_cost(
        self, name: str, cost: float, others: Mapping[str, ConfigurationVersion]
    ) -> None:
        if cost > self.cost:
            msg = (
                f"workspace {name!r}: filling takes {cost:.2f} microseconds an event, its budget "
                f"is {self.cost:g} (posted_cost)"
            )
            raise BookingError(msg)
        known = {other: cost_of(version) for other, version in others.items()}
        whole = cost + sum(known.values())
        if whole > self.cost_all:
            dearest = sorted(known, key=lambda other: -known[other])[:_NAMED]
            told = ", ".join(f"{other} {known[other]:.2f}" for other in dearest)
            msg = (
                f"workspace {name!r}: with it all posted workspaces take {whole:.2f} microseconds "
                f"an event, their budget is {self.cost_all:g} (posted_cost_all); in force: {told}"
            )
            raise BookingError(msg)


def cost_of(version: ConfigurationVersion) -> float:
    """Microseconds an event that were measured when it was activated; 0 if they were not."""
    try:
        return float(version.notes.get(COST, "0"))
    except ValueError:
        return 0.0


def check_place(booking: Booking, booked: Iterable[Layout], posted: Iterable[str]) -> None:
    """A posted workspace takes nothing that is another's.

    Parameters
    ----------
    booked
        All that is booked, of whatever workspaces.
    posted
        Names of workspaces that were posted: those may be posted again.

    Raises
    ------
    BookingError
        If its name is that of a workspace that is not posted, or another has one of its paths.
    """
    paths = {element.path for element in booking.elements}
    names = set(posted)
    for layout in booked:
        if layout.workspace == booking.workspace:
            if layout.workspace not in names:
                msg = (
                    f"workspace {booking.workspace!r} is filled by the release: choose another name"
                )
                raise BookingError(msg)
            continue
        twice = sorted(paths.intersection(place.element.path for place in layout))
        if twice:
            more = f" and {len(twice) - _NAMED} more" * (len(twice) > _NAMED)
            msg = (
                f"workspace {booking.workspace!r}: {', '.join(twice[:_NAMED])}{more} are booked by "
                f"workspace {layout.workspace!r}: choose other paths"
            )
            raise BookingError(msg)


def _unknown(tried: "Tried") -> str:
    """What of its cost is not known; empty if all is."""
    if not tried.events:
        return "there are no events to try it on: send a run first"
    bad = tried.invalid
    if bad:
        more = f" and {len(bad) - _NAMED} more elements" * (len(bad) > _NAMED)
        told = "; ".join(f"{row.path}: {row.invalid}" for row in bad[:_NAMED])
        return f"{len(bad)} of {len(tried.elements)} elements cannot be filled: {told}{more}"
    return ""
