"""Versions of configuration: what is in force is the last of its kind, and all before it stay."""

from dqmstream.messages.struct import Message

__all__ = ["ConfigurationVersion"]


class ConfigurationVersion(Message, frozen=True, kw_only=True, tag=True):
    """What somebody has put in force. Key: `KIND/NUMBER/HASH`.

    `text` is TOML, `hash` its content hash. Of one kind, the version with the greatest `number` is
    in force; going back to an earlier one is a version of its own, which `restores` that number.
    Number 0 is what processes were started with: restored, it has no text.
    """

    kind: str
    number: int
    text: str
    hash: str
    who: str
    why: str
    when: int
    """Nanoseconds since 1970."""
    restores: int | None = None
