"""The shipped pixel workspace in another version: one element forgets a module, one is new."""

from collections.abc import Iterator
from typing import Final

import msgspec

from dqmstream.booking import Workspace, histogram, regular
from dqmstream.messages.booking import Element
from dqmstream.workspaces.pixel import workspace as shipped

__all__ = ["CHANGED", "NEW", "workspace"]

CHANGED: Final = "Pixel/Layer1/occupancy"
NEW: Final = "Pixel/Layer1/charge_per_pixel"


def _elements() -> Iterator[Element]:
    for element in shipped.elements:
        if element.path == CHANGED:
            yield msgspec.structs.replace(element, select="pixel.layer == 1 and pixel.module != 7")
        else:
            yield element
    yield histogram(
        NEW,
        regular(40, 0, 40, label="charge per pixel", unit="ke"),
        fill="pixel.charge / pixel.size",
        select="pixel.layer == 1",
    )


workspace = Workspace("pixel", shipped.description, list(_elements()))
