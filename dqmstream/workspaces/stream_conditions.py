"""Conditions of lumisections as the events themselves carry them; quality tests go by them.

Filled when an LS has closed, by an analysis that publishes them on `dqm.conditions` too.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.analyses.conditions import COLUMNS, FOLDER, PARTS
from dqmstream.booking import Workspace, analysis, integer, profile, scalar, text
from dqmstream.messages.booking import Draw, Element

__all__ = ["workspace"]

_TREND: Final = Draw(per_lumisection=True)
_NUMBERS: Final = {
    "luminosity": (
        "luminosity [1e30 /cm2/s]",
        "Falls slowly in a fill, and jumps with a new one. Records that name another lumisection "
        "are left out here; DCS/Luminosity counts them too.",
    ),
    "pileup": ("pile-up", "Follows the luminosity, of the same records."),
    "magnet_current": ("current of the magnet [A]", "18164 A at full field, 0 without."),
    "magnet_field": ("field of the magnet [T]", "3.8 T at full field, 0 without."),
}


def _numbers() -> Iterator[Element]:
    for name, (words, good) in _NUMBERS.items():
        yield scalar(
            f"{FOLDER}/{name}",
            combine="last",
            title=f"Mean {words} of the lumisection",
            description=good,
            draw=_TREND,
        )
        yield scalar(
            f"{FOLDER}/Spread/{name}",
            combine="last",
            title=f"Spread of {words} within the lumisection",
            description="Small beside the mean; otherwise something changed within the LS.",
            draw=_TREND,
        )


def _parts() -> Iterator[Element]:
    yield profile(
        f"{FOLDER}/parts",
        integer(0, len(PARTS), labels=PARTS, label="part of the detector"),
        value_range=(0, 1),
        title="Lumisections with voltages on",
        description="1 for each part in stable beams; parts that are not read out have none. "
        "Else tell the shift leader.",
    )
    for name, words in (("parts_on", "on"), ("parts_off", "off")):
        yield scalar(
            f"{FOLDER}/{name}",
            combine="last",
            title=f"{words.capitalize()}: parts of the detector",
            description="Constant in stable beams. Quality tests of a part that is off are "
            "DISABLED where they require it.",
            draw=_TREND,
        )
    yield text(
        f"{FOLDER}/off",
        title="Parts that are off",
        description="Those known to be off, the same in all lumisections of stable beams. Else "
        "tell the shift leader.",
    )


workspace = Workspace(
    "stream_conditions",
    "Voltages, magnet, luminosity and pile-up of each lumisection, from its own events.",
    [*_numbers(), *_parts()],
    analysis=analysis("conditions", columns=COLUMNS),
)
