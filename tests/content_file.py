"""A CMS streamer file in the workspaces that fit what its events contain, filled and judged."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from dqmstream.histograms.element import MonitorElement
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReport
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import default_tests
from dqmstream.quality.judgement import judge
from dqmstream.sources.cms.columns import ColumnBuilder, column_names
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.products import products_of
from dqmstream.testing import fill
from dqmstream.workspaces import load_workspaces
from dqmstream.workspaces.fitting import fitting, needed_columns
from tests.judged import SCOPES

__all__ = ["BEAMS", "TRACKER", "File"]

LOGGED: Final = 2 * 10**18
"""When the made log has the events, nanoseconds since 1970."""
TRACKER: Final = ("bpix", "fpix", "tibtid", "tob", "tecp", "tecm")
"""Its parts that quality tests require."""
PARTS: Final = (*("ebp", "ebm", "hbhea", "hbheb", "hbhec"), *TRACKER)
BEAMS: Final = Conditions(run=1, lumisection=1, luminosity=21_600.0, dcs=dict.fromkeys(PARTS, True))


class File:
    """All events of a file; `feds` are those that each of them should have."""

    def __init__(self, path: Path, *, feds: Sequence[int] = ()) -> None:
        self._feds = feds
        file = StreamerFile(path)
        self._events = list(file.events())
        assert file.init is not None
        self._paths, branches = file.init.hlt_paths, read_branches(file.init.payload)
        fits = fitting(load_workspaces(), column_names() | products_of(branches).columns)
        self.bookings = tuple(b for b in fits if not b.analysis)
        batch = self._batch(self._headers(), branches)
        self.filled = {b.workspace: fill(b, batch, log_time=LOGGED) for b in self.bookings}

    def _headers(self) -> pa.RecordBatch:
        builder = ColumnBuilder(self._paths)
        for event in self._events:
            builder.add(event.message, event.auxiliary)
        return builder.finish()

    def _batch(self, headers: pa.RecordBatch, branches: tuple[Branch, ...]) -> pa.RecordBatch:
        plan = products_of(branches).plan(needed_columns(self.bookings), feds=self._feds)
        decoded = PayloadDecoder(branches, plan.wanted).decode(
            [event.payload for event in self._events if event.payload is not None]
        )
        assert not decoded.broken
        assert not decoded.unknown
        crossings = headers["bunch_crossing"].to_numpy()
        made = plan.build(decoded, bunch_crossing=crossings, events=headers.num_rows)
        schema = pa.schema([*headers.schema, *plan.fields])
        return pa.RecordBatch.from_arrays([*headers.columns, *made], schema=schema)

    @property
    def workspaces(self) -> set[str]:
        return set(self.filled)

    def __getitem__(self, path: str) -> MonitorElement:
        return next(elements[path] for elements in self.filled.values() if path in elements)

    def value(self, path: str) -> object:
        return self[path].value

    def counts(self, path: str) -> dict[int, int]:
        """Bins that are not empty, flow left out."""
        return {int(bin_): int(n) for bin_, n in enumerate(self[path].counts()) if n}

    def total(self, path: str) -> int:
        """Sum over all entries of the number that an integer axis shows."""
        return sum(bin_ * entries for bin_, entries in self.counts(path).items())

    def reports(self) -> Iterator[QualityReport]:
        """Of both scopes, with high voltage on and beams."""
        for elements in self.filled.values():
            contents = next(iter(elements.values())).contents
            compiled = compile_tests(default_tests(), [contents.layout]).workspaces
            for scope in SCOPES:
                yield from judge(
                    contents,
                    compiled[contents.layout.hash],
                    scope=scope,
                    set_hash="",
                    run=1,
                    lumisection=1,
                    complete=True,
                    versions=(),
                    conditions=BEAMS,
                ).reports
