"""The telescopes of the pixel luminosity telescope, one by one, beside their mean."""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, profile, regular
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.elements import TREND

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the BRIL expert on duty."
_TELESCOPES: Final = range(16)
_LUMI: Final = regular(120, 0, 24, label="luminosity of a bunch, in the units of the file")
_MEAN: Final = regular(48, 0, 24, label="luminosity of a bunch by all telescopes")


def _telescopes() -> Iterator[Element]:
    for number in _TELESCOPES:
        yield histogram(
            f"BRILTelescopes/value/{number:02}",
            _LUMI,
            fill=f"plt_{number}",
            title=f"Luminosity by telescope {number}",
            description=f"As the other telescopes, but for a factor: a dead one is at 0. {_CALL}",
            draw=TREND,
        )
    for number in _TELESCOPES:
        yield profile(
            f"BRILTelescopes/share/{number:02}",
            _MEAN,
            fill="plt",
            value=f"plt_{number} / plt",
            value_range=(-100, 100),
            select="plt > 0.5",
            title=f"Telescope {number} over the mean of all, by luminosity",
            description=f"Flat, about 1; near 0 it is dead. {_CALL}",
            draw=Draw(style="points", efficiency=True, per_lumisection=True),
        )


workspace = Workspace(
    "bril_lumi_plt",
    "The 16 telescopes of the pixel luminosity telescope, each by itself.",
    _telescopes(),
)
