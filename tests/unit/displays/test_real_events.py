"""Real events of CMS as displays draw them: the figures of an independent reading."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dqmstream.booking.columns import Columns, decode_batch
from dqmstream.displays.columns import DISPLAY_COLUMNS
from dqmstream.displays.fitting import size_of
from dqmstream.displays.picture import layers_of
from dqmstream.displays.sampler import Sampler, SamplerSettings
from dqmstream.messages.display import EventDisplay
from dqmstream.sources.cms.source import StreamerSource, streamer_sources
from tests.unit.displays.events import chunk

pytestmark = [pytest.mark.realdata, pytest.mark.timeout(300)]


def source(real_data: Path, pattern: str) -> StreamerSource:
    """Files of one LS, with the columns of displays."""
    (one,), _ = streamer_sources(sorted((real_data / "cms-streamer").glob(pattern)))
    return one.reading(DISPLAY_COLUMNS & one.columns)


def chunks(one: StreamerSource) -> Iterator[Columns]:
    for lumisection in one.lumisections(0):
        for each in lumisection.chunks():
            yield decode_batch(each.body, selected=each.selected)


def shown(one: StreamerSource) -> list[EventDisplay]:
    """Every event that has something to draw, in order."""
    sampler, found = Sampler(SamplerSettings(rate=1000.0, rules=("every:1",))), []
    now = 0.0
    for number, columns in enumerate(chunks(one)):
        headers = chunk(run=one.run, number=number, events=columns.events)
        sampler.take(headers, columns, heard=1, now=now)
        while (display := sampler.next(now, 1)) is not None:
            found.append(display)
            now += 0.01
        now += 0.01
    return found


def test_tracks_and_vertices_of_a_lumisection_are_all_drawn(real_data: Path) -> None:
    """145 of 518 events have tracks, 907 together, 27 at most; 83 have a vertex."""
    events = shown(source(real_data, "run346373_ls0027*.jsn"))
    layers = [{layer.collection: layer for layer in one.layers} for one in events]
    tracks = [each["tracks"] for each in layers if "tracks" in each]
    vertices = [each["vertices"] for each in layers if "vertices" in each]
    assert (len(events), len(tracks)) == (145, 145)
    totals = [len(each.members["pt"]) for each in tracks]
    assert (sum(totals), max(totals), len(vertices)) == (907, 27, 83)
    momenta = [p for each in tracks for p in each.members["pt"] if p is not None]
    assert sum(momenta) == pytest.approx(548.470, abs=0.1)
    places = [v.members["x"][0] for v in vertices]
    assert sum(p for p in places if p is not None) / 83 == pytest.approx(0.16940, abs=1e-4)
    assert all(len(one.paths) == one.paths_passed > 0 for one in events)
    (busy,) = [one for one in events if one.event == 24610374]
    assert busy.bunch_crossing in {1, 1237}
    drawn = next(layer for layer in busy.layers if layer.collection == "tracks").members
    # Its first track has p = (-1.82986, -0.22636, -1.86320) GeV.
    at = drawn["pt"].index(1.844)
    eta, phi = drawn["eta"][at], drawn["phi"][at]
    assert (eta, phi) == (pytest.approx(-0.8888, abs=2e-4), pytest.approx(-3.0185, abs=2e-4))


def test_scouting_events_fit_and_lose_nothing(real_data: Path) -> None:
    events = shown(source(real_data, "run392642*.jsn"))
    assert len(events) == 35
    totals: dict[str, int] = {}
    for one in events:
        for layer in one.layers:
            assert len(layer.members.get("pt", layer.members.get("z", ()))) == layer.total
            totals[layer.collection] = totals.get(layer.collection, 0) + layer.total
    assert totals == {
        "scouting_tracks": 3266,
        "scouting_vertices_primary": 970,
        "scouting_vertices_displaced_vtx": 5,
        "scouting_vertices_displaced_no_vtx": 3,
        "scouting_jets": 1409,
        "scouting_muons_vtx": 28,
        "scouting_muons_no_vtx": 23,
        "scouting_electrons": 46,
        "scouting_photons": 131,
    }
    assert max(map(size_of, events)) < SamplerSettings().limit
    spots = {(one.spot.x, one.spot.y) for one in events if one.spot is not None}
    assert spots == {(0.088268, -0.188963), (0.088282, -0.188926)}


def test_muons_start_where_their_tracks_do(real_data: Path) -> None:
    (columns,) = chunks(source(real_data, "run392642*.jsn"))
    muons = [
        layer
        for index in range(columns.events)
        for layer in layers_of(columns, index)
        if layer.collection == "scouting_muons_vtx"
    ]
    assert sum(layer.total for layer in muons) == 28
    for layer in muons:
        assert {"vx", "vy", "vz", "charge"} <= layer.members.keys()
        assert set(layer.members["charge"]) <= {1, -1}
