"""The workspaces of the bench event, to be named as `playback.bench.workspace:BOOKING`."""

from typing import Final

import msgspec

from dqmstream.messages.booking import Booking
from dqmstream.sources.synthetic.bench import bench_booking

__all__ = ["BOOKING", "BOOKING_50", "BOOKING_200", "BOOKING_1200", "NAME"]


def _resized(elements: int) -> Booking:
    """The bench elements, so many of them: the first ones, or all again under other paths."""
    whole = bench_booking()
    repeated = [
        msgspec.structs.replace(element, path=f"{element.path}/copy{copy}")
        for copy in range(-(-elements // len(whole.elements)))
        for element in whole.elements
    ]
    # Every so-manieth: all kinds of element are among few, too.
    step = max(1, len(whole.elements) // elements)
    return msgspec.structs.replace(
        whole, workspace=f"{whole.workspace}{elements}", elements=tuple(repeated[::step][:elements])
    )


def _in_one_folder(booking: Booking) -> Booking:
    """The same under names without folders, which the page shows beside each other."""
    elements = (
        msgspec.structs.replace(element, path="Bench/" + element.path.replace("/", "_"))
        for element in booking.elements
    )
    return msgspec.structs.replace(booking, elements=tuple(elements))


BOOKING: Final[Booking] = bench_booking()
BOOKING_50: Final[Booking] = _resized(50)
BOOKING_200: Final[Booking] = _in_one_folder(_resized(200))
BOOKING_1200: Final[Booking] = _resized(1200)
NAME: Final = "playback.bench.workspace:BOOKING"
"""`NAME`, `NAME_50` and `NAME_1200` are the bench workspace with 300, 50 and 1200 elements."""
