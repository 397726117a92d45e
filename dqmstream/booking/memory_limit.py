"""Whether a booking keeps to a budget of memory."""

from collections.abc import Callable

from dqmstream.errors import BookingError
from dqmstream.histograms.memory import ElementMemory, bytes_of, memory_of
from dqmstream.messages.booking import Booking

__all__ = ["check_memory", "within_own_budget"]


def check_memory(
    booking: Booking,
    *,
    workspace: int | None,
    element: Callable[[str], int | None],
    said_by: str,
) -> Booking:
    """The booking, if it keeps to its budgets.

    Parameters
    ----------
    workspace
        Bytes that all of it may take of one LS; None is no budget.
    element
        Bytes that the element of a path may.
    said_by
        Where the budgets are from, for the message.

    Raises
    ------
    BookingError
        Naming the workspace, the element, its bytes and its budget.
    """
    cost = memory_of(booking)
    for row in cost.elements:
        most = element(row.path)
        if most is not None and row.bytes > most:
            msg = (
                f"workspace {cost.workspace!r}: {row.path}: one LS takes {row.bytes} bytes "
                f"({_counted(row)}), its budget by {said_by} is {most} bytes"
            )
            raise BookingError(msg)
    if workspace is not None and cost.bytes > workspace:
        dearest = ", ".join(f"{row.path} {row.bytes}" for row in cost.elements[:3])
        msg = (
            f"workspace {cost.workspace!r}: one LS takes {cost.bytes} bytes, its budget by "
            f"{said_by} is {workspace} bytes; the dearest elements: {dearest}"
        )
        raise BookingError(msg)
    return booking


def within_own_budget(
    booking: Booking, memory: str | int | None, element_memory: str | int | None
) -> Booking:
    """The booking, if it keeps to the budgets that stand in its own declaration.

    Raises
    ------
    BookingError
        If it does not, or a budget is no size.
    """
    if memory is None and element_memory is None:
        return booking  # mostly: no layout is made only to count it
    most = None if element_memory is None else bytes_of(element_memory)
    return check_memory(
        booking,
        workspace=None if memory is None else bytes_of(memory),
        element=lambda _: most,
        said_by="its declaration",
    )


def _counted(row: ElementMemory) -> str:
    if not row.bins:
        return row.kind
    sums = f", {row.sums} sums each" if row.sums > 1 else ""
    return f"{' x '.join(map(str, row.bins))} bins{sums}"
