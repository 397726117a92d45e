"""A layout as it stands, and who wrote it."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from dqmstream.identity import content_hash
from dqmstream.layouts.check import written
from dqmstream.layouts.layout import Layout
from dqmstream.layouts.shipped import shipped_layouts
from dqmstream.messages.booking import Booking
from dqmstream.messages.configuration import ConfigurationVersion

__all__ = ["Shown", "shown_as_shipped", "version_facts"]

_SHIPPED_BY: Final = "dqmstream"


class Shown(NamedTuple):
    """A layout as it stands; `version` is None for a shipped one that nobody has written over."""

    layout: Layout
    version: ConfigurationVersion | None
    hash: str

    @property
    def number(self) -> int:
        return 0 if self.version is None else self.version.number

    @property
    def shipped(self) -> bool:
        """Whether it is what is shipped: it follows the bookings."""
        return self.version is None or self.version.restores == 0


def shown_as_shipped(bookings: Sequence[Booking]) -> dict[str, Shown]:
    """Layouts made of bookings, by name."""
    layouts = shipped_layouts(bookings)
    return {
        name: Shown(layout, None, content_hash(written(layout))) for name, layout in layouts.items()
    }


def version_facts(version: ConfigurationVersion | None) -> dict[str, object]:
    """Who wrote a version, when and why; of a shipped layout nobody did."""
    if version is None:
        return {"hash": "", "who": _SHIPPED_BY, "why": "", "when": 0, "restores": None}
    return {name: getattr(version, name) for name in ("hash", "who", "why", "when", "restores")}
