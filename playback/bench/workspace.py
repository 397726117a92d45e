"""The workspace of the bench event, to be named as `playback.bench.workspace:BOOKING`."""

from typing import Final

from dqmstream.messages.booking import Booking
from dqmstream.sources.synthetic.bench import bench_booking

__all__ = ["BOOKING", "NAME"]

BOOKING: Final[Booking] = bench_booking()
NAME: Final = "playback.bench.workspace:BOOKING"
