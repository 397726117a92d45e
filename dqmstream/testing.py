"""What tests of a workspace need: events in, MonitorElements and verdicts out, without a system.

::

    def test_empty_events_are_counted():
        filled = fill(workspace, {"hit": {"charge": [[12.5, 30.0], []]}})
        assert filled["MyDetector/hits_per_event"].counts()[0] == 1

The same code fills and judges as in the services: what is right here is right there.
"""

import zlib
from collections.abc import Mapping
from typing import Final

from dqmstream.booking import check
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.columns import encode_batch
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
        DataFrame, Arrow. Several are filled one after another, as the chunks of one source.
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
    contents, filler = Contents.empty(layout), WorkspaceFiller(layout)
    for number, events in enumerate(chunks):
        body = encode_batch(batch := as_batch(events))
        columns = decode_chunk(_headers(number, batch.num_rows, body), body, log_time)
        filler.fill(contents, columns, source=_SOURCE, number=number)
    return {place.element.path: MonitorElement(contents, place) for place in layout}


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
