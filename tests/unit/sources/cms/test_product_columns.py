"""Columns of products: the same for a whole run, whatever a file of it has."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.booking.absence import Absence
from dqmstream.booking.columns import decode_batch
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.encoding.events import encode_event_payload, encode_job_header
from dqmstream.sources.cms.file import StreamerFile, empty_batch
from dqmstream.sources.cms.glance import Glance, glance
from dqmstream.sources.cms.madeup.plan import Plan
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from dqmstream.sources.cms.product_columns import (
    ProductColumns,
    known_columns,
    offered_columns,
    product_fields,
    tables_hash,
)
from dqmstream.sources.cms.products import COLLECTIONS, products_of
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.source import StreamerSource, streamer_sources
from dqmstream.sources.cms.writer import new_event, new_init, write_streamer_file

Make = Callable[[int], EventAuxiliary]

TRACKS = Branch("vector<reco::Track>", "hltMerging", "", "HLT")
RHO = Branch("double", "hltScoutingPFPacker", "rho", "HLT")
RESULTS = Branch("edm::TriggerResults", "TriggerResults", "", "HLT")
PLACE = LumisectionId(398000, 12)
NONE = np.full(1, -1)


def branches() -> tuple[Branch, ...]:
    """One for each collection that has a name of its own."""
    found = {}
    for one in COLLECTIONS:
        branch = Branch(one.class_name, one.label or "label", one.instance or "", "HLT")
        found[branch] = None
    return tuple(found)


def test_known_columns_are_those_that_branches_offer() -> None:
    """The schema of a run is made without a file, and must be what files give."""
    offered = products_of(branches())
    assert known_columns() <= offered.columns
    plan = offered.plan(known_columns())
    by_name = {field.name: field for field in plan.fields}
    assert by_name == {field.name: field for field in product_fields(known_columns())}


def test_other_branches_of_a_class_have_columns_of_the_same_type() -> None:
    """`tracks_hlt_merged_tracks` is as `tracks`."""
    both = (
        Branch("vector<reco::Track>", "a", "", "HLT"),
        Branch("vector<reco::Track>", "b", "", "X"),
    )
    offered = products_of(both).columns
    assert {"tracks.pt", "tracks_b.pt"} <= offered
    for name in offered:
        (mine,) = product_fields([name])
        (made,) = products_of(both).plan([name]).fields
        assert mine == made


def test_a_file_without_a_product_has_none_of_it() -> None:
    """Empty collections and NaN, of the type of the run."""
    products = ProductColumns(sorted(known_columns()))
    reader = products.reader(encode_job_header([RESULTS]))
    assert reader.fault == ""
    found = reader.read([b"", b"", b""], np.full(3, -1))
    assert [array.type for array in found.arrays] == [field.type for field in products.fields]
    for array, field in zip(found.arrays, products.fields, strict=True):
        assert len(array) == 3
        if pa.types.is_list(field.type):
            assert array.to_pylist() == [[], [], []]
        else:
            assert np.isnan(array.to_numpy()).all()


def test_a_file_without_a_partner_has_the_members_that_need_it_unknown() -> None:
    """Tracks of events without vertices belong to none."""
    products = ProductColumns(["tracks.pt", "tracks.vertex", "tracks.vertex_weight"])
    run = MadeUpRun(Plan(filled=1.0), [TRACKS])
    reader = products.reader(run.init().payload)
    found = reader.read([run.payload(1, 0)], NONE)
    (array,) = found.arrays
    assert array.type == products.fields[0].type
    rows = array.to_pylist()[0]
    assert len(rows) > 1
    assert {row["vertex"] for row in rows} == {-1}
    assert all(np.isnan(row["vertex_weight"]) and row["pt"] > 0 for row in rows)


def test_readers_are_made_anew_for_another_init_only() -> None:
    """All files of a run have the same one."""
    products = ProductColumns(["scouting_rho"])
    first = products.reader(encode_job_header([RHO]))
    assert products.reader(encode_job_header([RHO])) is first
    assert products.reader(encode_job_header([RESULTS])) is not first


@pytest.mark.parametrize("payload", [b"", b"a job header", encode_job_header([RHO])[:-20]])
def test_an_init_that_lists_no_products_is_a_fault_and_no_end(payload: bytes) -> None:
    """Then nothing is offered, and what was asked for is not there."""
    assert offered_columns(payload) == frozenset()
    reader = ProductColumns(["scouting_rho"]).reader(payload)
    assert reader.fault
    (array,) = reader.read([b"anything"], NONE).arrays
    assert np.isnan(array.to_numpy()).all()


def test_tables_have_one_hash() -> None:
    """It is part of incarnations, so it must not differ from process to process."""
    assert tables_hash() == tables_hash.__wrapped__()
    assert len(tables_hash()) >= 16


# ------------------------------------------------------------------------ of files


@pytest.fixture
def made(tmp_path: Path, auxiliary: Make) -> Callable[..., Path]:
    """Writes a file of an LS, whose events have these values of rho, or no rho."""

    def write(lumisection: int, rhos: Sequence[float | None], *, listed: bool = True) -> Path:
        branches = (RHO,) if listed else (RESULTS,)
        init = new_init(["HLT_A"], output_module="out", payload=encode_job_header(branches))
        place = LumisectionId(PLACE.run, lumisection)
        events = []
        for number, rho in enumerate(rhos):
            own = auxiliary(number)._replace(run=place.run, lumisection=lumisection)
            raw = encode_event_payload(own, [(RHO, rho)] if listed else [])
            events.append(new_event(init, place, number, [1], raw))
        path = tmp_path / f"run{place.run}_ls{lumisection:04}_streamTest_pid1.dat"
        write_streamer_file(path, init, events)
        return path.with_suffix(".jsn")

    return write


def rhos_of(source: StreamerSource) -> list[list[float]]:
    """What each LS has."""
    return [
        [
            float(rho)
            for chunk in one.chunks()
            for rho in decode_batch(chunk.body, selected=chunk.selected).values["scouting_rho"]
        ]
        for one in source.lumisections(0)
    ]


def test_the_columns_of_a_run_are_those_of_its_first_file(made: Callable[..., Path]) -> None:
    """A later file that lacks a product gives NaN; events without it give NaN too."""
    paths = [made(1, [1.5, None]), made(2, [0.0, 0.0], listed=False), made(3, [2.5])]
    (source,), _ = streamer_sources(paths)
    assert {"scouting_rho", "event", "hlt.path"} <= source.columns
    found = rhos_of(source.reading({"scouting_rho", "tracks.pt", "ls_pileup"}))
    assert [[str(rho) for rho in row] for row in found] == [["1.5", "nan"], ["nan", "nan"], ["2.5"]]


def test_what_only_later_files_have_is_not_sent(made: Callable[..., Path]) -> None:
    """The columns of a run are fixed at its start."""
    (source,), _ = streamer_sources([made(1, [0.0], listed=False), made(2, [2.5])])
    assert "scouting_rho" not in source.columns
    read = source.reading({"scouting_rho", "event"})
    for lumisection in read.lumisections(0):
        (chunk,) = lumisection.chunks()
        assert set(decode_batch(chunk.body, selected=1).values) == {"event"}


def test_incarnations_differ_with_columns_feds_and_class_tables(
    made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other chunks are another source; the same ones are the same."""
    (source,), _ = streamer_sources([made(1, [1.0])])
    asked = {"scouting_rho", "event"}
    one = source.reading(asked).incarnation
    assert source.reading(asked).incarnation == one != source.incarnation
    assert source.reading({"event"}).incarnation != one
    (other,), _ = streamer_sources([made(1, [1.0])], ReadSettings(feds=(1404,)))
    assert other.reading(asked).incarnation != one
    monkeypatch.setattr("dqmstream.sources.cms.product_columns.tables_hash", lambda: "other")
    assert source.reading(asked).incarnation != one
    monkeypatch.undo()
    headers = source.reading({"event"}).incarnation
    monkeypatch.setattr("dqmstream.sources.cms.product_columns.tables_hash", lambda: "other")
    assert source.reading({"event"}).incarnation == headers


