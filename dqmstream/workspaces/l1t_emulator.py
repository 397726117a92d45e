"""Level-1 trigger against its emulator, event by event and object by object.

The emulator is exact to the bit: every difference is a fault of the trigger or of the emulator's
inputs. An object that both have with different values counts on both sides.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import BUNCHES, EFFICIENCY, MAP, TREND, number_of_events

__all__ = ["workspace"]

_FOLDER: Final = "L1TEmulator"
_CALL: Final = "Otherwise call the level-1 trigger expert on duty."
_EMPTY: Final = "Empty when trigger and emulator agree."
_SIDES: Final = {"data": -1, "emulator": 1}
"""Who alone has an object, and `side` of it."""
_ANY: Final = (
    "count(l1t_mismatch) + count(l1t_jet_mismatch) + count(l1t_eg_mismatch)"
    " + count(l1t_tau_mismatch) + count(l1t_muon_mismatch) + count(l1t_sum_mismatch) > 0"
)
_IETA: Final = integer(-28, 29, label="tower in eta")
_IPHI: Final = integer(1, 73, label="tower in phi")


@dataclass(frozen=True, slots=True)
class _Objects:
    """One kind of trigger object: how its collections end, its folder, what it is called."""

    kind: str
    folder: str
    title: str
    most: int

    @property
    def mismatch(self) -> str:
        """The collection of differences."""
        return f"l1t{self.kind}_mismatch"


_BITS: Final = _Objects("", "Bits", "bits", 30)
_SUMS: Final = _Objects("_sum", "Sums", "energy sums", 10)
_CANDIDATES: Final = {
    _Objects("_jet", "Jets", "jets", 20): 200,
    _Objects("_eg", "ElectronsPhotons", "e/gamma", 20): 100,
    _Objects("_tau", "Taus", "taus", 15): 200,
    _Objects("_muon", "Muons", "muons", 10): 100,
}
"""Objects to the end of their spectrum [GeV]."""


def _events() -> Iterator[Element]:
    yield number_of_events(_FOLDER)
    yield scalar(
        f"{_FOLDER}/differing_events",
        _ANY,
        combine="sum",
        title="Events in which trigger and emulator differ",
        description=f"None. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{_FOLDER}/agreement",
        integer(0, 2, labels=["differ", "agree"], label="trigger and emulator"),
        fill=f"where({_ANY}, 0, 1)",
        title="Events in which trigger and emulator agree",
        description=f"All events agree, object by object. {_CALL}",
    )
    yield profile(
        f"{_FOLDER}/agreement_by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value=f"where({_ANY}, 0, 1)",
        value_range=(0, 1),
        title="Fraction of events that agree, by bunch crossing",
        description=f"1 in all filled bunches. {_CALL}",
        draw=EFFICIENCY,
    )


def _both(objects: _Objects) -> Iterator[Element]:
    """What there is of all kinds of objects."""
    folder, differ = f"{_FOLDER}/{objects.folder}", f"count({objects.mismatch}) > 0"
    axis = (
        integer(0, objects.most, label=f"{objects.title} of the trigger in an event"),
        integer(0, objects.most, label=f"{objects.title} of the emulator in an event"),
    )
    yield scalar(
        f"{folder}/differing_events",
        differ,
        combine="sum",
        title=f"Events with different {objects.title}",
        description=f"None. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/agreement",
        integer(0, 2, labels=["differ", "agree"], label="trigger and emulator"),
        fill=f"where({differ}, 0, 1)",
        title=f"Events with the same {objects.title}",
        description=f"All events agree. {_CALL}",
    )
    yield histogram(
        f"{folder}/multiplicity",
        *axis,
        fill=(f"count(l1t{objects.kind})", f"count(l1t_emulator{objects.kind})"),
        title=f"Number of {objects.title} in both",
        description=f"The diagonal alone. {_CALL}",
        draw=MAP,
    )


def _numbered(objects: _Objects, member: str, last: int, label: str) -> Iterator[Element]:
    """Objects that have a number and no place."""
    yield from _both(objects)
    for who, side in _SIDES.items():
        yield histogram(
            f"{_FOLDER}/{objects.folder}/only_{who}",
            integer(0, last, label=label),
            fill=f"{objects.mismatch}.{member}",
            select=f"{objects.mismatch}.side == {side}",
            title=f"{objects.title.capitalize()} that only the {who} has or has so",
            description=f"{_EMPTY} {_CALL}",
        )


def _candidates(objects: _Objects, highest: int) -> Iterator[Element]:
    folder = f"{_FOLDER}/{objects.folder}"
    yield from _both(objects)
    yield histogram(
        f"{folder}/pt_difference",
        regular(101, -50.5, 50.5, label="sum of pt, emulator minus trigger", unit="GeV"),
        fill=f"sum(l1t_emulator{objects.kind}.pt) - sum(l1t{objects.kind}.pt)",
        title=f"Difference of the summed pt of {objects.title}",
        description=f"All in the bin at 0: a shift is a wrong calibration. {_CALL}",
    )
    for who, side in _SIDES.items():
        yield histogram(
            f"{folder}/only_{who}_towers",
            _IETA,
            _IPHI,
            fill=(f"{objects.mismatch}.ieta", f"{objects.mismatch}.iphi"),
            select=f"{objects.mismatch}.side == {side}",
            title=f"Towers of {objects.title} that only the {who} has or has so",
            description=f"{_EMPTY} A spot or a stripe names the region and so the card. {_CALL}",
            draw=MAP,
        )
        yield histogram(
            f"{folder}/only_{who}_pt",
            regular(100, 0, highest, label="pt", unit="GeV"),
            fill=f"{objects.mismatch}.pt",
            select=f"{objects.mismatch}.side == {side}",
            title=f"Transverse momentum of {objects.title} that only the {who} has or has so",
            description=f"{_EMPTY} {_CALL}",
        )


workspace = Workspace(
    "l1t_emulator",
    "Level-1 trigger against its emulator: differences per event, by object and place.",
    [
        *_events(),
        *_numbered(_BITS, "bit", 128, "trigger bit"),
        *(one for item in _CANDIDATES.items() for one in _candidates(*item)),
        *_numbered(_SUMS, "type", 8, "energy sum"),
    ],
)
