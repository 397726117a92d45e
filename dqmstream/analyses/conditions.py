"""Conditions of an LS out of its own events: DCS bits, magnet, luminosity and pile-up.

The records are those of CMS's online meta data (`dqmstream.sources.cms.products.online`). A record
is the last one known when its event was built: of luminosity it says itself which LS it is of, and
only those of the closed LS count. A part of the detector is on if it is on in all records of the
LS, off if it is off in any, and not known if no record says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dqmstream.analyses.analysis import Closed, Sample
from dqmstream.analyses.writing import ElementWriter
from dqmstream.errors import BookingError
from dqmstream.histograms.layout import Layout
from dqmstream.messages.operations import Conditions
from dqmstream.sources.cms.detector import PARTITIONS

__all__ = ["COLUMNS", "FOLDER", "PARTS", "StreamConditions"]

Array = NDArray[Any]

FOLDER: Final = "StreamConditions"

PARTS: Final = tuple(partition.lower() for partition in PARTITIONS)
"""Parts of the detector with a DCS bit, in the order of the bits."""

_NUMBERS: Final = ("dcs.magnet_current", "dcs.magnet_field")
_LUMINOSITY: Final = ("luminosity.luminosity", "luminosity.pileup", "luminosity.lumisection")

_LUMINOSITY_UNIT: Final = 1e30
"""Of the records [/cm2/s]."""

COLUMNS: Final = ("fill", *_NUMBERS, *(f"dcs.{part}" for part in PARTS), *_LUMINOSITY)


class StreamConditions:
    """Fills the workspace `stream_conditions`, and says what is known of the LS.

    Raises
    ------
    BookingError
        If the workspace names other columns.
    """

    lookback = 0

    def __init__(self, layout: Layout) -> None:
        analysis = layout.booking.analysis
        missing = sorted({*COLUMNS} - {*(analysis.columns if analysis else ())})
        if missing:
            msg = f"needs the columns {', '.join(missing)}"
            raise BookingError(msg)
        self._layout = layout

    def begin(self, run: int) -> bytes:  # noqa: ARG002 it remembers nothing
        """No state: each LS stands for itself."""
        return b""

    def close(self, state: bytes, window: Sequence[Sample]) -> Closed:
        """Numbers of the LS, and its conditions; None of them if no event had a record."""
        sample = window[-1]
        writer = ElementWriter(self._layout)
        dcs = _parts(sample)
        luminosity, pileup = _luminosity(sample)
        numbers = {
            "luminosity": luminosity,
            "pileup": pileup,
            "magnet_current": sample.columns["dcs.magnet_current"],
            "magnet_field": sample.columns["dcs.magnet_field"],
        }
        means = {name: _write(writer, name, values) for name, values in numbers.items()}
        _write_parts(writer, dcs, known=bool(len(sample.columns["dcs.magnet_current"])))
        fills = np.unique(sample.columns["fill"])
        fills = fills[fills > 0]
        found = Conditions(
            run=sample.run,
            lumisection=sample.lumisection,
            fill=int(fills[0]) if len(fills) == 1 else None,
            luminosity=_scaled(means["luminosity"]),
            pileup=means["pileup"],
            dcs=dict(dcs),
        )
        said = found != Conditions(run=sample.run, lumisection=sample.lumisection)
        return Closed(state, writer.contents, found if said else None)


def _parts(sample: Sample) -> Mapping[str, bool]:
    """Parts of which any record says something: 1 on, 0 off, -1 not valid."""
    found = {}
    for part in PARTS:
        states = sample.columns[f"dcs.{part}"]
        states = states[states >= 0]
        if len(states):
            found[part] = bool((states == 1).all())
    return found


def _luminosity(sample: Sample) -> tuple[Array, Array]:
    """Luminosity and pile-up of the records that are of this LS; what is not finite is none."""
    luminosity, pileup, of = (sample.columns[name] for name in _LUMINOSITY)
    mine = (of == sample.lumisection) & np.isfinite(luminosity) & np.isfinite(pileup)
    return luminosity[mine], pileup[mine]


def _write(writer: ElementWriter, name: str, values: Array) -> float | None:
    """Mean and spread of a number; its mean."""
    values = values[np.isfinite(values)].astype(np.float64)
    if not len(values):
        return None
    mean = float(values.mean())
    writer.scalar(f"{FOLDER}/{name}", mean)
    writer.scalar(f"{FOLDER}/Spread/{name}", float(values.std()))
    return mean


def _write_parts(writer: ElementWriter, dcs: Mapping[str, bool], *, known: bool) -> None:
    for place, part in enumerate(PARTS):
        if part in dcs:
            writer.fill(f"{FOLDER}/parts", [place], weight=[float(dcs[part])])
    if known:
        off = [part for part, on in dcs.items() if not on]
        writer.scalar(f"{FOLDER}/parts_on", len(dcs) - len(off))
        writer.scalar(f"{FOLDER}/parts_off", len(off))
        writer.text(f"{FOLDER}/off", ", ".join(off) or "none")


def _scaled(luminosity: float | None) -> float | None:
    return None if luminosity is None else luminosity * _LUMINOSITY_UNIT
