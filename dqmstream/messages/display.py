"""Single events to be looked at: what the display service picks, and the gateway shows."""

from typing import Literal, TypeAlias

from dqmstream.messages.struct import Message, Value

__all__ = ["DisplayLayer", "DisplaySpot", "EventDisplay", "Kind"]

Kind: TypeAlias = Literal["track", "vertex", "jet", "muon", "electron", "photon"]


class DisplayLayer(Value, frozen=True, kw_only=True):
    """Objects of one collection of an event, member by member.

    `total` is how many the event has; of those the softest may be left out, and all that have no
    place (a number that is not finite, a vertex that is not valid). Lengths are in cm, momenta in
    GeV. None stands for a number that is not finite; whole numbers travel as such. A member that
    the data have not is not there.
    """

    kind: Kind
    collection: str
    total: int
    members: dict[str, tuple[int | float | None, ...]]


class DisplaySpot(Value, frozen=True, kw_only=True):
    """The beam spot as the event has it: centre and widths in cm, slopes of its axis."""

    x: float
    y: float
    z: float
    width_x: float = 0.0
    width_y: float = 0.0
    sigma_z: float = 0.0
    dxdz: float = 0.0
    dydz: float = 0.0


class EventDisplay(Message, frozen=True, kw_only=True, tag=True):
    """One event, small enough to be drawn by every browser that looks on.

    `rule` picked it, and `why` says so in words. `paths` are the trigger paths it passed, the first
    of `paths_passed`. What its source does not send is None, or not there.
    """

    run: int
    lumisection: int
    event: int
    orbit: int | None = None
    bunch_crossing: int | None = None
    time: int | None = None
    """Of the collision, nanoseconds since 1970."""
    rule: str
    why: str
    paths: tuple[str, ...] = ()
    paths_passed: int = 0
    marks: tuple[str, ...] = ()
    """What about the data is not as a detector took it (`MARKS`)."""
    layers: tuple[DisplayLayer, ...] = ()
    spot: DisplaySpot | None = None
    heard: int = 0
    """When the log took the event, nanoseconds since 1970."""
    made: int = 0
    """Wall clock when it was picked, nanoseconds since 1970."""
