"""Reading a file: chunks, accounts, selection, and what the name and the `.jsn` say."""

import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.columns import COLUMNS, HEADER_COLUMNS
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.jsn import JsnForm
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import EventMessage, InitMessage
from dqmstream.sources.cms.payload import Compression
from dqmstream.sources.cms.report import OTHER_CLASSES, OTHER_HOSTS, EventCounts
from dqmstream.sources.cms.selection import HltSelection
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.writer import encode_event, new_event, new_metadata, write_streamer_file
from tests.send_events import encode_send_event

MakeEvent = Callable[..., EventMessage]
Write = Callable[..., Path]


def numbers(batches: Sequence[pa.RecordBatch]) -> list[int]:
    """Event numbers of all batches, in order."""
    return [number for batch in batches for number in batch["event"].to_numpy()]


def damaged(event: EventMessage) -> EventMessage:
    """The event with a checksum that its payload does not have."""
    return msgspec.structs.replace(event, adler32=event.adler32 ^ 1)


def holding(event: EventMessage, raw: bytes) -> EventMessage:
    """The event with another payload, stored plain."""
    return msgspec.structs.replace(event, payload=raw, original_size=0, adler32=zlib.adler32(raw))


def test_events_come_out_as_they_were_written(
    make_event: MakeEvent, write: Write, auxiliary: Callable[[int], EventAuxiliary]
) -> None:
    """Messages, decompressed payloads and their auxiliary, and the INIT."""
    events = [make_event(number, [number % 5]) for number in range(20)]
    file = StreamerFile(write(events))
    read = list(file.events())
    assert [event.message for event in read] == events
    assert [event.auxiliary for event in read] == [auxiliary(number) for number in range(20)]
    assert [event.payload for event in read] == [
        encode_send_event(auxiliary(number), b"products %d" % number) for number in range(20)
    ]
    assert file.report.unknown_classes == {}
    assert file.init is not None
    assert file.init.hlt_paths == file.report.hlt_paths


def test_either_file_of_the_pair_opens_both(make_event: MakeEvent, write: Write) -> None:
    """And the reports are the same."""
    jsn_path = write([make_event(1)])
    by_jsn, by_dat = StreamerFile(jsn_path), StreamerFile(jsn_path.with_suffix(".dat"))
    assert numbers([*by_jsn.batches()]) == numbers([*by_dat.batches()]) == [1]
    assert by_jsn.report == by_dat.report


