"""A workspace whose code kills the process at one event, as a crash in compiled code would."""

import os
import signal

from dqmstream.booking_set import BookingSet
from dqmstream.fold.state import FoldSettings
from dqmstream.fold.testing.toy import LAYOUTS, Events, ToyFiller
from dqmstream.histograms.contents import Contents

__all__ = ["DEADLY", "PARTITIONS", "SET", "DeadlyFiller", "deadly_fillers"]

DEADLY = 66
PARTITIONS = 2
SET = BookingSet([layout.booking for layout in LAYOUTS], FoldSettings(partitions=PARTITIONS))


class DeadlyFiller(ToyFiller):
    """Fills, unless the event comes."""

    def fill(self, contents: Contents, columns: Events, *, source: str, number: int) -> None:
        """Add the events of one chunk."""
        if DEADLY in columns:
            os.kill(os.getpid(), signal.SIGKILL)
        super().fill(contents, columns, source=source, number=number)


def deadly_fillers() -> list[DeadlyFiller]:
    """One filler for each workspace."""
    return [DeadlyFiller(layout) for layout in LAYOUTS]
