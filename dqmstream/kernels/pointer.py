"""Addresses in tables: one kernel call reads any number of arrays, whatever their types.

Numba compiles a function anew for each combination of argument types; a table of addresses is one
type. Whoever makes the table keeps the arrays alive and says their true lengths.
"""

from typing import Any, Final

from numba.core import cgutils, types
from numba.extending import intrinsic

__all__ = ["pointer"]


def _pointer(_context: Any, address: Any) -> Any:
    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), generate


pointer: Final[Any] = intrinsic(_pointer)
"""`pointer(address)` in a kernel: the number as a C pointer, for `numba.carray`."""
