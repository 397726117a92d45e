"""What all messages have in common: frozen, tagged, versioned, closed to unknown fields."""

from typing import ClassVar

import msgspec

__all__ = ["Message", "Value"]


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a message."""


class Message(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"
):
    """One record's body. `version` rises with each change of its fields (see `wire`)."""

    version: ClassVar[int] = 1
