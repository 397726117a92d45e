"""What one file tells of all files of a run: the trigger menu, the marks, and the columns."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from dqmstream.booking.absence import NONE_ABSENT, Absence
from dqmstream.conditions.columns import PREFIX
from dqmstream.sources.cms.columns import column_names
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.settings import ReadSettings

__all__ = ["Glance", "glance"]

_LABELLED: Final = ("hlt.path", "hlt_pass.path", "hlt_pair.first", "trigger_results.path")


class Glance(NamedTuple):
    """What the first readable file of a run says of all.

    That is the trigger menu, how it is marked, and the payload of its INIT, which lists products.
    """

    hlt_paths: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    init_payload: bytes = b""

    @property
    def labels(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the HLT paths for the columns that number them."""
        return dict.fromkeys(_LABELLED, self.hlt_paths) if self.hlt_paths else {}

    @property
    def columns(self) -> frozenset[str]:
        """All columns that can be made of such files, as `required_columns` names them."""
        # Products bring kernels with them, which who reads headers need not load.
        from dqmstream.sources.cms.product_columns import offered_columns  # noqa: PLC0415

        return column_names() | offered_columns(self.init_payload)

    def absence(self, asked: Collection[str], offered: Collection[str]) -> Absence:
        """Which products such files lack of the columns asked for, in a run that has `offered`.

        Where no file could be read, nobody knows.
        """
        if not self.init_payload:
            return NONE_ABSENT
        from dqmstream.sources.cms.product_columns import known_columns  # noqa: PLC0415 as above

        others = known_columns().union(offered) - column_names()
        lacks = {name for name in others.intersection(asked) if not name.startswith(PREFIX)}
        return Absence.of(lacks, self.columns, offered)

    def narrowed(self, settings: ReadSettings) -> ReadSettings:
        """The settings without columns of products that such files do not have.

        Where no file could be read, nobody knows, and all stay.
        """
        if not settings.product_columns or not self.init_payload:
            return settings
        asked = (*settings.made_columns, *settings.product_columns)
        return settings.reading(self.columns.intersection(asked))


def glance(paths: Iterable[Path], settings: ReadSettings) -> Glance:
    """Read the begin of the first file that has one."""
    marks = set() if settings.selection.takes_all else {"selected"}
    # Only payloads say whether a detector saw the event.
    settings = msgspec.structs.replace(settings, verify_payload=True)
    for path in paths:
        file = StreamerFile(path, settings)
        event = next(file.events(), None)
        if file.init is not None:
            if event is not None and event.auxiliary and not event.auxiliary.real_data:
                marks.add("simulated")
            report = file.report
            if report.content not in {None, report.lumisection}:
                marks.add("re-timed")
            return Glance(file.init.hlt_paths, tuple(sorted(marks)), file.init.payload)
    return Glance((), tuple(sorted(marks)))
