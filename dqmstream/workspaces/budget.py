"""Budgets of memory: what an element and a workspace may take of one LS, checked at booking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from dqmstream.booking.memory_limit import check_memory
from dqmstream.errors import BookingError, ConfigurationError
from dqmstream.histograms.memory import bytes_of
from dqmstream.messages.booking import Booking
from dqmstream.quality.pattern import compile_pattern, matches

__all__ = ["MemoryBudgets"]


@dataclass(frozen=True, slots=True)
class MemoryBudgets:
    """Budgets by pattern; of several that match the first holds, without any there is none.

    Parameters
    ----------
    workspaces
        Patterns of names of workspaces, and bytes.
    elements
        Patterns of paths, and bytes.
    """

    workspaces: tuple[tuple[str, int], ...] = ()
    elements: tuple[tuple[str, int], ...] = ()

    @classmethod
    def read(cls, *, workspaces: Iterable[str], elements: Iterable[str]) -> Self:
        """Budgets as settings have them: `PATTERN=SIZE` each.

        Raises
        ------
        ConfigurationError
            If one cannot be read.
        """
        return cls(
            tuple(_read("workspace_memory", workspaces)), tuple(_read("element_memory", elements))
        )

    def workspace(self, name: str) -> int | None:
        """Bytes that a workspace may take of one LS; None without a budget."""
        return _first(self.workspaces, name)

    def element(self, path: str) -> int | None:
        """Bytes that an element may take of one LS; None without a budget."""
        return _first(self.elements, path)

    def check(self, booking: Booking) -> Booking:
        """The booking, if it keeps to the budgets.

        Raises
        ------
        BookingError
            Naming the workspace, the element, its bytes and its budget.
        """
        return check_memory(
            booking,
            workspace=self.workspace(booking.workspace),
            element=self.element,
            said_by="the settings",
        )


def _first(budgets: Sequence[tuple[str, int]], name: str) -> int | None:
    return next((most for pattern, most in budgets if matches(pattern, name)), None)


def _read(setting: str, texts: Iterable[str]) -> list[tuple[str, int]]:
    found = []
    for text in texts:
        pattern, is_given, size = text.rpartition("=")
        try:
            if not is_given:
                msg = "expected PATTERN=SIZE, such as Pixel/**=2MiB"
                raise ConfigurationError(msg)
            compile_pattern(pattern)
            found.append((pattern, bytes_of(size)))
        except (BookingError, ValueError) as error:
            msg = f"{setting}: {text!r}: {error}"
            raise ConfigurationError(msg) from error
    return found
