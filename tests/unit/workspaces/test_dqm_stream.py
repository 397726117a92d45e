"""The workspace of the DQM stream, filled from real streamer files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqmstream.booking.columns import Columns, decode_batch
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.sources.cms.source import StreamerSource, streamer_sources
from dqmstream.workspaces.dqm_stream import workspace

pytestmark = pytest.mark.realdata

MAY_BE_EMPTY = {
    "DQMStream/dropped",
    "DQMStream/HLT/exceptions",
    "DQMStream/HLT/without_path",
    "DQMStream/Time/unreadable",
}

DELAY = 30
"""Seconds from the end of LS 28 to the time at which the made log has the chunks."""
LOGGED = np.datetime64("2021-10-28T21:07:13.301568", "ns").astype(np.int64) + DELAY * 10**9


def logged(columns: Columns) -> Columns:
    """The columns with those that the filler knows."""
    values = {**columns.values, "log_time": np.full(columns.events, LOGGED)}
    return replace(columns, values=values)


@pytest.fixture(scope="module")
def source(real_data: Path) -> StreamerSource:
    """Run 346373."""
    sources, _ = streamer_sources([real_data / "cms-streamer"])
    (found,) = [source for source in sources if source.run == 346373]
    return found


@pytest.fixture(scope="module")
def lumisections(source: StreamerSource) -> dict[int, Contents]:
    """LS 27 and 28, each filled from its file."""
    layout = Layout(workspace)
    filler = WorkspaceFiller(layout)
    contents = {}
    for lumisection in source.lumisections(0):
        total = Contents.empty(layout)
        for number, chunk in enumerate(lumisection.chunks()):
            columns = logged(decode_batch(chunk.body, selected=chunk.selected))
            filler.fill(total, columns, source=source.name, number=number)
        contents[lumisection.lumisection] = total
    return contents


def value(contents: Contents, path: str) -> Any:
    return contents.scalars[contents.layout[path].index].value


def cells(contents: Contents, path: str) -> Any:
    layout = contents.layout[path]
    return contents.cells[layout.offset : layout.offset + layout.cells].reshape(layout.extents)


@pytest.mark.parametrize("number", [27, 28])
def test_every_element_has_entries_and_none_is_invalid(
    lumisections: dict[int, Contents], number: int
) -> None:
    contents = lumisections[number]
    assert contents.invalid == {}
    for element in contents.layout:
        path = element.element.path
        if path in MAY_BE_EMPTY:
            assert value(contents, path) == 0
        elif element.planes:
            assert cells(contents, path).sum() > 0, path
            assert contents.cells[element.nan] == contents.cells[element.outside] == 0, path
        else:
            assert value(contents, path) > 0, path


def test_events_are_those_of_the_files(lumisections: dict[int, Contents]) -> None:
    first, second = lumisections[27], lumisections[28]
    assert [value(part, "DQMStream/events") for part in (first, second)] == [518, 484]
    assert value(first, "DQMStream/first_event") == 24108194
    assert value(first, "DQMStream/last_event") == 25080716


@pytest.mark.parametrize(
    ("number", "passes"),
    [
        (
            27,
            {
                "DST_Physics_v7": 518,
                "HLT_ZeroBias_part0_v1": 518,
                "HLT_ZeroBias_v6": 374,
                "HLT_ZeroBias_Beamspot_v4": 374,
                "AlCa_LumiPixelsCounts_ZeroBias_v1": 177,
                "HLT_PixelClusters_WP2_ZeroBias_v1": 157,
                "HLT_PixelClusters_WP1_ZeroBias_v1": 139,
                "AlCa_EcalPhiSym_v9": 58,
            },
        ),
        (28, {"HLT_ZeroBias_v6": 360, "HLT_PixelClusters_WP2_ZeroBias_v1": 135}),
    ],
)
def test_passes_of_paths_are_those_of_the_files(
    source: StreamerSource,
    lumisections: dict[int, Contents],
    number: int,
    passes: dict[str, int],
) -> None:
    passed = cells(lumisections[number], "DQMStream/HLT/passed")[1:-1]
    by_name = dict(zip(source.labels["hlt.path"], passed.tolist(), strict=False))
    assert len(by_name) == 67
    assert by_name | passes == by_name


def test_states_passes_and_pairs_say_the_same(lumisections: dict[int, Contents]) -> None:
    passed = cells(lumisections[27], "DQMStream/HLT/passed")[1:-1]
    states = cells(lumisections[27], "DQMStream/HLT/states")[1:-1, 1:-1]
    together = cells(lumisections[27], "DQMStream/HLT/together")[1:-1, 1:-1]
    assert passed[67:].sum() == 0
    assert np.array_equal(states[:, 1], passed)
    assert states.sum() == 67 * 518
    assert np.array_equal(np.diag(together), passed[:128])
    assert np.tril(together, -1).sum() == 0


def test_crossings_and_fill_are_those_of_the_files(lumisections: dict[int, Contents]) -> None:
    crossings = cells(lumisections[27], "DQMStream/Time/bunch_crossing")[1:-1]
    assert {int(number): int(crossings[number]) for number in crossings.nonzero()[0]} == {
        1: 266,
        1237: 252,
    }
    assert value(lumisections[27], "DQMStream/Time/fill") == 7517


def test_events_are_spread_over_the_lumisection(lumisections: dict[int, Contents]) -> None:
    """518 events in 64 nibbles, none of which lies outside."""
    nibbles = cells(lumisections[27], "DQMStream/Time/in_lumisection")
    assert nibbles[0] == nibbles[-1] == 0
    assert nibbles.sum() == 518
    assert np.count_nonzero(nibbles) > 60


def test_delays_are_from_the_event_to_the_log(lumisections: dict[int, Contents]) -> None:
    """The last event of LS 28 waited 30 s, those of LS 27 up to 23.3 s and 23.3 s more."""
    first, second = lumisections[27], lumisections[28]
    assert value(second, "DQMStream/Delay/longest") == pytest.approx(DELAY + 23.126720)
    assert value(first, "DQMStream/Delay/longest") == pytest.approx(DELAY + 46.485952)
    (axis,) = second.layout["DQMStream/Delay/delay"].element.axes  # type: ignore[union-attr]
    edges = axis.edges  # type: ignore[union-attr]
    filled = cells(second, "DQMStream/Delay/delay")[1:-1].nonzero()[0]
    assert [(edges[bin_], edges[bin_ + 1]) for bin_ in filled] == [(30.0, 50.0), (50.0, 70.0)]


def test_the_mean_delay_falls_within_the_lumisection(lumisections: dict[int, Contents]) -> None:
    """By 10^mean: from about 53 s in its first nibble to about 30 s in its last."""
    place = lumisections[28].layout["DQMStream/Delay/by_time"]
    entries, sums, _ = lumisections[28].cells[place.offset : place.nan].reshape(3, place.cells)
    delays = 10 ** (sums[1:-1] / entries[1:-1] / 2.0**place.bits)
    assert (np.diff(delays) < 0).all()
    assert delays[[0, -1]] == pytest.approx([DELAY + 23, DELAY], abs=0.4)