@pytest.mark.parametrize("form", JsnForm)
@pytest.mark.parametrize("compression", Compression)
def test_all_forms_and_compressions_are_read_without_a_flaw(
    tmp_path: Path,
    init: InitMessage,
    auxiliary: Callable[[int], EventAuxiliary],
    form: JsnForm,
    compression: Compression,
) -> None:
    """Sizes and checksums hold in the form they are written in."""
    place = LumisectionId(auxiliary(1).run, auxiliary(1).lumisection)
    raw = [encode_send_event(auxiliary(number), b"raw" * number) for number in range(1, 6)]
    events = [
        new_event(init, place, number, [1] * 5, payload, compression=compression)
        for number, payload in enumerate(raw, start=1)
    ]
    messages = [new_metadata(init, b"branch lists", compression=compression), *events]
    write_streamer_file(tmp_path / "a.dat", init, messages, form=form, processed=99)
    file = StreamerFile(tmp_path / "a.jsn")
    assert [event.payload for event in file.events()] == raw
    report = file.report
    assert (report.refused, report.flaws, report.metadata_messages) == ({}, {}, 1)
    assert report.jsn is not None
    assert (report.jsn.form, report.jsn.processed, report.jsn.accepted) == (form, 99, 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.dat", "a.jsn"]


@pytest.mark.parametrize(
    ("chunk_events", "rows"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (9, [7])]
)
def test_chunks_are_cut_by_rows(
    make_event: MakeEvent, write: Write, chunk_events: int, rows: list[int]
) -> None:
    """Full chunks, then the rest."""
    file = StreamerFile(
        write([make_event(number) for number in range(7)]), ReadSettings(chunk_events=chunk_events)
    )
    assert [chunk.batch.num_rows for chunk in file.chunks()] == rows


def test_chunks_are_cut_by_bytes(make_event: MakeEvent, write: Write) -> None:
    """With the event that reaches the limit."""
    path = write([make_event(number, range(5)) for number in range(50)])
    (whole,) = StreamerFile(path).batches()
    each = whole.nbytes / 50
    cut = StreamerFile(path, ReadSettings(chunk_bytes=int(10 * each)))
    assert [batch.num_rows for batch in cut.batches()] == [10] * 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    fates=st.lists(st.sampled_from(["good", "unselected", "broken"]), max_size=30),
    chunk_events=st.integers(1, 8),
    prescale=st.sampled_from([1, 2, 5]),
)
def test_every_event_is_in_the_account_of_one_chunk(
    make_event: MakeEvent, write: Write, fates: list[str], chunk_events: int, prescale: int
) -> None:
    """Counts of the chunks add up to the report's; the rows do not depend on the chunks."""
    made = {
        "good": lambda number: make_event(number, [2]),
        "unselected": lambda number: make_event(number, [0]),
        "broken": lambda number: damaged(make_event(number, [2])),
    }
    path = write([made[fate](number) for number, fate in enumerate(fates)])
    selection = HltSelection(paths=("HLT_Mu20*",), prescale=prescale)
    file = StreamerFile(path, ReadSettings(selection=selection, chunk_events=chunk_events))
    chunks = list(file.chunks())
    report = file.report
    total = EventCounts(*(sum(counts) for counts in zip(*(c.counts for c in chunks), strict=True)))
    assert (total.events, total.selected, total.unselected, total.prescaled, total.refused) == (
        report.events,
        report.selected,
        report.unselected,
        report.prescaled,
        report.refused_events,
    )
    assert report.events == len(fates) == sum(total[1:])
    assert all(chunk.counts.selected == chunk.batch.num_rows for chunk in chunks)
    assert report.unselected == fates.count("unselected")
    assert report.refused_events == fates.count("broken")
    whole = StreamerFile(path, ReadSettings(selection=selection))
    assert numbers([c.batch for c in chunks]) == numbers([*whole.batches()])


def test_reading_again_gives_the_same_chunks_and_report(
    make_event: MakeEvent, write: Write
) -> None:
    """A source can re-send what it sent: same ids, same bytes."""
    file = StreamerFile(
        write([make_event(number, [number % 5]) for number in range(40)]),
        ReadSettings(chunk_events=7, selection=HltSelection(prescale=3)),
    )
    first, report = list(file.chunks()), file.report
    assert list(file.chunks()) == first
    assert file.report == report


def test_a_reading_given_up_is_not_complete(make_event: MakeEvent, write: Write) -> None:
    """The report says how far it came."""
    file = StreamerFile(write([make_event(number) for number in range(5)]))
    events = file.events()
    next(events)
    assert (file.report.complete, file.report.selected) == (False, 1)
    assert sum(1 for _ in events) == 4
    assert file.report.complete


def test_unmatched_entries_of_the_selection_are_a_flaw(make_event: MakeEvent, write: Write) -> None:
    """A menu without the path is named, not taken for a quiet detector."""
    selection = HltSelection(paths=("HLT_Renamed_v*",))
    file = StreamerFile(write([make_event(1, [0])]), ReadSettings(selection=selection))
    assert [chunk.batch.num_rows for chunk in file.chunks()] == [0]
    assert file.report.flaws == {"selection_unmatched": 1}
    assert file.report.unselected == 1
    assert "HLT_Renamed_v*" in file.report.sentences()[0]


def test_without_verification_payloads_are_not_looked_at(
    make_event: MakeEvent, write: Write
) -> None:
    """A broken one passes, and no payload is given."""
    file = StreamerFile(write([damaged(make_event(1))]), ReadSettings(verify_payload=False))
    assert [(event.payload, event.auxiliary) for event in file.events()] == [(None, None)]
    assert tuple(next(file.batches()).schema.names) == HEADER_COLUMNS
    assert file.report.refused == {}