def test_a_stream_is_asked_only_for_products_that_its_first_file_lists(
    made: Callable[..., Path],
) -> None:
    """Who watches several streams asks for the products of all; where nobody knows, they stay."""
    asked = ReadSettings(columns=("event", "scouting_rho", "tracks.pt", "time"))
    first = glance([made(1, [1.0])], asked)
    assert first.narrowed(asked).columns == ("event", "time", "scouting_rho")
    assert Glance().narrowed(asked) == asked
    headers = ReadSettings(columns=("time",))
    assert first.narrowed(headers) == headers


def test_what_a_stream_lacks_is_said_in_its_chunks_and_changes_nothing_else(
    made: Callable[..., Path],
) -> None:
    """Of columns that are asked for: which other streams of the run have, and which none has."""
    (source,), _ = streamer_sources([made(1, [1.0])])
    asked = {"event", "scouting_rho", "tracks.pt", "vertices.x", "ls_pileup", "Muon.pt"}
    alone, beside = source.reading(asked), source.reading(asked, {"event", "tracks.pt"})
    assert alone.incarnation == beside.incarnation
    found = []
    for one in (alone, beside):
        (lumisection,) = one.lumisections(0)
        (chunk,) = lumisection.chunks()
        found.append(decode_batch(chunk.body, selected=1))
    assert [set(columns.values) for columns in found] == [{"event", "scouting_rho"}] * 2
    assert [columns.absence for columns in found] == [
        Absence(frozenset(), frozenset({"tracks", "vertices"})),
        Absence(frozenset({"tracks"}), frozenset({"vertices"})),
    ]


