"""A workspace whose analysis says a hash of all it was ever given: any difference shows."""

import hashlib
from collections.abc import Sequence

from dqmstream.analyses.analysis import Closed, Sample
from dqmstream.analyses.writing import ElementWriter
from dqmstream.booking import Workspace, analysis, scalar, text
from dqmstream.histograms.layout import Layout

__all__ = ["Charges", "workspace"]


class Charges:
    """Hashes charges of three LSs, in a chain from the first LS of the run on."""

    lookback = 2

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def begin(self, run: int) -> bytes:
        return str(run).encode()

    def close(self, state: bytes, window: Sequence[Sample]) -> Closed:
        charges = [sample.columns["pixel.charge"] for sample in window]
        digest = hashlib.blake2b(state, digest_size=16)
        for sample, array in zip(window, charges, strict=True):
            digest.update(f"{sample.run}/{sample.lumisection}/{sample.events}".encode())
            digest.update(array.tobytes())
        writer = ElementWriter(self.layout)
        writer.text("Charges/digest", digest.hexdigest())
        writer.scalar("Charges/events", window[-1].events)
        return Closed(digest.digest(), writer.contents)


workspace = Workspace(
    "charges",
    "What an analysis was given.",
    [text("Charges/digest"), scalar("Charges/events", combine="sum")],
    analysis=analysis("tests.analysed_pixels:Charges", columns=["pixel.charge"]),
)
