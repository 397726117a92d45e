"""Streamer files of the CMS DQM stream: every figure known of them comes out."""

import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import (
    AUXILIARY_END,
    decode_auxiliary,
)
from dqmstream.sources.cms.columns import HLT_PATHS_KEY
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.jsn import JsnForm, read_jsn
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.listing import list_streamer_files
from dqmstream.sources.cms.messages import EVENT, INIT, decode_event, decode_init
from dqmstream.sources.cms.payload import Compression, compression_of
from dqmstream.sources.cms.reader import Frame, FrameReader
from dqmstream.sources.cms.writer import encode_event, encode_init
from tests.send_events import encode_send_event

pytestmark = pytest.mark.realdata


class Known(NamedTuple):
    """What is known of one file."""

    name: str
    lumisection: LumisectionId
    release: str
    paths: int
    events: int
    hosts: int
    first: int
    last: int
    original: int
    compressed: int
    compression: Compression
    passes: dict[str, int]


BEAMSPOT_27 = Known(
    "run346373_ls0027_streamDQMOnlineBeamspot_sm-c2a11-43-01",
    LumisectionId(346373, 27),
    '"CMSSW_12_0_3_patch1"',
    67,
    518,
    146,
    24108194,
    25080716,
    1009177,
    503139,
    Compression.ZLIB,
    {
        "DST_Physics_v7": 518,
        "HLT_ZeroBias_part0_v1": 518,
        "HLT_ZeroBias_v6": 374,
        "HLT_ZeroBias_Beamspot_v4": 374,
        "AlCa_LumiPixelsCounts_ZeroBias_v1": 177,
        "HLT_PixelClusters_WP2_ZeroBias_v1": 157,
        "HLT_HT300_Beamspot_PixelClustersWP2_v1": 157,
        "HLT_PixelClusters_WP1_ZeroBias_v1": 139,
        "AlCa_EcalPhiSym_v9": 58,
    },
)
BEAMSPOT_28 = Known(
    "run346373_ls0028_streamDQMOnlineBeamspot_sm-c2a11-43-01",
    LumisectionId(346373, 28),
    '"CMSSW_12_0_3_patch1"',
    67,
    484,
    142,
    25087357,
    26038065,
    896685,
    451783,
    Compression.ZLIB,
    {"HLT_ZeroBias_v6": 360, "HLT_PixelClusters_WP2_ZeroBias_v1": 135},
)
SCOUTING = Known(
    "run392642_ls0174_streamDQMOnlineScouting_pid1152594",
    LumisectionId(392642, 174),
    '"CMSSW_15_1_X_2025-06-25-2300"',
    24,
    35,
    1,
    226629838,
    228859254,
    2619114,
    739168,
    Compression.ZSTD,
    {
        "Dataset_DQMOnlineScouting": 35,
        "HLT_TriggersForScoutingPFMonitor_PS1000_v1": 30,
        "DST_PFScouting_JetHT_v8": 11,
    },
)
FILES = pytest.mark.parametrize(
    "known", [BEAMSPOT_27, BEAMSPOT_28, SCOUTING], ids=["ls27", "ls28", "scouting"]
)


@pytest.fixture
def folder(real_data: Path) -> Path:
    """Folder of the three file pairs."""
    return real_data / "cms-streamer"


def frames(dat: Path) -> Iterator[Frame]:
    """All frames of a data file."""
    with dat.open("rb") as stream:
        reader = FrameReader(stream, dat.stat().st_size, Limits())
        yield from reader
        assert reader.fault is None
        assert reader.unreadable_bytes == 0


def objects(table: pa.Table, collection: str) -> list[tuple[int, ...]]:
    """The objects of all events, as tuples of their members."""
    rows = cast(list[list[dict[str, int]]], table[collection].to_pylist())
    return [tuple(found.values()) for row in rows for found in row]


@FILES
def test_report_says_what_is_known(folder: Path, known: Known) -> None:
    """Counts, names and identity agree with the `.jsn`, and nothing is refused."""
    file = StreamerFile(folder / f"{known.name}.jsn")
    assert sum(batch.num_rows for batch in file.batches()) == known.events
    report = file.report
    assert report.complete
    assert (report.lumisection, report.content, report.named) == (known.lumisection,) * 3
    assert report.release == known.release
    assert report.process == "HLT"
    assert len(report.hlt_paths) == known.paths
    assert len(report.hosts) == known.hosts
    assert sum(report.hosts.values()) == known.events
    assert report.events == report.selected == known.events
    assert report.jsn is not None
    assert report.jsn.accepted == known.events
    assert report.jsn.errors == report.missing_events == report.unreadable_bytes == 0
    assert report.refused == report.flaws == {}


