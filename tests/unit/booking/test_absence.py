"""What a chunk says its source does not have, and what those make of it who read chunks."""

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.analyses.gathering import Gathered, sample_of
from dqmstream.booking import Workspace, histogram, regular, scalar, text
from dqmstream.booking.absence import NONE_ABSENT, Absence
from dqmstream.booking.columns import Columns, decode_batch, encode_batch
from dqmstream.booking.prune import prune_batch
from dqmstream.errors import MessageError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.events import Chunk

X = regular(10, 0, 10, label="x")
TRACKS = pa.array([[{"pt": 1.5}, {"pt": 2.5}], []], pa.list_(pa.struct([("pt", pa.float32())])))
WITH = pa.record_batch([pa.array([1, 2]), TRACKS], names=["event", "tracks"])
WITHOUT = pa.record_batch([pa.array([3, 4]), pa.array([0.5, 1.5])], names=["event", "rho"])

BOOKING = Workspace(
    "test",
    "A test.",
    [
        histogram("pt", X, fill="tracks.pt"),
        histogram("number", X, fill="count(tracks)"),
        histogram("sums", X, fill="sum(tracks.pt) + missing"),
        histogram("selected", X, fill="missing", select="count(tracks) > 1"),
        scalar("tracks", "count(tracks)", combine="sum"),
        scalar("selected_sum", "missing", combine="sum", select="count(tracks) > 1"),
        scalar("events", "1", combine="sum"),
        text("words", "tracks"),
    ],
)
OF_TRACKS = ("pt", "number", "sums", "selected", "tracks", "selected_sum", "words")


def columns(batch: pa.RecordBatch, absence: Absence = NONE_ABSENT) -> Columns:
    return decode_batch(encode_batch(absence.written(batch)), selected=None)


def filled(*chunks: Columns) -> tuple[dict[str, str], Contents]:
    """Elements that are invalid, and why."""
    layout = Layout(BOOKING)
    contents, filler = Contents.empty(layout), WorkspaceFiller(layout)
    for number, one in enumerate(chunks):
        filler.fill(contents, one, source="s", number=number)
    named = {layout.elements[index].element.path: why for index, why in contents.invalid.items()}
    return named, contents


def test_a_chunk_whose_source_leaves_a_column_to_others_has_no_part_in_what_needs_it() -> None:
    """Its events are none with zero tracks, and what else they lack does not matter."""
    elsewhere = columns(WITHOUT, Absence(frozenset({"tracks"})))
    invalid, contents = filled(elsewhere)
    assert invalid == {}
    assert [one.value for one in contents.scalars.values()] == [2]
    assert not contents.cells.any()


def test_in_any_order_the_chunks_of_two_sources_fill_as_those_of_the_one_that_has_it() -> None:
    elsewhere, with_tracks = columns(WITHOUT, Absence(frozenset({"tracks"}))), columns(WITH)
    alone, both, turned = (
        filled(*chunks)
        for chunks in ([with_tracks], [with_tracks, elsewhere], [elsewhere, with_tracks])
    )
    assert alone[0] == both[0] == turned[0]
    assert alone[0].keys() == {"sums", "selected", "selected_sum", "words"}
    assert np.array_equal(alone[1].cells, both[1].cells)
    assert both[1].equals(turned[1])


def test_what_no_source_of_the_run_has_is_said_so() -> None:
    """Each element that needs it is invalid for that reason; others are filled."""
    invalid, contents = filled(columns(WITHOUT, Absence(nowhere=frozenset({"tracks", "missing"}))))
    assert invalid.keys() == set(OF_TRACKS)
    assert {invalid[name] for name in ("pt", "number", "tracks", "words")} == {
        "no source of this run has tracks"
    }
    assert [one.value for one in contents.scalars.values()] == [2]


def test_what_is_not_spoken_of_is_missing() -> None:
    invalid, _ = filled(columns(WITHOUT, Absence(frozenset({"jets"}), frozenset({"muons"}))))
    assert invalid["pt"] == invalid["number"] == "collection tracks is missing"
    assert invalid["words"] == "column tracks is missing"


def test_a_member_can_be_elsewhere_while_its_collection_is_there() -> None:
    """Tracks without vertices beside a stream that has both."""
    absence = Absence(frozenset({"tracks.vertex"}))
    booking = Workspace(
        "test",
        "A test.",
        [
            histogram("vertex", X, fill="tracks.vertex"),
            histogram("least", X, fill="min(tracks.vertex)"),
            histogram("pt", X, fill="tracks.pt"),
        ],
    )
    for batch, others in ((WITH, {}), (WITHOUT, {2: "collection tracks is missing"})):
        contents = Contents.empty(Layout(booking))
        chunk = columns(batch, absence)
        WorkspaceFiller(Layout(booking)).fill(contents, chunk, source="s", number=0)
        assert contents.invalid == others


@pytest.mark.parametrize(
    ("own", "offered", "expected"),
    [
        ({"event"}, {"tracks", "tracks.pt"}, Absence(frozenset({"tracks"}), frozenset({"rho"}))),
        (
            {"tracks", "tracks.pt"},
            {"tracks", "tracks.pt", "tracks.vertex", "rho"},
            Absence(frozenset({"tracks.vertex", "rho"})),
        ),
        ({"tracks", "tracks.pt", "tracks.vertex", "rho"}, set(), NONE_ABSENT),
        ({"event"}, set(), Absence(nowhere=frozenset({"tracks", "rho"}))),
    ],
)
def test_a_source_lacks_what_is_asked_and_it_has_not(
    own: set[str], offered: set[str], expected: Absence
) -> None:
    """A collection that it lacks whole is one name."""
    assert Absence.of({"tracks.pt", "tracks.vertex", "rho"}, own, offered) == expected


def test_it_travels_with_the_body_and_through_pruning() -> None:
    absence = Absence(frozenset({"tracks", "vertices.x"}), frozenset({"rho"}))
    assert columns(WITHOUT, absence).absence == absence
    assert columns(prune_batch(absence.written(WITHOUT), {"event"})).absence == absence
    assert columns(WITHOUT).absence == NONE_ABSENT


@pytest.mark.parametrize("said", [b"\xff", b"x" * (1 << 16) + b"y"])
def test_hostile_names_are_refused(said: bytes) -> None:
    sink = pa.BufferOutputStream()
    batch = WITHOUT.replace_schema_metadata({"nowhere": said})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(MessageError) as caught:
        decode_batch(sink.getvalue().to_pybytes(), selected=None)
    assert caught.value.reason == "bad_columns"


def test_an_analysis_gets_only_events_of_sources_that_have_what_it_reads() -> None:
    chunk = Chunk(
        run=1,
        source="s",
        incarnation="i",
        rereadable=True,
        lumisection=1,
        number=0,
        partitions=1,
        seen=2,
        selected=2,
        dropped=0,
        checksum=0,
    )
    gathered = Gathered(("tracks.pt",))
    gathered.add(chunk, columns(WITHOUT, Absence(frozenset({"tracks"}))))
    gathered.add(chunk, columns(WITH))
    sample, problem = sample_of(1, 1, [gathered])
    assert (problem, sample.events, sample.columns["tracks.pt"].tolist()) == ("", 2, [1.5, 2.5])
    gathered.add(chunk, columns(WITHOUT, Absence(nowhere=frozenset({"tracks"}))))
    _, problem = sample_of(1, 1, [gathered])
    assert problem == "no source of this run has tracks"
