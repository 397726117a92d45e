"""What is booked: layouts by booking hash, which set is shown for a run, elements by path."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Activation, Booking
from services.gateway.search import Matches
from services.gateway.shown_sets import sets_shown

__all__ = ["Catalogue", "Found"]


class Found(NamedTuple):
    """An element of a workspace's layout."""

    layout: Layout
    element: ElementLayout

    @property
    def path(self) -> str:
        return self.element.element.path


class Catalogue:
    """Bookings and activations as read from `dqm.bookings`."""

    def __init__(self) -> None:
        self._layouts: dict[str, Layout] = {}
        self._newest: dict[str, Layout] = {}
        self._activations: dict[Activation, None] = {}

    def book(self, booking: Booking) -> Layout:
        """Take a booking in; the newest of a workspace is shown where no run decides."""
        layout = Layout(booking)
        known = self._layouts.setdefault(layout.hash, layout)
        self._newest[booking.workspace] = known
        return known

    def activate(self, activation: Activation) -> None:
        """From a run on, readers show this set of these workspaces."""
        self._activations[activation] = None

    @property
    def decisions(self) -> int:
        """Rises with every activation."""
        return len(self._activations)

    def layout(self, booking: str) -> Layout | None:
        """Layout of a booking hash, None if the booking was not announced (yet)."""
        return self._layouts.get(booking)

    def workspaces(self) -> list[str]:
        """Names of all workspaces, sorted."""
        return sorted(self._newest)

    def newest(self, workspace: str) -> Layout | None:
        """Layout of the booking announced last for a workspace."""
        return self._newest.get(workspace)

    def sets_shown(
        self, run: int, brought: Mapping[str, Sequence[str]]
    ) -> dict[str, tuple[str, ...]]:
        """`sets_shown` of what a run has in memory, by the activations known so far."""
        return sets_shown(run, brought, self._activations)


def find(layouts: Iterable[Layout], matches: Matches | None = None) -> Iterator[Found]:
    """Elements of some layouts, in booking order, whose path is meant."""
    for layout in layouts:
        for element in layout:
            if matches is None or matches(element.element.path):
                yield Found(layout, element)
