"""Integrity of raw data (`fed`): which FEDs there are, how large, and what is wrong with them.

A FED's bytes are framed by a header and a trailer. Compared are: the number, the bunch crossing and
the Level-1 accept it states with the place it lies in, with the event and with the other FEDs; the
size the trailer states with its bytes; and its CRC with one computed anew. `fed_missing` has the
FEDs that the settings of the source expect and an event has not (docs/event-payload.md); without
such settings it is empty.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar, variable
from dqmstream.messages.booking import Draw, Element
from dqmstream.sources.cms.detector import FEDS
from dqmstream.workspaces.elements import LOG_MAP, SPECTRUM, TREND, number_of_events, with_mean
from dqmstream.workspaces.fed_numbers import PART, part
from dqmstream.workspaces.objects import NIBBLE, NIBBLES, TIMED

__all__ = ["workspace"]

_CALL: Final = "Otherwise tell the shift leader, who calls the DAQ expert."
_FED: Final = integer(0, FEDS, label="FED")
_GROUPS: Final = regular(410, -0.5, 4099.5, label="FED, in groups of 10")
_SIZES: Final = variable(
    [0, *(round(2 ** (step / 2)) for step in range(6, 49))], label="size", unit="byte"
)
"""From 8 bytes to 16 MB in two steps for each doubling."""
_TOTALS: Final = variable(
    [0, *(round(2 ** (step / 4)) for step in range(28, 101))], label="size", unit="byte"
)
"""From 128 bytes to 32 MB in four steps for each doubling."""
_NUMBERS: Final = variable(
    [
        *(number - 0.5 for number in range(33)),
        *(round(2 ** (step / 4)) + 0.5 for step in range(20, 48)),
        FEDS + 0.5,
    ],
    label="FEDs with bytes in an event",
)
"""One by one up to 32, then in four steps for each doubling."""
_MOST: Final = 2**32
_EVENT: Final = 2**23
"""Bytes of an event at most: a range of all that 32 bits can say would blur errors of means."""
_STATUS: Final = integer(0, 16, label="status")

_FAULTS: Final = {
    "framing": ("framed", "not framed by a header and a trailer"),
    "size": ("size_ok", "with another size than the trailer states"),
    "crc": ("crc_ok", "with a wrong CRC"),
    "source_id": ("source_id_ok", "that state another number than that of their place"),
    "bunch_crossing": ("bunch_crossing_ok", "of another bunch crossing than the event"),
    "l1_id": ("l1_id_ok", "of another Level-1 accept than the other FEDs"),
}
"""Fault to the member that is false then, and to its words."""


def _presence() -> Iterator[Element]:
    yield number_of_events("FED")
    yield from with_mean(
        histogram(
            "FED/per_event",
            _NUMBERS,
            fill="count(fed)",
            title="FEDs with bytes per event",
            description=f"One bin: that of all FEDs of the stream. {_CALL}",
            draw=Draw(log_x=True, log_y=True),
        ),
        value_range=(0, FEDS),
    )
    # A logarithmic axis does not show them.
    yield scalar(
        "FED/none",
        "count(fed) == 0",
        combine="sum",
        title="Events without any FED",
        description=f"0. {_CALL}",
        draw=TREND,
    )
    yield histogram(
        "FED/present",
        _FED,
        fill="fed.id",
        title="Events in which a FED has bytes",
        description="All FEDs of the stream alike: a lower bin is a FED that is missing at times, "
        f"an empty one among filled ones is off. {_CALL}",
    )
    yield histogram(
        "FED/share",
        _FED,
        fill="fed.id",
        weight="1 / count(fed)",
        weight_range=(0, 1),
        title="Share of a FED in the FEDs of the event",
        description="The same for all, whatever the number of events: one that stands out is "
        f"there only in events with few others. {_CALL}",
    )
    yield histogram(
        "FED/by_part",
        PART,
        fill=part("fed.id"),
        title="FEDs with bytes by part of the detector",
        description=f"As in the reference: all parts that the stream has. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "FED/missing",
        _FED,
        fill="fed_missing.id",
        title="Events in which an expected FED has no bytes",
        description=f"Empty. {_CALL}",
    )
    yield histogram(
        "FED/missing_by_part",
        PART,
        fill=part("fed_missing.id"),
        title="Expected FEDs without bytes by part of the detector",
        description=f"Empty. {_CALL}",
    )
    yield histogram(
        "FED/missing_per_event",
        integer(0, 64, label="expected FEDs without bytes"),
        fill="count(fed_missing)",
        title="Expected FEDs without bytes per event",
        description=f"All at 0. {_CALL}",
        draw=Draw(log_y=True, per_lumisection=True),
    )


def _sizes() -> Iterator[Element]:
    yield from with_mean(
        histogram(
            "FED/Size/total",
            _TOTALS,
            fill="sum(fed.size)",
            title="Bytes of all FEDs of an event",
            description=f"As in the reference, grows with pile-up. {_CALL}",
            draw=Draw(log_x=True),
        ),
        value_range=(0, _EVENT),
        good="Steady over lumisections, falls slowly with pile-up.",
    )
    yield scalar(
        "FED/Size/bytes",
        "fed.size",
        combine="sum",
        title="Bytes of raw data",
        description="Steady over lumisections, without steps.",
        draw=TREND,
    )
    yield profile(
        "FED/Size/by_fed",
        _FED,
        fill="fed.id",
        value="fed.size",
        value_range=(0, _MOST),
        title="Mean size of a FED",
        description="As in the reference; a FED far above those beside it is noisy, one at its "
        f"header and trailer alone sends nothing. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "FED/Size/map",
        _GROUPS,
        _SIZES,
        fill=("fed.id", "fed.size"),
        title="Sizes of FEDs",
        description=f"One narrow spot for each FED. {_CALL}",
        draw=Draw(style="map", log_y=True, log_z=True),
    )
    yield profile(
        "FED/Size/fraction",
        _FED,
        fill="fed.id",
        value="fed.size / sum(fed.size)",
        value_range=(0, 1),
        title="Fraction of the bytes of an event by FED",
        description=f"As in the reference. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "FED/Size/by_part",
        PART,
        fill=part("fed.id"),
        weight="fed.size",
        weight_range=(0, _MOST),
        title="Bytes by part of the detector",
        description=f"As in the reference. {_CALL}",
        draw=SPECTRUM,
    )
    yield histogram(
        "FED/Size/part_map",
        _SIZES,
        PART,
        fill=("fed.size", part("fed.id")),
        title="Sizes of FEDs by part of the detector",
        description=f"As in the reference: a second spot is a FED unlike the others. {_CALL}",
        draw=Draw(style="map", log_x=True, log_z=True),
    )
    yield profile(
        "FED/Size/by_time",
        NIBBLES,
        fill=NIBBLE,
        value="sum(fed.size)",
        value_range=(0, _MOST),
        select=TIMED,
        title="Mean bytes of an event by time in the lumisection",
        description=f"Flat. {_CALL}",
    )


def _faults() -> Iterator[Element]:
    for name, (good, words) in _FAULTS.items():
        # A rate by FED for quality tests, which name the FED; a number for the trend.
        yield profile(
            f"FED/Faults/{name}",
            _FED,
            fill="fed.id",
            value=f"where(fed.{good}, 0, 1)",
            value_range=(0, 1),
            title=f"Rate of FEDs {words}",
            description=f"At 0 for every FED. {_CALL}",
            draw=Draw(efficiency=True),
        )
        yield scalar(
            f"FED/Faults/{name}_number",
            f"where(fed.{good}, 0, 1)",
            combine="sum",
            title=f"FEDs {words}",
            description=f"0. {_CALL}",
            draw=TREND,
        )
    sound = " and ".join(f"fed.{good}" for good, _ in _FAULTS.values())
    yield histogram(
        "FED/Faults/by_part",
        PART,
        fill=part("fed.id"),
        select=f"not ({sound})",
        title="FEDs with any fault by part of the detector",
        description=f"Empty. {_CALL}",
    )
    yield histogram(
        "FED/Faults/per_event",
        integer(0, 64, label="FEDs with any fault"),
        fill=f"count(not ({sound}))",
        title="FEDs with any fault per event",
        description=f"All at 0. {_CALL}",
        draw=Draw(log_y=True, per_lumisection=True),
    )


def _trailers() -> Iterator[Element]:
    yield profile(
        "FED/Trailer/status",
        _FED,
        fill="fed.id",
        value="fed.status",
        value_range=(0, 15),
        title="Mean status in the trailer by FED",
        description=f"At 0 for every FED. {_CALL}",
    )
    yield histogram(
        "FED/Trailer/statuses",
        _STATUS,
        fill="fed.status",
        title="Status in the trailer",
        description=f"All at 0. {_CALL}",
        draw=SPECTRUM,
    )
    for name, axis, words, good in (
        ("tts", integer(0, 16, label="TTS state"), "TTS state", "0 or 8, ready"),
        ("event_type", integer(0, 16, label="event type"), "Event type", "1, physics"),
    ):
        yield histogram(
            f"FED/Trailer/{name}",
            axis,
            PART,
            fill=(f"fed.{name}", part("fed.id")),
            title=f"{words} by part of the detector",
            description=f"{good}. {_CALL}",
            draw=LOG_MAP,
        )
    yield profile(
        "FED/Trailer/behind",
        PART,
        fill=part("fed.id"),
        value="max(fed.l1_id) - fed.l1_id",
        value_range=(0, 2**24),
        title="Level-1 accepts that a part is behind the others",
        description=f"0: another number is a FED that has missed or made up events. {_CALL}",
    )


workspace = Workspace(
    "fed",
    "Raw data: which FEDs there are, how large they are, and what is wrong with them.",
    [*_presence(), *_sizes(), *_faults(), *_trailers()],
)
