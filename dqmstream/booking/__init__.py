"""Booking: declaring MonitorElements before anything is filled, and checking the declaration.

A workspace is a few lines::

    from dqmstream.booking import Workspace, histogram, profile, regular, scalar

    BOOKING = Workspace(
        "Muon",
        "What a shifter looks at first.",
        [
            histogram("Muon/pt", regular(100, 0, 200, label="pt", unit="GeV"), fill="muon.pt"),
            histogram("Muon/multiplicity", integer(0, 10), fill="count(muon)", select="good"),
            profile("Muon/ptVsEta", regular(48, -2.4, 2.4), fill="muon.eta", value="muon.pt",
                    value_range=(0, 200)),
            scalar("Muon/events", "1", combine="sum"),
        ],
    )
"""

from dqmstream.booking.check import check
from dqmstream.booking.declare import (
    Workspace,
    analysis,
    category,
    histogram,
    integer,
    profile,
    regular,
    scalar,
    text,
    variable,
)
from dqmstream.booking.fill import required_columns

__all__ = [
    "Workspace",
    "analysis",
    "category",
    "check",
    "histogram",
    "integer",
    "profile",
    "regular",
    "required_columns",
    "scalar",
    "text",
    "variable",
]
