"""Level-1 trigger: rates of bits, jets, e/gamma, taus and muons, energy sums, prefiring.

Bits are numbers here; a source that knows their names sends them as labels of `l1t.bit`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar
from dqmstream.messages.booking import Element
from dqmstream.workspaces.elements import (
    BUNCHES,
    EFFICIENCY,
    LOG_MAP,
    MAP,
    SPECTRUM,
    TREND,
    number_of_events,
)

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the level-1 trigger expert on duty."

_BITS: Final = 128
_IETA: Final = integer(-28, 29, label="tower in eta")
_IPHI: Final = integer(1, 73, label="tower in phi")
_BX: Final = integer(-2, 3, label="crossing, relative to the event's")
_TIME: Final = regular(48, 0, 24, label="time since the start of the LS", unit="s")


@dataclass(frozen=True, slots=True)
class _Candidates:
    """One kind of candidate; `highest` is the upper end of its spectrum [GeV]."""

    collection: str
    folder: str
    title: str
    highest: float


_JETS: Final = _Candidates("l1t_jet", "L1T/Jets", "jets", 200)
_ELECTRONS: Final = _Candidates("l1t_eg", "L1T/ElectronsPhotons", "e/gamma", 100)
_TAUS: Final = _Candidates("l1t_tau", "L1T/Taus", "taus", 200)
_MUONS: Final = _Candidates("l1t_muon", "L1T/Muons", "muons", 100)
_SUMS: Final = {"ETT": (0, 500), "HTT": (1, 500), "ETMHF": (2, 100), "HTMHF": (3, 100)}
"""Energy sums: name to number and end of the spectrum [GeV]."""


def _bits() -> Iterator[Element]:
    bit = integer(0, _BITS, label="trigger bit")
    yield number_of_events("L1T")
    yield scalar(
        "L1T/fired_bits",
        "count(l1t)",
        combine="sum",
        title="Fired bits",
        description=f"Steady, without steps but at prescale changes. {_CALL}",
        draw=TREND,
    )
    yield scalar(
        "L1T/without_bit",
        "count(l1t) == 0",
        combine="sum",
        title="Events in which no bit fired",
        description=f"A few per cent of the events, and steady. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "L1T/Bits/counts",
        bit,
        fill="l1t.bit",
        title="Events by trigger bit",
        description="As in the reference but for prescale changes: a bit far above it fires on "
        f"noise, one at 0 is masked or dead. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "L1T/Bits/per_event",
        integer(0, 30, label="bits in an event"),
        fill="count(l1t)",
        title="Fired bits per event",
        description=f"One peak at 3 to 4. {_CALL}",
    )
    yield histogram(
        "L1T/Bits/in_time",
        bit,
        _TIME,
        fill=("l1t.bit", "time * 1e-9"),
        title="Trigger bits by time in the lumisection",
        description=f"Stripes of one colour: a step is a change of rate within the LS. {_CALL}",
        draw=LOG_MAP,
    )
    yield histogram(
        "L1T/Bits/by_bunch_crossing",
        bit,
        regular(99, 0.5, 3564.5, label="bunch crossing, in groups of 36"),
        fill=("l1t.bit", "bunch_crossing"),
        title="Trigger bits by bunch crossing",
        description=f"Stripes with the gaps of the filling scheme. {_CALL}",
        draw=LOG_MAP,
    )
    yield histogram(
        "L1T/events_by_bunch_crossing",
        integer(1, 3565, label="bunch crossing"),
        fill="bunch_crossing",
        title="Events by bunch crossing",
        description="Events in filled bunches only. Events in the abort gap at the end: wrong "
        f"phase or noise. {_CALL}",
    )
    yield histogram(
        "L1T/events_in_time",
        regular(240, 0, 24, label="time since the start of the LS", unit="s"),
        fill="time * 1e-9",
        title="Events by time in the lumisection",
        description=f"Flat: a hole is dead time. {_CALL}",
    )
    yield profile(
        "L1T/bits_by_bunch_crossing",
        BUNCHES,
        fill="bunch_crossing",
        value="count(l1t)",
        value_range=(0, 512),
        title="Mean fired bits by bunch crossing",
        description=f"Flat in the filled bunches. {_CALL}",
    )


def _candidates(kind: _Candidates) -> Iterator[Element]:
    name, folder = kind.collection, kind.folder
    pt = regular(100, 0, kind.highest, label="pt", unit="GeV")
    yield scalar(
        f"{folder}/candidates",
        f"count({name})",
        combine="sum",
        title=f"Number of {kind.title}",
        description=f"Falls slowly with the luminosity, muons are steady; no steps. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        f"{folder}/multiplicity",
        integer(0, 16, label=f"{kind.title} in an event"),
        fill=f"count({name})",
        title=f"Number of {kind.title} per event",
        description=f"One peak. {_CALL}",
    )
    yield histogram(
        f"{folder}/pt",
        pt,
        fill=f"{name}.pt",
        title=f"Transverse momentum of {kind.title}",
        description=f"Falls without bumps. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/highest_pt",
        pt,
        fill=f"max({name}.pt)",
        select=f"count({name}) > 0",
        title=f"Highest transverse momentum of {kind.title} in each event",
        description=f"Falls without bumps. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/total_pt",
        regular(100, 0, 4 * kind.highest, label="scalar sum of pt", unit="GeV"),
        fill=f"sum({name}.pt)",
        title=f"Sum of transverse momenta of {kind.title} in each event",
        description=f"Falls without bumps beyond its peak. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        f"{folder}/eta",
        _IETA,
        fill=f"{name}.ieta",
        title=f"Place of {kind.title} in eta",
        description=f"Flat, but for the empty bin at 0. {_CALL}",
    )
    yield histogram(
        f"{folder}/phi",
        _IPHI,
        fill=f"{name}.iphi",
        title=f"Place of {kind.title} in phi",
        description=f"Flat. {_CALL}",
    )
    yield histogram(
        f"{folder}/towers",
        _IETA,
        _IPHI,
        fill=(f"{name}.ieta", f"{name}.iphi"),
        title=f"Towers of {kind.title}",
        description="One colour, but for the empty row at eta 0. A bright spot is a hot tower: "
        f"mask it. {_CALL}",
        draw=MAP,
    )
    yield histogram(
        f"{folder}/bx",
        _BX,
        fill=f"{name}.bx",
        title=f"Crossing of {kind.title}",
        description=f"96 % in bin 0; more before it is prefiring. {_CALL}",
        draw=SPECTRUM,
    )
    yield profile(
        f"{folder}/in_time_by_eta",
        _IETA,
        fill=f"{name}.ieta",
        value=f"where({name}.bx == 0, 1, 0)",
        value_range=(0, 1),
        title=f"Fraction of {kind.title} in the right crossing, by eta",
        description=f"Flat at 0.96: a dip means wrong timing there. {_CALL}",
        draw=EFFICIENCY,
    )
    yield profile(
        f"{folder}/pt_by_eta",
        _IETA,
        fill=f"{name}.ieta",
        value=f"{name}.pt",
        value_range=(0, 4096),
        title=f"Mean transverse momentum of {kind.title} by eta",
        description=f"Flat, but for the empty bin at 0. {_CALL}",
    )


def _sums() -> Iterator[Element]:
    for name, (number, highest) in _SUMS.items():
        yield histogram(
            f"L1T/Sums/{name}",
            regular(100, 0, highest, label=name, unit="GeV"),
            fill="l1t_sum.et",
            select=f"l1t_sum.type == {number}",
            title=f"Energy sum {name}",
            description="One peak that moves left as pile-up falls; a second one at 0 is a sum "
            f"that was not made. {_CALL}",
        )
        if name in {"ETMHF", "HTMHF"}:
            yield histogram(
                f"L1T/Sums/{name}_phi",
                regular(72, -3.1416, 3.1416, label="phi", unit="rad"),
                fill="l1t_sum.phi",
                select=f"l1t_sum.type == {number}",
                title=f"Direction of {name}",
                description="Flat: a peak is a hot tower, or a part of the calorimeter that is "
                f"missing opposite to it. {_CALL}",
            )


workspace = Workspace(
    "l1t",
    "Level-1 trigger: bits, candidates and energy sums; rates, hot towers, prefiring.",
    [
        *_bits(),
        *(one for kind in (_JETS, _ELECTRONS, _TAUS, _MUONS) for one in _candidates(kind)),
        *_sums(),
    ],
)