@FILES
def test_columns_add_up(folder: Path, known: Known) -> None:
    """Event numbers, sizes and passes per path of the columns are the known ones."""
    file = StreamerFile(folder / f"{known.name}.dat")
    table = pa.Table.from_batches(file.batches())
    table.validate(full=True)
    numbers = table["event"].to_numpy()
    assert (numbers.min(), numbers.max()) == (known.first, known.last)
    assert len(set(numbers)) == known.events
    assert table["original_size"].to_numpy().sum() == known.original
    assert table["compressed_size"].to_numpy().sum() == known.compressed
    assert set(table["l1_bits"].to_pylist()) == {2}
    assert set(table["dropped"].to_pylist()) == {0}
    assert len(set(table["host"].to_pylist())) == known.hosts
    assert table.schema.metadata[HLT_PATHS_KEY].decode().split("\n") == [*file.report.hlt_paths]
    passes = Counter(objects(table, "hlt_pass"))
    named = {file.report.hlt_paths[path]: count for (path,), count in passes.items()}
    assert {name: named[name] for name in known.passes} == known.passes


@FILES
def test_collections_agree_with_one_another(folder: Path, known: Known) -> None:
    """Passed states, passed paths, and pairs of a path with itself are the same counts."""
    table = pa.Table.from_batches(StreamerFile(folder / f"{known.name}.dat").batches())
    states, pairs = objects(table, "hlt"), objects(table, "hlt_pair")
    assert len(states) == known.events * known.paths
    from_states = Counter(path for path, state in states if state == 1)
    from_pairs = Counter(first for first, second in pairs if first == second)
    from_passes = Counter(path for (path,) in objects(table, "hlt_pass"))
    assert from_states == from_passes == from_pairs
    assert all(first <= second for first, second in pairs)


def test_zerobias_and_its_beamspot_twin_pass_together(folder: Path) -> None:
    """Both paths passed 374 events of LS 27, and the pair column shows they were the same."""
    file = StreamerFile(folder / f"{BEAMSPOT_27.name}.dat")
    table = pa.Table.from_batches(file.batches())
    names = file.report.hlt_paths
    pair = (names.index("HLT_ZeroBias_v6"), names.index("HLT_ZeroBias_Beamspot_v4"))
    assert Counter(objects(table, "hlt_pair"))[pair] == 374


@FILES
def test_messages_are_written_back_byte_for_byte(folder: Path, known: Known) -> None:
    """Decoding and encoding every message of a real file gives the file."""
    dat = folder / f"{known.name}.dat"
    events = 0
    for frame in frames(dat):
        if frame.code == INIT:
            init = decode_init(frame.message, Limits())
            again = encode_init(init)
            assert zlib.adler32(init.payload) == init.adler32
            assert zlib.crc32(init.output_module.encode()) == init.output_module_id
        else:
            assert frame.code == EVENT
            message = decode_event(frame.message)
            again = encode_event(message)
            assert len(frame.message) - len(message.payload) == (
                # The meta-data message has no HLT bits, so its header is shorter than INIT says.
                77 if message.is_metadata else init.event_header_size
            )
            assert compression_of(message.payload, message.original_size) is known.compression
            events += not message.is_metadata
        assert again == frame.message
    assert events == known.events


def test_metadata_message_is_recognised(folder: Path) -> None:
    """The 2025 file has one, known by its checksum, and it is no event."""
    file = StreamerFile(folder / f"{SCOUTING.name}.dat")
    assert sum(1 for _ in file.events()) == 35
    assert file.report.messages == 37
    assert file.report.metadata_messages == 1
    assert file.report.metadata_checksums == (0x951472F0,)


def test_payloads_expand_to_send_events(folder: Path) -> None:
    """Each decompressed payload begins as a ROOT buffer that holds an edm::SendEvent."""
    for event in StreamerFile(folder / f"{BEAMSPOT_28.name}.dat").events():
        assert event.payload is not None
        assert len(event.payload) == event.message.original_size
        assert event.payload[4:23] == b"\xff\xff\xff\xffedm::SendEvent\0"


@pytest.mark.parametrize(
    ("known", "form", "processed", "size"),
    [
        (BEAMSPOT_27, JsnForm.MERGED, 803409, 1245051),
        (BEAMSPOT_28, JsnForm.MERGED, 766781, 1190499),
        (SCOUTING, JsnForm.DQM, 100, 745559),
    ],
    ids=["ls27", "ls28", "scouting"],
)
def test_both_forms_of_jsn_are_read(
    folder: Path, known: Known, form: JsnForm, processed: int, size: int
) -> None:
    """The numbers of 2021 (whole file) and the strings of 2025 (part after the INIT)."""
    jsn = read_jsn(folder / f"{known.name}.jsn", Limits())
    assert jsn.form is form
    assert jsn.file == f"{known.name}.dat"
    assert (jsn.processed, jsn.accepted, jsn.errors, jsn.size) == (processed, known.events, 0, size)


def test_the_folder_is_listed_by_lumisection(folder: Path) -> None:
    """Three lumisections of two streams, in the order of data taking."""
    listing = list_streamer_files([folder])
    assert [(group.lumisection, group.stream) for group in listing.groups] == [
        (LumisectionId(346373, 27), "streamDQMOnlineBeamspot"),
        (LumisectionId(346373, 28), "streamDQMOnlineBeamspot"),
        (LumisectionId(392642, 174), "streamDQMOnlineScouting"),
    ]
    assert listing.skipped == ()


