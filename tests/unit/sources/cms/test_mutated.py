"""Streamer files of our writer, and real ones, with bytes flipped, cut and inserted: all that is
wrong is counted, the account adds up, and nothing else ever happens."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.jsn import JsnForm
from dqmstream.sources.cms.messages import EventMessage, InitMessage
from dqmstream.sources.cms.payload import Compression
from dqmstream.sources.cms.report import FLAWS, REFUSALS, FileReport
from dqmstream.sources.cms.writer import encode_event, encode_init, new_event, write_streamer_file
from tests.mutated import mutated
from tests.send_events import encode_send_event

EVENTS = 4
REAL = "run346373_ls0027_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat"
_MOST_REAL = 60_000

per_example = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=Compression, ids=lambda kind: kind.name)
def stream(
    request: pytest.FixtureRequest,
    init: InitMessage,
    auxiliary: Callable[[int], EventAuxiliary],
    make_event: Callable[..., EventMessage],
) -> tuple[InitMessage, list[EventMessage]]:
    """A few events, their payloads stored in one of the four ways."""
    place = LumisectionId(398000, 12)
    raws = [
        encode_send_event(auxiliary(number), b"products of event %d, " % number * 20)
        for number in range(EVENTS)
    ]
    events = [
        new_event(init, place, number, [number % 4] * 5, raw, compression=request.param)
        for number, raw in enumerate(raws)
    ]
    return init, [make_event(99, [1]), *events]


def read(path: Path) -> FileReport:
    """The account of a file, all its batches looked at."""
    file = StreamerFile(path)
    events = 0
    for batch in file.batches():
        batch.validate(full=True)
        events += batch.num_rows
    assert file.report.selected == events
    return file.report


def assert_adds_up(report: FileReport, size: int) -> None:
    assert report.complete
    assert report.size == size
    assert 0 <= report.unreadable_bytes <= size
    assert report.events == report.selected + report.refused_events
    assert report.refused.keys() <= set(REFUSALS)
    assert report.flaws.keys() <= set(FLAWS)


@per_example
@given(data=st.data(), with_jsn=st.booleans(), form=st.sampled_from(JsnForm))
def test_a_changed_file_is_accounted_for(
    data: st.DataObject,
    with_jsn: bool,
    form: JsnForm,
    stream: tuple[InitMessage, list[EventMessage]],
    tmp_path: Path,
) -> None:
    """Beside a sound `.jsn`, which covers most of it with a checksum, or alone."""
    dat = tmp_path / "run398000_ls0012_streamDQM_test.dat"
    write_streamer_file(dat, *stream, form=form)
    good = dat.read_bytes()
    changed = data.draw(mutated(good))
    dat.write_bytes(changed)
    jsn = dat.with_suffix(".jsn")
    if not with_jsn:
        jsn.unlink()
    report = read(jsn if with_jsn else dat)
    assert_adds_up(report, len(changed))
    # Of the INIT some forms of .jsn cover nothing, and its own checksum only the payload.
    first_event = len(encode_init(stream[0]))
    if with_jsn and form is not JsnForm.TEST and changed[first_event:] != good[first_event:]:
        assert report.selected < len(stream[1]) or report.flaws or report.refused


@settings(parent=per_example, max_examples=30)
@given(data=st.data())
def test_a_changed_jsn_is_accounted_for(
    data: st.DataObject, stream: tuple[InitMessage, list[EventMessage]], tmp_path: Path
) -> None:
    """The data beside it are sound: if its name is still found, all events come out."""
    dat = tmp_path / "run398000_ls0012_streamDQM_test.dat"
    write_streamer_file(dat, *stream)
    jsn = dat.with_suffix(".jsn")
    jsn.write_bytes(data.draw(mutated(jsn.read_bytes())))
    report = read(jsn)
    assert report.complete
    assert report.selected == len(stream[1]) or report.refused or report.flaws


@pytest.mark.realdata
@settings(parent=per_example, max_examples=60)
@given(data=st.data())
def test_a_changed_piece_of_a_real_file_is_accounted_for(
    data: st.DataObject, real_data: Path, tmp_path: Path
) -> None:
    """Its INIT and first events: their names, sizes and payloads are as a detector's."""
    with (real_data / "cms-streamer" / REAL).open("rb") as file:
        good = file.read(_MOST_REAL)
    dat = tmp_path / "run346373_ls0027_streamDQM_test.dat"
    dat.write_bytes(data.draw(mutated(good)))
    assert_adds_up(read(dat), dat.stat().st_size)


def test_what_is_changed_was_good(
    stream: tuple[InitMessage, list[EventMessage]], tmp_path: Path
) -> None:
    dat = tmp_path / "run398000_ls0012_streamDQM_test.dat"
    write_streamer_file(dat, *stream)
    report = read(dat.with_suffix(".jsn"))
    assert report.selected == len(stream[1]) == EVENTS + 1
    assert not report.flaws
    assert report.size == len(encode_init(stream[0])) + sum(map(len, map(encode_event, stream[1])))
