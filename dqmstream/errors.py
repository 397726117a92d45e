"""The errors of dqmstream, one tree.

A message says what came, what was expected, and where: run, lumisection, path, topic or file.

::

    DqmError
    ├── BookingError (ValueError)        a declaration is refused before anything runs
    ├── ConfigurationError (ValueError)  settings that contradict or are unknown: the start stops
    ├── MessageError (ValueError)        bytes that are not the message they should be
    │   └── UnknownVersionError          a newer schema than this release reads
    ├── SourceError                      input of a source (file, event) that cannot be used
    ├── LogError                         the log refused or lost something
    │   ├── LogUnavailableError          it cannot be reached or written now: trying again may help
    │   ├── LogOwnedError                another process owns the data folder
    │   ├── LogBorrowedError             a topic belongs to another system: it is read, not written
    │   ├── LogIdentityError             another log, or a shorter one, than the one we stood on
    │   └── OffsetExpiredError           retention removed the records before they were read
    ├── StoreError                       the store refused, or holds another history
    │   └── NotStoredError               the store has nothing of that name
    │       └── RemovedError             it had: the retention policy kept a sum, or nothing
    └── WindowError (ValueError)         histogram sets that must not be summed
"""

from typing import Final, TypeVar

import msgspec

__all__ = [
    "UNDECODABLE",
    "BookingError",
    "ConfigurationError",
    "DqmError",
    "LogBorrowedError",
    "LogError",
    "LogIdentityError",
    "LogOwnedError",
    "LogUnavailableError",
    "MessageError",
    "NotStoredError",
    "OffsetExpiredError",
    "RemovedError",
    "SourceError",
    "StoreError",
    "UnknownVersionError",
    "WindowError",
    "leaves",
]

E = TypeVar("E", bound=BaseException)

UNDECODABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding of bytes raises that anybody may have made up, or a disk has changed."""


class DqmError(Exception):
    """Root of all errors raised by dqmstream."""


class BookingError(DqmError, ValueError):
    """A declaration (workspace, MonitorElement, expression) cannot be booked."""


class ConfigurationError(DqmError, ValueError):
    """Settings are unknown, of the wrong type, or contradict each other."""


class MessageError(DqmError, ValueError):
    """Bytes, or a decoded value, are not the message they claim to be.

    Parameters
    ----------
    reason
        Short stable name of the refusal, in snake_case: it is what rejections are counted by.
    detail
        What came and what was expected.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UnknownVersionError(MessageError):
    """A message of a newer schema version than this release can read."""


class SourceError(DqmError):
    """The input of a source cannot be used; counted by `reason`, and the next input works.

    Parameters
    ----------
    reason
        Short stable name of the refusal, in snake_case.
    detail
        What came, what was expected, and which file and byte.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class LogError(DqmError):
    """The log refused an operation, or lost what was asked for."""


class LogUnavailableError(LogError):
    """The log cannot be reached or written now: broker gone, time-out, disk full.

    Trying again may help. What was being sent may be in the log or not.
    """


class LogOwnedError(LogError):
    """Another process owns the data folder of the embedded log."""


class LogBorrowedError(LogError):
    """A topic that another system lends would be written: a candidate decides nothing for it."""


class LogIdentityError(LogError):
    """The log is another one, or shorter, than the one a checkpoint or store stood on."""


class OffsetExpiredError(LogError):
    """Records were removed by retention before they were read.

    Parameters
    ----------
    topic, partition
        Where.
    wanted
        Offset that should have been read next.
    start
        First offset the log still keeps.
    """

    def __init__(self, topic: str, partition: int, wanted: int, start: int) -> None:
        super().__init__(
            f"{topic} partition {partition}: offset {wanted} was wanted, "
            f"the log now begins at {start}"
        )
        self.topic = topic
        self.partition = partition
        self.wanted = wanted
        self.start = start


class StoreError(DqmError):
    """The store refused an operation, or holds the history of another log."""


class NotStoredError(StoreError):
    """The store has no such run, workspace, booking or MonitorElement."""


class RemovedError(NotStoredError):
    """What was asked for was stored once: the retention policy kept its sum, or nothing."""


class WindowError(DqmError, ValueError):
    """Histogram sets differ in bookings, set or partition count and must not be summed."""


def leaves(group: BaseExceptionGroup[E]) -> list[E]:
    """All errors of a group, those of groups within it too, in their order."""
    found: list[E] = []
    for error in group.exceptions:
        found += leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