def test_an_empty_chunk_has_the_columns_of_the_run(made: Callable[..., Path]) -> None:
    """What is sent of an LS without a file must fit what is sent of the others."""
    settings = ReadSettings(columns=("event", "scouting_rho", "tracks.pt", "tracks.eta"))
    (batch,) = StreamerFile(made(1, [1.0]), settings).batches()
    empty = empty_batch(settings)
    assert empty.num_rows == 0
    assert empty.schema.equals(batch.schema)


def test_a_product_of_an_unknown_version_is_noted_by_name(tmp_path: Path) -> None:
    """The LS says which; its events count, and fill what is good."""
    run = MadeUpRun(Plan(filled=1.0, events=3), [TRACKS, RHO])
    init = run.init()
    payloads = [run.payload(1, number) for number in range(3)]
    payloads[1] = newer_tracks(payloads[1])
    events = [
        new_event(init, LumisectionId(run.plan.run, 1), own.event, [0] * len(run.paths), payload)
        for payload, own in zip(payloads, (run.auxiliary(1, n) for n in range(3)), strict=True)
    ]
    path = tmp_path / "run400000_ls0001_streamTest_pid1.dat"
    write_streamer_file(path, init, events)
    (source,), _ = streamer_sources([path.with_suffix(".jsn")])
    read = source.reading({"tracks.pt", "scouting_rho"})
    (lumisection,) = read.lumisections(0)
    (chunk,) = lumisection.chunks()
    columns = decode_batch(chunk.body, selected=3)
    assert (columns.values["scouting_rho"] > 0).all()
    tracks = np.diff(columns.collections["tracks"].offsets)
    assert (tracks > 0).tolist() == [True, False, True]
    assert dict(lumisection.notes()) == {"unknown_class: reco::Track v21": 1}
    (report,) = read.reports
    assert report.named_flaws == {"unknown_class": {"reco::Track v21": 1}}


def newer_tracks(raw: bytes) -> bytes:
    """The payload with tracks of the next version."""
    columns = (0x4009).to_bytes(2) + (20).to_bytes(2)
    assert raw.count(columns) == 1
    return raw.replace(columns, (0x4009).to_bytes(2) + (21).to_bytes(2))
