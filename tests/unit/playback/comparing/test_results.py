"""Results in folders: what is written is read, whole or not at all."""

from pathlib import Path

import msgspec
import pytest

from dqmstream.errors import SourceError
from dqmstream.histograms.layout import Layout
from playback.comparing.difference import compare
from playback.comparing.policy import Policy
from playback.comparing.results import SCHEMA, AtWork, Crash, Ended, ResultFolder, ResultWriter
from tests.unit.playback.comparing.sides import BOOKING, TESTS, costs, side


def _written(folder: Path) -> ResultFolder:
    of, writer = side(), ResultWriter(folder)
    writer.begin(of.begun, of.bookings, of.tests)
    for number in of.lumisections:
        writer.at(number, "filling my")
        writer.add(of.lumisection(number))
    writer.end(costs())
    return ResultFolder(folder)


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    of, found = side(), _written(tmp_path / "result")
    assert (found.begun, tuple(found.tests)) == (of.begun, TESTS)
    assert {name: one.hash for name, one in found.layouts.items()} == {"my": Layout(BOOKING).hash}
    assert found.lumisections == [1, 2, 3]
    assert [found.lumisection(n) for n in (1, 2, 3)] == [of.lumisection(n) for n in (1, 2, 3)]
    assert found.ended == costs()
    assert found.at == AtWork(lumisection=3, doing="filling my")
    assert compare(of, found, Policy()).findings == ()


def test_what_is_missing_broken_or_of_a_later_form_is_refused_by_name(tmp_path: Path) -> None:
    found = _written(tmp_path / "result")
    later = msgspec.structs.replace(found.begun, schema=SCHEMA + 1)
    (found.folder / "begun.json").write_bytes(msgspec.json.encode(later))
    with pytest.raises(SourceError, match=f"this release reads up to {SCHEMA}"):
        _ = ResultFolder(found.folder).begun
    one = found.folder / "lumisections" / "00000002.msgpack"
    one.write_bytes(one.read_bytes()[:-9])
    with pytest.raises(SourceError, match="00000002"):
        found.lumisection(2)
    (found.folder / "ended.json").unlink()
    with pytest.raises(SourceError, match=r"ended\.json"):
        _ = ResultFolder(found.folder).ended


def test_a_long_name_never_breaks_what_is_noted_last(tmp_path: Path) -> None:
    writer = ResultWriter(tmp_path)
    writer.at(3, "filling " + "x" * 1000)
    writer.at(4, "reading")
    assert ResultFolder(tmp_path).at == AtWork(lumisection=4, doing="reading")
    writer.at(5, "filling " + "ü" * 1000)
    noted = ResultFolder(tmp_path).at
    assert noted is not None
    assert noted.lumisection == 5
    writer.end(Ended(crash=Crash(lumisection=5, doing=noted.doing, why="x")))
