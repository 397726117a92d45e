"""Versions of configuration: what is in force is the last of its kind, and all before it stay."""

from typing import ClassVar

from dqmstream.messages.struct import Message

__all__ = ["ConfigurationVersion", "RunSeen"]


class ConfigurationVersion(Message, frozen=True, kw_only=True, tag=True):
    """What somebody has put in force. Key: `KIND/NUMBER/HASH`; of layouts and workspaces `/WHEN`
    follows.

    `text` is TOML, `hash` its content hash. Of one kind, the version with the greatest `number` is
    in force; going back to an earlier one is a version of its own, which `restores` that number.
    Number 0 is what processes were started with: restored, it has no text.

    Each layout is a kind of its own, `layout/NAME`, and its text JSON: empty where it was deleted.
    Of two of one number the one that is first in the topic counts.

    What changes with a run only (workspaces) says from which: `after_run` is the highest run that
    sources had spoken of, and no record of a later one lies before the offsets `starts` of the
    partitions of `dqm.events`. `notes` are what was known of it when it was decided on.
    """

    version: ClassVar[int] = 2

    kind: str
    number: int
    text: str
    hash: str
    who: str
    why: str
    when: int
    """Nanoseconds since 1970."""
    restores: int | None = None
    after_run: int = 0
    starts: tuple[int, ...] = ()
    notes: dict[str, str] = {}


class RunSeen(Message, frozen=True, kw_only=True, tag=True):
    """A filler meets a run: versions that come later in the topic do not hold for it.

    Key: `run/RUN/WHO/WHEN`, so that none is compacted away: of several of one run the first one
    counts.
    """

    run: int
    who: str
