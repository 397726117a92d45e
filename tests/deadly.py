"""A workspace whose code kills the process at one event, as a crash in compiled code would."""

import os
import signal

from dqmstream.fold.testing.toy import LAYOUTS, Events, ToyFiller
from dqmstream.histograms.contents import Contents

__all__ = ["DEADLY", "DeadlyFiller", "deadly_fillers"]

DEADLY = 66


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
