"""Marks and versions by which ROOT frames objects in a payload, whatever their class.

Source: ROOT `TBufferFile`, `TGenCollectionStreamer`. The kernels, which import no source, have
their own.
"""

from typing import Final

__all__ = ["COUNTED", "LONG_TEXT", "MEMBER_WISE", "NEW_CLASS", "STANDARD"]

COUNTED: Final = 0x4000_0000
"""Marks a byte count, which counts what follows it."""
NEW_CLASS: Final = b"\xff\xff\xff\xff"
"""Before the name of a class, where it stands for the first time."""
STANDARD: Final = 9
"""Version of what belongs to the standard library."""
MEMBER_WISE: Final = 0x4009
"""The same of a vector or map whose objects are written member by member."""
LONG_TEXT: Final = 255
"""In place of the length of a string of so many bytes or more, which follows in four bytes."""
