"""What HTTP answers about single events look like."""

from pydantic import Field

from dqmstream.messages.display import Kind
from services.gateway.models import NEXT, Answer

__all__ = ["DisplayAnswer", "DisplaysAnswer"]


class _Picked(Answer):
    run: int
    lumisection: int
    event: int = Field(description="Number of the event in its run.")
    orbit: int | None = Field(description="Null where the source does not say.")
    bunch_crossing: int | None
    time: int | None = Field(description="Of the collision, nanoseconds since 1970.")
    rule: str = Field(description="What picked it.", examples=["rare@0.3"])
    why: str = Field(examples=["32 to 63 tracks in 1 of 518 events"])
    paths_passed: int = Field(description="How many trigger paths it passed.")
    marks: list[str] = Field(description="What about the data is not as a detector took it.")
    heard: int = Field(description="When the log took it, nanoseconds since 1970.")
    made: int = Field(description="When it was picked, nanoseconds since 1970.")


class DisplayRow(_Picked):
    """One event in a list."""

    counts: dict[str, int] = Field(description="Objects by collection.", examples=[{"tracks": 27}])


class DisplaysAnswer(Answer):
    """Events of a run, newest first."""

    run: int | None = Field(description="Null if nothing was picked of any run.")
    displays: list[DisplayRow]
    after: int | None = Field(description="Ask with this for the next page; null at the end.")
    next: str | None = NEXT


class Layer(Answer):
    """Objects of one collection, member by member, the hardest first."""

    kind: Kind
    collection: str
    total: int = Field(description="How many the event has; the softest may not be drawn.")
    members: dict[str, list[float | None]] = Field(
        description="In GeV, cm and radians; null for what is no number.",
        examples=[{"pt": [3.14], "eta": [0.5], "phi": [-1.2], "charge": [-1]}],
    )


class Spot(Answer):
    """The beam spot, in cm."""

    x: float
    y: float
    z: float
    width_x: float
    width_y: float
    sigma_z: float
    dxdz: float
    dydz: float


class DisplayAnswer(_Picked):
    """One event: what is drawn of it."""

    paths: list[str] = Field(description="Trigger paths it passed, the first of them.")
    layers: list[Layer]
    spot: Spot | None
