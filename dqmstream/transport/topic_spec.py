"""What a topic is, and which messages it takes."""

import re

import msgspec

from dqmstream.errors import ConfigurationError, LogError
from dqmstream.transport.record import Outgoing

__all__ = ["TopicSpec", "check_message", "check_unchanged"]

_LARGEST_MESSAGE = 1024 * 1024 * 1024  # lengths are signed 32-bit numbers in every log
_TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")


class TopicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a topic is; the same wherever it exists.

    Parameters
    ----------
    name
        Letters, digits, `.`, `_` and `-`; names that begin with `__` belong to the log.
    partitions
        Number of partitions, fixed for ever.
    compacted
        Whether only the newest record of each key is kept.
    retention_seconds
        How old the newest record of a piece of the log may get; `None` keeps it for ever.
    retention_bytes
        How large one partition may get; `None` sets no limit.
    max_message_bytes
        Largest key + value + headers of one message.

    Raises
    ------
    ConfigurationError
        If a value is out of range.
    """

    name: str
    partitions: int
    compacted: bool = False
    retention_seconds: float | None = None
    retention_bytes: int | None = None
    max_message_bytes: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        named = _TOPIC_NAME.fullmatch(self.name) and self.name not in {".", ".."}
        if not named or self.name.startswith("__"):
            msg = (
                f"topic name {self.name!r}: expected 1 to 249 letters, digits, '.', '_' or '-', "
                "not beginning with '__'"
            )
            raise ConfigurationError(msg)
        self._check_range("partitions", self.partitions, 1, 100_000)
        self._check_range("max_message_bytes", self.max_message_bytes, 1, _LARGEST_MESSAGE)
        self._check_range("retention_seconds", self.retention_seconds, 0, float("inf"))
        self._check_range("retention_bytes", self.retention_bytes, 0, float("inf"))

    def _check_range(
        self, setting: str, value: float | None, lowest: float, highest: float
    ) -> None:
        if value is not None and not lowest <= value <= highest:
            msg = f"topic {self.name}: {setting} is {value}, expected {lowest} to {highest}"
            raise ConfigurationError(msg)


def check_unchanged(found: TopicSpec, wanted: TopicSpec) -> None:
    """Refuse a topic that exists with other settings than wanted, with a LogError naming one."""
    for setting in TopicSpec.__struct_fields__:
        have, want = getattr(found, setting), getattr(wanted, setting)
        if have != want:
            msg = f"topic {found.name}: {setting} is {have} in the log, wanted {want}"
            raise LogError(msg)


def check_message(message: Outgoing, spec: TopicSpec) -> None:
    """Refuse a message its topic cannot take, with a LogError saying which and why."""
    where = f"message for {message.topic} partition {message.partition}"
    if not 0 <= message.partition < spec.partitions:
        msg = f"{where}: the topic has partitions 0 to {spec.partitions - 1}"
        raise LogError(msg)
    if spec.compacted and message.key is None:
        msg = f"{where}: has no key, and the topic is compacted by key"
        raise LogError(msg)
    if (size := message.size()) > spec.max_message_bytes:
        msg = f"{where}: {size} bytes, at most {spec.max_message_bytes} are allowed"
        raise LogError(msg)
