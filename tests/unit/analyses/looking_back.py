"""An analysis that says all it was given, and remembers all it ever was: nothing escapes it."""

import json
from collections.abc import Sequence

from dqmstream.analyses.analysis import Closed, Sample
from dqmstream.analyses.writing import ElementWriter
from dqmstream.booking import Workspace, analysis, scalar, text
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.operations import Conditions

__all__ = ["LookingBack", "looking_back", "told"]


def looking_back(name: str = "back", *, lookback: int = 2, poison: int = 1_000_000) -> Booking:
    """A workspace of it."""
    return Workspace(
        name,
        "",
        [
            text("Back/told"),
            scalar("Back/events", combine="sum"),
            scalar("Back/nth", combine="last"),
        ],
        analysis=analysis(
            f"{__name__}:LookingBack",
            columns=["hits.x", "y"],
            lookback=lookback,
            poison=poison,
        ),
    )


class LookingBack:
    """Throws at an event of the number `poison`."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        assert layout.booking.analysis
        self._parameters = layout.booking.analysis.parameters
        self.lookback = int(self._parameters["lookback"])

    def begin(self, run: int) -> bytes:
        return json.dumps([run]).encode()

    def close(self, state: bytes, window: Sequence[Sample]) -> Closed:
        now = window[-1]
        if self._parameters["poison"] in now.columns["y"].tolist():
            msg = f"run {now.run} LS {now.lumisection}: poison"
            raise ValueError(msg)
        memory = [*json.loads(state), now.lumisection]
        writer = ElementWriter(self.layout)
        writer.scalar("Back/events", now.events)
        writer.scalar("Back/nth", len(memory) - 1)
        shown = [
            {
                "lumisection": one.lumisection,
                "fraction": one.fraction,
                "y": one.columns["y"].tolist(),
                "x": one.columns["hits.x"].tolist(),
                "offsets": one.offsets["hits"].tolist(),
            }
            for one in window
        ]
        writer.text("Back/told", json.dumps({"memory": memory, "window": shown}))
        known = Conditions(run=0, lumisection=0, pileup=float(now.events))
        return Closed(json.dumps(memory).encode(), writer.contents, known)


def told(scalars: object) -> dict[str, object]:
    """What the text says."""
    said: dict[str, object] = json.loads(str(scalars))
    return said
