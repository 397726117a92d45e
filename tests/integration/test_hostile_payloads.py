"""Hostile products inside events: each is named, and all other products are filled."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pytest

from dqmstream.booking import Workspace, scalar
from dqmstream.booking.chunk import decode_chunk
from dqmstream.booking.columns import encode_batch
from dqmstream.booking_set import BookingSet, LayoutShelf
from dqmstream.clock import SystemClock
from dqmstream.fold.merge import Merged, Merger
from dqmstream.fold.state import FoldSettings
from dqmstream.identity import LumisectionId
from dqmstream.kernels.filler import WorkspaceFiller
from dqmstream.messages.chunk_headers import body_checksum
from dqmstream.messages.events import Chunk, EventBatch, LumisectionEnd, RunEnd, RunStart
from dqmstream.messages.histograms import HistogramSet
from dqmstream.messages.struct import Message
from dqmstream.messages.topics import EVENTS, HISTOGRAMS, TOPICS
from dqmstream.messages.wire import CODEC
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.madeup.plan import TRACKING_BRANCHES, Plan
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from dqmstream.sources.cms.report import FileReport
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.writer import new_event, write_streamer_file
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.embedded import EmbeddedLog
from dqmstream.transport.log import Log, TopicSpec
from dqmstream.transport.outgoing import outgoing
from services.filler.progress import FillerProgress
from services.filler.service import run_filler
from services.filler.settings import FillerSettings

# The first decoding may have to compile the kernels.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RUN: Final = MadeUpRun(
    Plan(run=7, events=3, filled=1, tracks=3), TRACKING_BRANCHES, written=WRITTEN_2021
)
WRAPPER: Final = b"edm::Wrapper<vector<reco::Track> >\0"
READ: Final = ReadSettings(columns=("event", "tracks.pt", "tracks.charge", "vertices.z"))
BOOKING: Final = Workspace(
    "hostile",
    "",
    [
        scalar("Hostile/events", "1", combine="sum"),
        scalar("Hostile/tracks", "count(tracks)", combine="sum"),
        scalar("Hostile/vertices", "count(vertices)", combine="sum"),
    ],
)
PAYLOAD: Final = RUN.payload(1, 1)
VECTOR: Final = PAYLOAD.index(b"\x40\x09\x00\x14")
"""Where the version of the member-wise vector of tracks stands, behind its byte count."""
COUNT: Final = int.from_bytes(PAYLOAD[VECTOR - 4 : VECTOR])


def put(at: int, value: int, size: int = 4) -> bytes:
    """The payload of the second event with a number written over it."""
    return PAYLOAD[:at] + value.to_bytes(size) + PAYLOAD[at + size :]


CASES: Final[Mapping[str, tuple[bytes, str, str]]] = {
    "vector_longer": (put(VECTOR - 4, COUNT + 1), "broken_payload", "byte_count"),
    "vector_shorter": (put(VECTOR - 4, COUNT - 1), "broken_payload", "byte_count"),
    "two_billion_tracks": (put(VECTOR + 4, 0x7FFFFFFF), "broken_payload", "length"),
    "bytes_without_tracks": (put(VECTOR + 4, 0), "broken_payload", "trailing"),
    "elements_one_by_one": (put(VECTOR, 9, 2), "broken_payload", "length"),
    "another_class": (
        PAYLOAD.replace(WRAPPER, WRAPPER.replace(b"Track", b"Muons")),
        "broken_payload",
        "class_tag",
    ),
    "track_of_next_year": (put(VECTOR + 2, 21, 2), "unknown_class", "reco::Track v21"),
    "other_vector": (put(VECTOR, 0x4008, 2), "unknown_class", "vector v16392"),
    "other_wrapper": (
        put(PAYLOAD.index(WRAPPER) + len(WRAPPER) + 4, 9, 2),
        "unknown_class",
        "edm::Wrapper v9",
    ),
}


def spoiled(folder: Path, name: str) -> tuple[FileReport, list[pa.RecordBatch]]:
    """A file of three events, the second of which is spoiled, and what came of it."""
    init = RUN.init()
    place = LumisectionId(7, 1)
    raws = [RUN.payload(1, 0), CASES[name][0], RUN.payload(1, 2)]
    events = [
        new_event(init, place, RUN.auxiliary(1, i).event, RUN.states(1, i), raw)
        for i, raw in enumerate(raws)
    ]
    dat = folder / f"run000007_ls0001_streamHostile_{name}.dat"
    write_streamer_file(dat, init, events)
    file = StreamerFile(dat, READ)
    batches = list(file.batches())
    return file.report, batches


def objects(number: int) -> tuple[int, int]:
    """Tracks and vertices of an event."""
    products = dict(RUN.products(1, number))
    tracks, vertices = (len(products[branch]) for branch in TRACKING_BRANCHES[1:])
    return tracks, vertices


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_product_is_named_and_nothing_else_is_left_out(tmp_path: Path, name: str) -> None:
    """Of its event the vertices, and of the other events all."""
    _, flaw, words = CASES[name]
    report, batches = spoiled(tmp_path, name)
    assert (report.selected, report.refused) == (3, {})
    expected = words if flaw == "unknown_class" else f"vector<reco::Track> {words}"
    assert report.flaws == {flaw: 1}
    assert report.named_flaws == {flaw: {expected: 1}}
    (batch,) = batches
    assert [len(row) for row in batch["tracks"].to_pylist()] == [objects(0)[0], 0, objects(2)[0]]
    assert [len(row) for row in batch["vertices"].to_pylist()] == [objects(i)[1] for i in range(3)]


def messages(bodies: list[bytes]) -> list[Message]:
    """A run of one LS whose chunks are these bodies of three events each."""
    speaker = {
        "run": 7,
        "source": "hostile",
        "incarnation": "live",
        "rereadable": False,
        "partitions": 1,
    }
    chunks = [
        EventBatch(
            chunk=Chunk(
                **speaker,
                lumisection=1,
                number=number,
                seen=3,
                selected=3,
                dropped=0,
                checksum=body_checksum(body),
            ),
            body=body,
        )
        for number, body in enumerate(bodies)
    ]
    seen = 3 * len(bodies)
    end = LumisectionEnd(
        **speaker, lumisection=1, chunks=len(bodies), seen=seen, selected=seen, dropped=0
    )
    return [
        RunStart(**speaker, first_lumisection=1),
        *chunks,
        end,
        RunEnd(**speaker, last_lumisection=1),
    ]


async def closed(log: Log) -> Merged | None:
    shelf = LayoutShelf()
    shelf.add(BOOKING)
    merger = Merger(shelf)
    async for record in read_to_end(log, HISTOGRAMS):
        message = CODEC.decode(record.headers, record.value)
        assert isinstance(message, HistogramSet)
        merger.apply(message)
    merged = [merger.merged(key) for key in sorted(merger.keys())]
    return next((one for one in merged if one.closed), None)


@pytest.fixture
def bodies(tmp_path: Path) -> list[bytes]:
    """What a source sends of a file of each kind."""
    return [encode_batch(spoiled(tmp_path, name)[1][0]) for name in CASES]


async def test_a_filler_fills_all_that_hostile_files_leave_whole(
    bodies: list[bytes], tmp_path: Path
) -> None:
    """A file of each kind, one after the other, through a running filler: nothing is refused."""
    booking_set = BookingSet([BOOKING], FoldSettings(partitions=1))
    async with EmbeddedLog.open(tmp_path / "log", clock=SystemClock()) as log:
        await log.ensure_topics(
            [TopicSpec(name=t.name, partitions=1, compacted=t.compacted) for t in TOPICS.values()]
        )
        await log.send([outgoing(EVENTS, 0, message) for message in messages(bodies)])
        async with asyncio.TaskGroup() as tasks:
            filling = tasks.create_task(
                run_filler(
                    log,
                    booking_set,
                    [WorkspaceFiller(layout) for layout in booking_set.layouts],
                    decode_chunk,
                    member="filler",
                    settings=FillerSettings(),
                    clock=SystemClock(),
                    progress=FillerProgress(),
                    ready=lambda: None,
                )
            )
            merged = await closed(log)
            while merged is None:
                await asyncio.sleep(0.02)
                merged = await closed(log)
            filling.cancel()
    files = len(CASES)
    tracks = objects(0)[0] + objects(2)[0]
    vertices = sum(objects(i)[1] for i in range(3))
    found = [merged.contents.scalars[i].value for i in sorted(merged.contents.scalars)]
    assert found == [3 * files, tracks * files, vertices * files]
    assert not merged.account.refused
    assert not merged.contents.invalid
    assert merged.complete
