"""How this process gives memory back.

Contents come and go as blocks of a megabyte, made in several threads. glibc's allocator would keep
them in an arena per thread and raise its threshold for returning them at the first large one that
is freed: resident memory then grows to several times what is held. Fixing both keeps it flat
(`dqmstream bench pipeline` measures it).
"""

import ctypes
from typing import Final

__all__ = ["return_freed_memory"]

_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
_BLOCK: Final = 256 * 1024
_ARENAS: Final = 2


def return_freed_memory() -> bool:
    """Fix the allocator's arenas and threshold; False where it is not glibc's."""
    # Of this process as it is loaded: to look for the library would start programs.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_ARENA_MAX, _ARENAS)) and bool(mallopt(_MMAP_THRESHOLD, _BLOCK))