def damaged_copy(folder: Path, to: Path, event: int, offset: int) -> StreamerFile:
    """LS 27 with one bit flipped, at `offset` of the message of one event."""
    for suffix in (".dat", ".jsn"):
        source = folder / (BEAMSPOT_27.name + suffix)
        (to / source.name).write_bytes(source.read_bytes())
    dat = to / f"{BEAMSPOT_27.name}.dat"
    frame = next(frame for number, frame in enumerate(frames(dat)) if number == event)
    content = bytearray(dat.read_bytes())
    content[frame.offset + offset % len(frame.message)] ^= 0x40
    dat.write_bytes(content)
    return StreamerFile(dat)


def test_a_flipped_bit_in_a_payload_costs_one_event(folder: Path, tmp_path: Path) -> None:
    """The damage is noticed twice, and all other events are read."""
    file = damaged_copy(folder, tmp_path, event=100, offset=-1)
    assert sum(batch.num_rows for batch in file.batches()) == 517
    assert file.report.refused == {"payload_checksum": 1}
    assert file.report.flaws == {"file_checksum": 1}


def test_a_flipped_bit_in_an_event_number_is_told_by_the_payload(
    folder: Path, tmp_path: Path
) -> None:
    """No checksum covers a header, but the payload says the number again."""
    file = damaged_copy(folder, tmp_path, event=100, offset=11)
    assert sum(batch.num_rows for batch in file.batches()) == 517
    assert file.report.refused == {"auxiliary_mismatch": 1}
    assert file.report.flaws == {"file_checksum": 1}


def test_a_flipped_bit_in_a_counter_is_told_by_the_file_only(folder: Path, tmp_path: Path) -> None:
    """Nothing else says how many events were dropped: the event is used, the file is marked."""
    file = damaged_copy(folder, tmp_path, event=100, offset=30)
    assert sum(batch.num_rows for batch in file.batches()) == 518
    assert file.report.refused == {}
    assert file.report.flaws == {"file_checksum": 1}


class KnownTimes(NamedTuple):
    """What is known of the times in one file: UTC of the ends, and events by bunch crossing."""

    known: Known
    first: str
    last: str
    orbits_per_second: float
    fill: int
    crossings: dict[int, int]


TIMES = pytest.mark.parametrize(
    "times",
    [
        KnownTimes(
            BEAMSPOT_27,
            "2021-10-28T21:06:26.815616",
            "2021-10-28T21:06:50.016640",
            11245.48,
            7517,
            {1: 266, 1237: 252},
        ),
        KnownTimes(
            BEAMSPOT_28,
            "2021-10-28T21:06:50.174848",
            "2021-10-28T21:07:13.301568",
            11245.48,
            7517,
            {1: 251, 1237: 233},
        ),
        KnownTimes(
            SCOUTING,
            "2025-05-27T23:23:59.938240",
            "2025-05-27T23:24:22.640000",
            11245.51,
            10671,
            {1612: 2},
        ),
    ],
    ids=["ls27", "ls28", "scouting"],
)


@TIMES
def test_times_crossings_and_fill_are_the_known_ones(folder: Path, times: KnownTimes) -> None:
    """First and last event by number are first and last in time, at the known microsecond."""
    table = pa.Table.from_batches(StreamerFile(folder / f"{times.known.name}.dat").batches())
    order = np.argsort(table["event"].to_numpy())
    time = table["time"].to_numpy()[order]
    ends = [np.datetime64(int(time[end]), "ns") for end in (0, -1)]
    assert ends == [np.datetime64(text, "ns") for text in (times.first, times.last)]
    assert (np.diff(time) >= 0).all()
    crossings = Counter(table["bunch_crossing"].to_pylist())
    assert {number: crossings[number] for number in times.crossings} == times.crossings
    assert set(table["fill"].to_pylist()) == {times.fill}


@TIMES
def test_orbits_give_the_lumisection_and_the_revolution_frequency(
    folder: Path, times: KnownTimes
) -> None:
    """LS = (orbit >> 18) + 1 in every event, and orbits pass as the LHC turns."""
    table = pa.Table.from_batches(StreamerFile(folder / f"{times.known.name}.dat").batches())
    orbit, time = table["orbit"].to_numpy(), table["time"].to_numpy()
    assert set((orbit >> 18) + 1) == {times.known.lumisection.lumisection}
    seconds = (time - time.min()) / 1e9
    slope, _ = np.polyfit(seconds, orbit.astype(float), 1)
    assert slope == pytest.approx(times.orbits_per_second, abs=0.01)


@FILES
def test_the_auxiliary_is_written_back_byte_for_byte(folder: Path, known: Known) -> None:
    """Of real payloads nothing changes but the version of the SendEvent around it."""
    events = 0
    for event in StreamerFile(folder / f"{known.name}.dat").events():
        assert event.payload is not None
        assert event.auxiliary is not None
        rest = event.payload[AUXILIARY_END:]
        again = bytearray(encode_send_event(event.auxiliary, rest))
        again[27:29] = event.payload[27:29]
        assert again == event.payload
        assert decode_auxiliary(event.payload) == event.auxiliary
        assert (event.auxiliary.real_data, event.auxiliary.experiment_type) == (True, 1)
        events += 1
    assert events == known.events