def test_renamed_files_count_for_content_or_for_name(make_event: MakeEvent, write: Write) -> None:
    """Playback renames files; which lumisection is meant is a setting."""
    path = write([make_event(1)], "run500015_ls0003_streamTest_pid1")
    by_content, by_name = (
        StreamerFile(path),
        StreamerFile(path, ReadSettings(lumisection_from="name")),
    )
    assert numbers([*by_content.batches()]) == numbers([*by_name.batches()]) == [1]
    assert by_content.report.lumisection == LumisectionId(398000, 12)
    assert by_content.report.flaws == {"renamed": 1}
    assert by_name.report.lumisection == LumisectionId(500015, 3)
    assert by_name.report.content == LumisectionId(398000, 12)
    assert by_name.report.flaws == {}


def test_the_first_event_does_not_decide_alone_where_a_file_belongs(
    make_event: MakeEvent, write: Write
) -> None:
    """One flipped bit in the first header must not make all others look foreign."""
    events = [make_event(number) for number in range(5)]
    events[0] = msgspec.structs.replace(events[0], run=1)
    file = StreamerFile(write(events))
    assert numbers([*file.batches()]) == [1, 2, 3, 4]
    assert file.report.refused == {"other_lumisection": 1}


def test_sentences_name_run_lumisection_file_and_byte(make_event: MakeEvent, write: Write) -> None:
    """Enough to find the place with a hex editor."""
    good, bad = make_event(1), damaged(make_event(2))
    path = write([good, bad])
    file = StreamerFile(path)
    list(file.events())
    (sentence,) = file.report.sentences()
    place = path.with_suffix(".dat").stat().st_size - len(encode_event(bad))
    assert f"run 398000 LS 12 {path.with_suffix('.dat')} byte {place}: payload_checksum" in sentence


def test_details_and_hosts_are_bounded_and_counts_are_not(
    make_event: MakeEvent, write: Write
) -> None:
    """A file of nothing but trouble does not grow the report."""
    events = [damaged(make_event(number)) for number in range(30)]
    events += [make_event(number, host=f"fu-{number}") for number in range(30)]
    file = StreamerFile(write(events), limits=Limits(max_details=4, max_hosts=10))
    assert len(numbers([*file.batches()])) == 30
    assert file.report.refused == {"payload_checksum": 30}
    assert len(file.report.findings) == 4
    assert file.report.hosts[OTHER_HOSTS] == 20
    assert sum(file.report.hosts.values()) == 30


