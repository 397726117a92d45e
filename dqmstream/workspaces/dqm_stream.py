"""The DQM stream itself: events as the high-level trigger ships them in streamer files.

Paths are numbers here; the source sends their names as labels of `hlt.path`. Columns are those of
`dqmstream.sources.cms.columns`, and `log_time`: when an event's chunk entered the log [ns since
1970], which the filler takes from the log's record, so that filling again gives the same.

`log_time - time` is the delay from the event to here. Of a replayed recording it is the age of the
recording: years, whatever the service does.
"""

from collections.abc import Iterator
from typing import Final

from dqmstream.booking import Workspace, histogram, integer, profile, regular, scalar, variable
from dqmstream.messages.booking import Draw, Element
from dqmstream.workspaces.stream_times import delays, times

__all__ = ["workspace"]

_CALL: Final = "Otherwise call the HLT expert on duty."
_MAP: Final = Draw(style="map", log_z=True)
_TREND: Final = Draw(per_lumisection=True)
_SPECTRUM: Final = Draw(log_y=True)

_PATHS: Final = 512
_PAIRED: Final = 128
_SIZES: Final = variable(
    [0, *(round(2 ** (step / 4)) for step in range(28, 97))], label="size", unit="byte"
)
"""From 128 bytes to 16 MB in four steps for each doubling."""


def _events() -> Iterator[Element]:
    yield scalar(
        "DQMStream/events",
        "1",
        combine="sum",
        title="Events",
        description="Steady over lumisections. Zero: the stream is empty; call the DQM operator.",
        draw=_TREND,
    )
    yield scalar(
        "DQMStream/bytes",
        "message_size",
        combine="sum",
        title="Bytes in the stream",
        description="Steady over lumisections; a jump means larger events or another rate. "
        f"{_CALL}",
        draw=_TREND,
    )
    yield scalar(
        "DQMStream/dropped",
        "dropped",
        combine="max",
        title="Highest count of dropped events of a writer",
        description=f"0: else the filter units cannot write fast enough. {_CALL}",
        draw=_TREND,
    )
    yield scalar(
        "DQMStream/first_event",
        "event",
        combine="min",
        title="Lowest event number",
        description="Rises from lumisection to lumisection.",
        draw=_TREND,
    )
    yield scalar(
        "DQMStream/last_event",
        "event",
        combine="max",
        title="Highest event number",
        description="Rises from lumisection to lumisection.",
        draw=_TREND,
    )
    yield histogram(
        "DQMStream/hosts",
        regular(256, 0, 65536, label="number of the filter unit, in groups of 256"),
        fill="host",
        title="Events by filter unit",
        description=f"Spread over all units: a single high bin is a unit that takes all. {_CALL}",
    )
    yield histogram(
        "DQMStream/l1_bits",
        integer(0, 129, label="L1 bits of an event"),
        fill="l1_bits",
        title="Level-1 bits set per event",
        description=f"As in the reference; all at 0 in streams that do not ship them. {_CALL}",
    )


def _sizes() -> Iterator[Element]:
    for column, title in (
        ("original_size", "before compression"),
        ("compressed_size", "as stored"),
        ("message_size", "of the whole message"),
    ):
        yield histogram(
            f"DQMStream/Size/{column}",
            _SIZES,
            fill=column,
            title=f"Size of an event {title}",
            description=f"As in the reference; a new peak is another event content. {_CALL}",
            draw=Draw(log_x=True),
        )
    yield histogram(
        "DQMStream/Size/compression",
        regular(100, 0, 1.25, label="stored size / original size"),
        fill="compressed_size / original_size",
        select="original_size > 0",
        title="Compression",
        description=f"One peak below 0.8; at 1 nothing is compressed. {_CALL}",
    )
    yield profile(
        "DQMStream/Size/by_host",
        regular(256, 0, 65536, label="number of the filter unit, in groups of 256"),
        fill="host",
        value="message_size",
        value_range=(0, 2**32),
        title="Mean message size by filter unit",
        description=f"Alike in all units: one apart runs another configuration. {_CALL}",
    )
    yield profile(
        "DQMStream/Size/compression_by_size",
        _SIZES,
        fill="original_size",
        value="compressed_size / original_size",
        value_range=(0, 10),
        select="original_size > 0",
        title="Mean compression by original size",
        description=f"Falls or stays as events grow. {_CALL}",
        draw=Draw(log_x=True, efficiency=True),
    )


def _paths() -> Iterator[Element]:
    path = integer(0, _PATHS, label="HLT path")
    first = integer(0, _PAIRED, label="HLT path")
    second = integer(0, _PAIRED, label="HLT path, the same or a later one")
    yield histogram(
        "DQMStream/HLT/passed",
        path,
        fill="hlt_pass.path",
        title="Events passed by path",
        description="As in the reference but for prescale changes. A path at 0 that is not "
        f"there in the reference is dead. {_CALL}",
        draw=_SPECTRUM,
    )
    yield histogram(
        "DQMStream/HLT/states",
        path,
        integer(0, 4, labels=["ready", "pass", "fail", "exception"], label="state"),
        fill=("hlt.path", "hlt.state"),
        title="State of each path",
        description=f"Nothing in the row of exceptions. {_CALL}",
        draw=_MAP,
    )
    yield profile(
        "DQMStream/HLT/fraction",
        path,
        fill="hlt.path",
        value="where(hlt.state == 1, 1, 0)",
        value_range=(0, 1),
        title="Fraction of events passed by path",
        description=f"As in the reference but for prescale changes. {_CALL}",
        draw=Draw(efficiency=True),
    )
    yield histogram(
        "DQMStream/HLT/together",
        first,
        second,
        fill=("hlt_pair.first", "hlt_pair.second"),
        title="Paths passed together",
        description="As in the reference; the diagonal has the counts of each path. Shows the "
        f"first {_PAIRED} paths. {_CALL}",
        draw=_MAP,
    )
    yield histogram(
        "DQMStream/HLT/passed_per_event",
        integer(0, 65, label="paths passed"),
        fill="count(hlt_pass)",
        title="Paths passed per event",
        description=f"Nothing at 0: each event of a stream has passed a path of it. {_CALL}",
    )
    yield histogram(
        "DQMStream/HLT/exceptions_per_event",
        integer(0, 33, label="paths that failed with an exception"),
        fill="count(hlt.state == 3)",
        title="Paths that failed with an exception per event",
        description=f"All at 0. {_CALL}",
        draw=_SPECTRUM,
    )
    yield scalar(
        "DQMStream/HLT/exceptions",
        "count(hlt.state == 3)",
        combine="sum",
        title="Exceptions in paths",
        description=f"0. {_CALL}",
        draw=_TREND,
    )
    yield scalar(
        "DQMStream/HLT/without_path",
        "count(hlt_pass) == 0",
        combine="sum",
        title="Events that passed no path",
        description=f"0: else the stream ships what nobody selected. {_CALL}",
        draw=_TREND,
    )


workspace = Workspace(
    "dqm_stream",
    "The DQM stream: rate, sizes, filter units, what the HLT paths said, times and delays.",
    [*_events(), *_sizes(), *_paths(), *times(), *delays()],
)
