"""Which columns the files of watched folders can give, before any of them is sent."""

from collections.abc import Sequence
from pathlib import Path

from dqmstream.sources.cms.columns import column_names
from dqmstream.sources.cms.glance import glance
from dqmstream.sources.cms.product_columns import known_columns
from dqmstream.sources.cms.watching.scanning import FolderScanner
from dqmstream.sources.cms.watching.settings import WatchSettings

__all__ = ["offered_in"]


def offered_in(roots: Sequence[Path], settings: WatchSettings, wall: int) -> frozenset[str]:
    """Columns, as `required_columns` names them. Blocks.

    They are those of the newest file of each stream that lies there. Where there is none yet, all
    that files of any stream may have: of a run to come nobody knows.

    Parameters
    ----------
    roots, settings
        As `FolderWatch` takes them.
    wall
        Nanoseconds since 1970.
    """
    seen = FolderScanner(roots, settings).scan({}, (), wall).seen
    newest = {one.stream: one.path for one in seen}
    if not newest:
        return column_names() | known_columns()
    return frozenset[str]().union(
        *(glance([path], settings.read).columns for path in newest.values())
    )
