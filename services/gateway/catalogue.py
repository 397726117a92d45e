"""What is booked: layouts by booking hash, which set is shown for a run, elements by path."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dqmstream.histograms.layout import ElementLayout, Layout
from dqmstream.messages.booking import Activation, Booking
from services.gateway.search import Matches

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
        self._activations: dict[str, set[tuple[int, int, str]]] = defaultdict(set)

    def book(self, booking: Booking) -> Layout:
        """Take a booking in; the newest of a workspace is shown where no run decides."""
        layout = Layout(booking)
        known = self._layouts.setdefault(layout.hash, layout)
        self._newest[booking.workspace] = known
        return known

    def activate(self, activation: Activation) -> None:
        """From a run on, readers show this set of these workspaces."""
        for workspace in activation.workspaces:
            decided = (activation.from_run, activation.when, activation.set)
            self._activations[workspace].add(decided)

    def layout(self, booking: str) -> Layout | None:
        """Layout of a booking hash, None if the booking was not announced (yet)."""
        return self._layouts.get(booking)

    def workspaces(self) -> list[str]:
        """Names of all workspaces, sorted."""
        return sorted(self._newest)

    def newest(self, workspace: str) -> Layout | None:
        """Layout of the booking announced last for a workspace."""
        return self._newest.get(workspace)

    def set_shown(self, run: int, workspace: str, seen: Iterable[str]) -> str | None:
        """Which of the sets `seen` in a run (oldest first) readers show.

        Of the activations from this run or an earlier one on whose set has brought something, the
        one of the latest run decides, and of those the newest; without any, the set seen last.
        """
        sets = list(seen)
        decided = [
            (from_run, when, name)
            for from_run, when, name in self._activations[workspace]
            if from_run <= run and name in sets
        ]
        if decided:
            return max(decided)[2]
        return sets[-1] if sets else None


def find(layouts: Iterable[Layout], matches: Matches | None = None) -> Iterator[Found]:
    """Elements of some layouts, in booking order, whose path is meant."""
    for layout in layouts:
        for element in layout:
            if matches is None or matches(element.element.path):
                yield Found(layout, element)