@pytest.mark.parametrize("name", ["folder.dat", "none.dat", "none.jsn"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    """A folder, and files that are not there."""
    (tmp_path / "folder.dat").mkdir()
    file = StreamerFile(tmp_path / name)
    assert list(file.chunks()) == []
    reason = "file_unreadable" if name == "folder.dat" else "file_missing"
    assert file.report.refused == {reason: 1}


def test_times_come_without_verifying_when_they_are_asked_for(
    make_event: MakeEvent, write: Write, auxiliary: Callable[[int], EventAuxiliary]
) -> None:
    """Then, and only then, a payload of a wrong checksum is decompressed."""
    path = write([damaged(make_event(3))])
    asked = ReadSettings(columns=("fill", "time"), verify_payload=False)
    (batch,) = StreamerFile(path, asked).batches()
    assert batch.to_pylist() == [{"time": auxiliary(3).time, "fill": 10671}]
    header = ReadSettings(columns=("event",), verify_payload=False)
    assert [event.payload for event in StreamerFile(path, header).events()] == [None]
    assert ReadSettings(columns=("event",)).expand_payload
    assert ReadSettings().made_columns == COLUMNS


def test_an_event_of_an_unknown_class_keeps_its_header(
    make_event: MakeEvent, write: Write, auxiliary: Callable[[int], EventAuxiliary]
) -> None:
    """It has no time, is counted by class and version, and nothing of it is guessed."""
    newer = bytearray(encode_send_event(auxiliary(2)))
    newer[34] = 12
    other = holding(make_event(2), bytes(newer))
    file = StreamerFile(write([make_event(1), other, make_event(3)]))
    (batch,) = file.batches()
    unknown = {"time": -1, "bunch_crossing": -1, "orbit": -1, "fill": -1}
    row = batch.to_pylist()[1]
    assert row["event"] == 2
    assert {name: row[name] for name in unknown} == unknown
    assert [row["time"] > 0 for row in batch.to_pylist()] == [True, False, True]
    assert file.report.flaws == {"auxiliary_unknown": 1}
    assert file.report.unknown_classes == {"edm::EventAuxiliary v12": 1}
    (sentence,) = file.report.sentences()
    assert "auxiliary_unknown: event 2: edm::EventAuxiliary v12: " in sentence


@pytest.mark.parametrize("field", ["run", "lumisection", "event"])
def test_a_header_that_its_payload_contradicts_is_refused(
    make_event: MakeEvent,
    write: Write,
    auxiliary: Callable[[int], EventAuxiliary],
    field: str,
) -> None:
    """The checksum covers the payload only, so the event is not used under either number."""
    right = auxiliary(2)
    wrong = right._replace(**{field: getattr(right, field) + 1})
    event = holding(make_event(2), encode_send_event(wrong))
    file = StreamerFile(write([make_event(1), event]))
    assert numbers([*file.batches()]) == [1]
    assert file.report.refused == {"auxiliary_mismatch": 1}
    assert (file.report.selected, file.report.refused_events) == (1, 1)


def test_unknown_classes_are_bounded_and_their_events_are_not(
    make_event: MakeEvent, write: Write
) -> None:
    """One sentence for each class, and classes beyond the limit counted together."""
    payloads = [b"\0\0\0\0\xff\xff\xff\xffA%d\0" % (number // 2) for number in range(20)]
    events = [holding(make_event(number), raw) for number, raw in enumerate(payloads)]
    file = StreamerFile(write(events), limits=Limits(max_details=3))
    assert len(numbers([*file.batches()])) == 20
    assert file.report.flaws == {"auxiliary_unknown": 20}
    assert file.report.unknown_classes == {"A0": 2, "A1": 2, "A2": 2, OTHER_CLASSES: 14}
    assert len(file.report.findings) == 3


def test_a_report_is_a_document(make_event: MakeEvent, write: Write) -> None:
    """It goes through JSON and comes back."""
    file = StreamerFile(write([make_event(1), damaged(make_event(2))]))
    list(file.events())
    encoded = msgspec.json.encode(file.report)
    assert msgspec.json.decode(encoded, type=type(file.report)) == file.report


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, init: InitMessage, lumisection: LumisectionId
) -> None:
    """24 MiB of events are read within 6 MiB: a message, its payload, a buffer, a chunk."""
    raw = bytes(range(256)) * 2048
    plain = Compression.UNCOMPRESSED
    events = (
        new_event(init, lumisection, number, [1] * 5, raw, compression=plain)
        for number in range(48)
    )
    write_streamer_file(tmp_path / "a.dat", init, events)
    file = StreamerFile(tmp_path / "a.dat")
    tracemalloc.start()
    try:
        assert sum(batch.num_rows for batch in file.batches()) == 48
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert file.report.size > 24 << 20
    assert peak < 6 << 20


def test_a_message_above_the_limit_ends_the_reading(make_event: MakeEvent, write: Write) -> None:
    """It is real, and still not read."""
    large = msgspec.structs.replace(make_event(2), payload=bytes(1000))
    path = write([make_event(1), large, make_event(3)])
    file = StreamerFile(path, limits=Limits(max_message_bytes=500))
    assert numbers([*file.batches()]) == [1]
    assert file.report.refused == {"message_size": 1}
    rest = (encode_event(large), encode_event(make_event(3)))
    assert file.report.unreadable_bytes == sum(map(len, rest))


@pytest.mark.parametrize("settings", [{"chunk_events": 0}, {"chunk_bytes": 0}, {"columns": ("x",)}])
def test_settings_that_cannot_be_stop_the_start(settings: dict[str, object]) -> None:
    """Before a file is opened."""
    with pytest.raises(ConfigurationError):
        ReadSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("limits", [{"max_paths": 40000}, {"max_jsn_bytes": 0}])
def test_limits_that_cannot_be_stop_the_start(limits: dict[str, int]) -> None:
    """Path numbers are int16; a limit of nothing reads nothing."""
    with pytest.raises(ConfigurationError):
        Limits(**limits)
