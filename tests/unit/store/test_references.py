"""References out of the store, over chunks and tail: exact sums and bands of one run or several."""

import numpy as np
import pytest

from dqmstream.histograms.contents import Contents
from dqmstream.messages.booking import Activation
from dqmstream.messages.operations import Conditions
from dqmstream.references.banding import band_of
from dqmstream.store.testing import closed_set, random_contents
from services.gateway.archive import Archive
from services.gateway.problems import ProblemError
from services.gateway.reference_reading import AskedData, read_data, workspaces_of

LSS = {7: range(1, 12), 8: range(3, 9)}
ALL = ("**",)


@pytest.fixture
def recorded(writer, layout):
    """Contents by run and LS; the older LSs are in chunks, the newest in the tail."""
    rng = np.random.default_rng(1)
    writer.write([Activation(set="set", workspaces=("every",), from_run=1, who="x", when=1)], {})
    found = {}
    for run, numbers in LSS.items():
        for number in numbers:
            contents = random_contents(layout, rng)
            found[run, number] = contents
            writer.write([closed_set(contents, run=run, lumisection=number)], {})
            told = Conditions(
                run=run, lumisection=number, pileup=40.0 + number, recorded=0.25 * number
            )
            writer.write([told], {})
        writer.compact()
    return found


@pytest.fixture
def archive(store, recorded) -> Archive:
    return Archive(store)


def test_a_run_is_the_sum_of_its_lumisections(archive, recorded, layout):
    data, made = read_data(archive, "every", AskedData(runs={7: []}), ALL)
    parts = [recorded[7, number] for number in LSS[7]]
    assert np.array_equal(data.contents.cells, Contents.total(layout, parts).cells)
    assert (made.kind, made.windows[0].lumisections) == ("run", ((1, 11),))
    assert made.exposed.recorded == pytest.approx(0.25 * sum(LSS[7]))
    assert made.exposed.pileup == pytest.approx(46.0)


def test_ranges_and_conditions_choose_lumisections(archive, recorded, layout):
    asked = AskedData(runs={7: [(2, 5), (9, 20)]}, require="pileup > 43")
    data, made = read_data(archive, "every", asked, ("one/*",))
    assert made.windows[0].lumisections == ((4, 5), (9, 11))
    total = Contents.total(layout, [recorded[7, number] for number in (4, 5, 9, 10, 11)])
    place, whole = data.contents.layout["one/profile"], layout["one/profile"]
    assert np.array_equal(
        data.contents.cells[place.offset : place.offset + place.size],
        total.cells[whole.offset : whole.offset + whole.size],
    )
    assert len(data.contents.layout.elements) == 3


@pytest.mark.parametrize("per", ["entries", "lumisections", "luminosity"])
def test_a_band_is_that_of_all_lumisections_but_those_where_filling_failed(
    archive, recorded, layout, per
):
    runs = {7: [(1, 9)], 8: []}
    data, made = read_data(archive, "every", AskedData(runs=runs, per=per), ("one/*", "two/*"))
    assert [window.run for window in made.windows] == [7, 8]
    assert (made.kind, made.per, made.exposed.lumisections) == ("band", per, 15)
    keys = [(7, number) for number in range(1, 10)] + [(8, number) for number in LSS[8]]
    for path in ("one/counts", "two/counts", "one/weighted", "one/profile"):
        place = layout[path]
        good = [key for key in keys if place.index not in recorded[key].invalid]
        cells = np.stack(
            [recorded[key].cells[place.offset : place.offset + place.size] for key in good]
        )
        luminosity = np.array([0.25 * number for _, number in good])
        expected = band_of(place, cells, per, luminosity)
        for name in ("centre", "lower", "upper", "statistical"):
            np.testing.assert_array_equal(getattr(data.bands[path], name), getattr(expected, name))
        mine = data.contents.layout[path]
        assert np.array_equal(
            data.contents.cells[mine.offset : mine.offset + mine.size], cells.sum(axis=0)
        )


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (AskedData(runs={9: []}), "run 9 is not stored"),
        (AskedData(runs={7: [(50, 60)]}), "no LS of workspace 'every' is stored of runs 7"),
        (AskedData(runs={7: []}, require="pileup > 99"), "with 'pileup > 99'"),
        (AskedData(runs={7: []}, require="pileup >"), "require"),
        (AskedData(runs={7: [], 8: []}), "2 runs: a histogram is of one"),
    ],
)
def test_what_is_not_there_or_wrongly_asked_is_said(archive, asked, why):
    with pytest.raises(ProblemError, match=why):
        read_data(archive, "every", asked, ALL)


def test_workspaces_are_those_of_all_runs(archive):
    assert workspaces_of(archive, [7, 8]) == ["every"]
    with pytest.raises(ProblemError, match="run 9"):
        workspaces_of(archive, [7, 9])
