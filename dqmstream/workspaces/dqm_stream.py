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

_TIMED: Final = "time > 0"
"""The event's own time was read."""
_NIBBLES: Final = integer(0, 64, label="lumi nibble: 64 to a lumisection, of 4096 orbits each")
_NIBBLE: Final = "orbit % 262144 // 4096"
_DELAY: Final = "(log_time - time) / 1e9"
_PAST: Final = f"{_TIMED} and log_time > time"
_POWER: Final = f"log({_DELAY}) / 2.302585092994046"
"""Logarithm to base 10, so that a mean of seconds and one of years are equally fine."""
_STEPS: Final = (f"{step}e{power}" for power in range(-1, 9) for step in (1, 1.5, 2, 3, 5, 7))
_DELAYS: Final = variable([*map(float, _STEPS), 1e9], label="delay", unit="s")
"""From 0.1 s to 30 years, six bins for each factor of ten."""


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


def _times() -> Iterator[Element]:
    yield scalar(
        "DQMStream/Time/unreadable",
        "time <= 0",
        combine="sum",
        title="Events whose own time could not be read",
        description=f"0: else the release writes events in a form not known here. {_CALL}",
        draw=_TREND,
    )
    yield scalar(
        "DQMStream/Time/fill",
        "fill",
        combine="max",
        select=_TIMED,
        title="LHC fill",
        description="That of the LHC page; 0 or -1 without one.",
        draw=_TREND,
    )
    yield histogram(
        "DQMStream/Time/in_lumisection",
        _NIBBLES,
        fill=_NIBBLE,
        select=_TIMED,
        title="Events by time within the lumisection",
        description=f"Flat: a gap is a time without triggers. {_CALL}",
    )
    yield histogram(
        "DQMStream/Time/bunch_crossing",
        integer(0, 3564, label="bunch crossing"),
        fill="bunch_crossing",
        select=_TIMED,
        title="Events by bunch crossing",
        description=f"Only crossings with beam, but for random triggers. {_CALL}",
        draw=_SPECTRUM,
    )


def _delays() -> Iterator[Element]:
    age = "In a replay: the age of the recording."
    yield histogram(
        "DQMStream/Delay/delay",
        _DELAYS,
        fill=_DELAY,
        select=_TIMED,
        title="Delay from the event to here",
        description="One peak at about half a minute, as events come in files of a lumisection. "
        f"Below 0.1 s clocks disagree. {age} {_CALL}",
        draw=Draw(log_x=True),
    )
    yield scalar(
        "DQMStream/Delay/longest",
        _DELAY,
        combine="max",
        select=_TIMED,
        title="Longest delay [s]",
        description=f"Steady over lumisections; rising: we fall behind. {age} {_CALL}",
        draw=_TREND,
    )
    yield profile(
        "DQMStream/Delay/by_time",
        _NIBBLES,
        fill=_NIBBLE,
        value=_POWER,
        value_range=(-6, 12),
        select=_PAST,
        title="Mean power of ten of the delay [s] by time within the lumisection",
        description="1 is 10 s, 2 is 100 s. Falls, as the first events of a file wait longest. "
        f"{age} {_CALL}",
    )
    yield profile(
        "DQMStream/Delay/by_host",
        regular(256, 0, 65536, label="number of the filter unit, in groups of 256"),
        fill="host",
        value=_POWER,
        value_range=(-6, 12),
        select=_PAST,
        title="Mean power of ten of the delay [s] by filter unit",
        description=f"1 is 10 s, 2 is 100 s. Alike in all units. {age} {_CALL}",
    )


workspace = Workspace(
    "dqm_stream",
    "The DQM stream: rate, sizes, filter units, what the HLT paths said, times and delays.",
    [*_events(), *_sizes(), *_paths(), *_times(), *_delays()],
)
