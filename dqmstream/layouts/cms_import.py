"""Layouts of the CMS DQM GUI as ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from dqmstream.errors import ConfigurationError
from dqmstream.layouts.layout import Layout
from dqmstream.messages.struct import Value

__all__ = ["Unmapped", "import_cms"]


class Unmapped(Value, frozen=True, kw_only=True):
    """A plot of which nothing is known here: in which layout, tab and cell, and why."""

    where: str
    path: str
    reason: str


def import_cms(
    document: Mapping[str, Any], file: str, *, known: Sequence[str] = ()
) -> tuple[Sequence[Layout], int, Sequence[Unmapped]]:
    """Not yet read."""
    msg = f"{file}: layouts of the CMS DQM GUI are not read yet ({len(document)} pages)"
    raise ConfigurationError(msg)
