"""What tests of a workspace need: events in, MonitorElements and verdicts out, without a system.

::

    def test_empty_events_are_counted():
        filled = fill(workspace, {"hit": {"charge": [[12.5, 30.0], []]}})
        assert filled["MyDetector/hits_per_event"].counts()[0] == 1

The same code fills and judges as in the services: what is right here is right there.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import UNSET

from dqmstream.analyses.gathering import Gathered, columns_read, sample_of
from dqmstream.analyses.registry import load_analysis
from dqmstream.booking import check
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.columns import Columns, encode_batch
from dqmstream.errors import ConfigurationError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.booking import Booking
from dqmstream.messages.events import Chunk
from dqmstream.messages.operations import Conditions
from dqmstream.messages.quality import QualityReport
from dqmstream.producing.batches import Events, as_batch
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import Scope, read_tests
from dqmstream.quality.judgement import judge as judge_contents

__all__ = ["fill", "judge"]

_SOURCE: Final = "test"


def fill(workspace: Booking, *chunks: Events, log_time: int = 0) -> dict[str, MonitorElement]:
    """The elements of a workspace, filled with some events.

    Parameters
    ----------
    workspace
        As `dqmstream.booking.Workspace` makes it, or `dqmstream.workspaces.toml.from_toml` reads.
    chunks
        Events, as `Producer` takes them: a mapping of columns, an Awkward array of records, a
        DataFrame, Arrow. Several are filled one after another, as the chunks of one source. An
        analysis is given all of them as its first LS.
    log_time
        What the column `log_time` says, nanoseconds since 1970.

    Returns
    -------
    dict
        All elements by path. One whose columns are missing is there too: its `invalid` says why.

    Raises
    ------
    BookingError
        If the workspace is declared wrongly.
    MessageError
        If events are none: columns that differ in length, missing values, other types.
    """
    layout = Layout(check(workspace))
    decoded = []
    for number, events in enumerate(chunks):
        body = encode_batch(batch := as_batch(events))
        headers = _headers(number, batch.num_rows, body)
        decoded.append((headers, decode_chunk(headers, body, log_time)))
    fill_all = _filled if workspace.analysis is UNSET else _analysed
    contents = fill_all(layout, decoded)
    return {place.element.path: MonitorElement(contents, place) for place in layout}


def _filled(layout: Layout, chunks: Sequence[tuple[Chunk, Columns]]) -> Contents:
    contents, filler = Contents.empty(layout), WorkspaceFiller(layout)
    for chunk, columns in chunks:
        filler.fill(contents, columns, source=_SOURCE, number=chunk.number)
    return contents


def _analysed(layout: Layout, chunks: Sequence[tuple[Chunk, Columns]]) -> Contents:
    gathered = Gathered(columns_read(layout.booking))
    for chunk, columns in chunks:
        gathered.add(chunk, columns)
    sample, problem = sample_of(1, 1, [gathered])
    if problem:
        contents = Contents.empty(layout)
        contents.invalid = {place.index: problem for place in layout}
        return contents
    analysis = load_analysis(layout)
    return analysis.close(analysis.begin(1), [sample]).contents


def judge(
    filled: Mapping[str, MonitorElement],
    tests: str,
    *,
    scope: Scope = "lumisection",
    conditions: Conditions | None = None,
) -> dict[tuple[str, str], QualityReport]:
    """What quality tests say of a workspace that `fill` has filled.

    Parameters
    ----------
    filled
        What `fill` returned.
    tests
        Text of the file of quality tests.
    scope
        Only tests of this scope judge.
    conditions
        What is known of the LS, for tests that require something of it.

    Returns
    -------
    dict
        Reports by path of the element and name of the quality test.

    Raises
    ------
    ConfigurationError
        If the file is wrong, or a test matches no element: in a test that is a slip of the pen.
    """
    contents = next(iter(filled.values())).contents
    layout = contents.layout
    compiled = compile_tests(read_tests(tests, "quality tests"), [layout])
    if compiled.unmatched:
        msg = (
            f"quality tests {', '.join(compiled.unmatched)} match no element of workspace "
            f"{layout.workspace!r}, which has {', '.join(list(filled)[:10])}"
        )
        raise ConfigurationError(msg)
    found = judge_contents(
        contents,
        compiled.workspaces[layout.hash],
        scope=scope,
        set_hash="",
        run=1,
        lumisection=1,
        complete=True,
        versions=(),
        conditions=conditions,
    )
    return {(report.path, report.qtname): report for report in found.reports}


def _headers(number: int, events: int, body: bytes) -> Chunk:
    return Chunk(
        run=1,
        lumisection=1,
        source=_SOURCE,
        incarnation=_SOURCE,
        rereadable=True,
        number=number,
        partitions=1,
        seen=events,
        selected=events,
        dropped=0,
        checksum=zlib.crc32(body),
    )
