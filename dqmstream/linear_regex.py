"""Regular expressions that nobody can make slow: on RE2, in time linear in expression and text, and
in bounded memory. RE2 has no back references and no lookaround."""

from typing import Any, Final, Protocol

import re2

__all__ = ["LinearRegex", "compile_linear"]

_MAX_MEMORY: Final = 1 << 20


class LinearRegex(Protocol):
    """A compiled expression."""

    def fullmatch(self, string: str, /) -> object | None:
        """Something if the whole text matches, else None."""

    def search(self, string: str, /) -> object | None:
        """Something if a part of the text matches, else None."""


def compile_linear(expression: str, *, ignore_case: bool = False) -> LinearRegex:
    """A compiled expression.

    Raises
    ------
    ValueError
        If it is none, in RE2's own words.
    """
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MAX_MEMORY
    try:
        compiled: Any = re2.compile(expression, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(reason) from error
    found: LinearRegex = compiled
    return found
