"""What stands in three real files, from the file to Arrow columns, to the digits that are known.

Every figure here is one of an independent reader that shares no code with this project; those on
one column alone stand beside the columns, in `tests/unit/sources/cms/products`.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from dqmstream.beam_spot.d0_phi import fit_line
from dqmstream.kernels.payload.hits import count_hits
from dqmstream.sources.cms.decoding.branch import Branch, Product
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder, available_members
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import EVENT, decode_event
from dqmstream.sources.cms.payload import expand
from dqmstream.sources.cms.product_columns import offered_columns
from dqmstream.sources.cms.reader import FrameReader
from dqmstream.sources.cms.report import FileReport
from dqmstream.sources.cms.settings import ReadSettings
from playback.bench.collisions import read_collisions
from playback.bench.payload_figures import FIGURES, figure
from tests.real_products import FILES

# The first reading may have to compile the kernels.
pytestmark = [pytest.mark.realdata, pytest.mark.timeout(300)]

_OF_EVENTS: Final = ("event", "time", "bunch_crossing", "orbit")
_NIBBLES: Final = 64
"""Of a lumisection: 4096 orbits each."""
_META_CHECKSUM: Final = 0x951472F0


class _Read(NamedTuple):
    """A file with all its columns, those of its products included."""

    path: Path
    batch: pa.RecordBatch
    report: FileReport
    payloads: list[bytes]
    branches: tuple[Branch, ...]

    def event(self, name: str) -> NDArray[Any]:
        """A column of one number an event."""
        found: NDArray[Any] = self.batch.column(name).to_numpy(zero_copy_only=False)
        return found

    def member(self, name: str) -> NDArray[Any]:
        """A member of all objects, floats as they are."""
        collection, _, member = name.partition(".")
        column: Any = self.batch.column(collection)
        found: NDArray[Any] = column.flatten().field(member).to_numpy(zero_copy_only=False)
        return found

    def counts(self, name: str) -> NDArray[np.int64]:
        """Objects of each event."""
        column: Any = self.batch.column(name)
        counts: NDArray[np.int64] = np.diff(column.offsets.to_numpy())
        return counts

    def raw(self, class_name: str, *names: str) -> Product:
        """Members of the first product of a class, as they stand in the payloads."""
        classes = [branch.class_name for branch in self.branches]
        index = classes.index(class_name)
        decoder = PayloadDecoder(self.branches, {index: names})
        return decoder.decode(self.payloads).products[index]


@pytest.fixture(scope="module")
def files(real_data: Path) -> Mapping[str, _Read]:
    return {key: _read(real_data / "cms-streamer" / name) for key, name in FILES.items()}


def _read(path: Path) -> _Read:
    plain = StreamerFile(path)
    payloads = [event.payload or b"" for event in plain.events()]
    assert plain.init is not None
    columns = (*_OF_EVENTS, *sorted(offered_columns(plain.init.payload)))
    read = ReadSettings(columns=columns, chunk_events=1 << 20, chunk_bytes=1 << 30)
    file = StreamerFile(path, read)
    (batch,) = file.batches()
    batch.validate(full=True)
    return _Read(path, batch, file.report, payloads, read_branches(plain.init.payload))


@pytest.mark.parametrize(
    ("name", "events", "products"), [("A", 518, 3), ("B", 484, 3), ("C", 35, 19)]
)
def test_all_events_of_a_file_decode_to_their_last_byte(
    files: Mapping[str, _Read], name: str, events: int, products: int
) -> None:
    """All members of all products, not only those that columns need; run, LS and number agree."""
    file = files[name]
    assert (file.batch.num_rows, len(file.branches)) == (events, products)
    assert (file.report.refused, file.report.flaws) == ({}, {})
    everything = {i: list(available_members(b.class_name)) for i, b in enumerate(file.branches)}
    decoded = PayloadDecoder(file.branches, everything).decode(file.payloads)
    assert (decoded.unknown, decoded.broken) == (Counter(), Counter())
    for index, branch in enumerate(file.branches):
        if "vector<" not in branch.class_name and branch.class_name != "FEDRawDataCollection":
            singles = decoded.products[index].counts
            assert "TriggerResults" in branch.class_name or singles.tolist() == [1] * events


@pytest.mark.parametrize(
    ("name", "key"), [("A", (346373, 27)), ("B", (346373, 28)), ("C", (392642, 174))]
)
def test_sums_of_columns_are_the_known_ones(
    files: Mapping[str, _Read], name: str, key: tuple[int, int]
) -> None:
    """Numbers and sums of all objects, through files, chunks and Arrow."""
    for one in FIGURES[key]:
        assert figure(files[name].batch, one.name) == pytest.approx(
            one.expected, abs=one.tolerance
        ), one.name


@pytest.mark.parametrize(("name", "mean", "chi2"), [("A", 1.0451, 4.5), ("B", 1.0883, 4.7)])
def test_fits_of_tracks_are_as_good_as_is_known(
    files: Mapping[str, _Read], name: str, mean: float, chi2: float
) -> None:
    """The tracks' own, and that of impact parameters by azimuth to a beam without width."""
    file = files[name]
    assert file.member("tracks.normalized_chi2").mean(dtype=float) == pytest.approx(mean, abs=6e-5)
    line = fit_line(read_collisions(file.path).tracks, max_residual=0.1)
    assert line is not None
    assert line.chi2 / line.used == pytest.approx(chi2, abs=0.06)


def test_one_event_of_tracks_in_full(files: Mapping[str, _Read]) -> None:
    file = files["A"]
    row = file.event("event").tolist().index(24610374)
    first = int(file.counts("tracks")[:row].sum())
    assert file.counts("tracks")[row] == 27
    values = {
        name: float(file.member(f"tracks.{name}")[first])
        for name in ("pt", "eta", "phi", "chi2", "ndof")
    }
    momentum = [
        values["pt"] * np.cos(values["phi"]),
        values["pt"] * np.sin(values["phi"]),
        values["pt"] * np.sinh(values["eta"]),
    ]
    assert momentum == pytest.approx([-1.82986, -0.22636, -1.86320], abs=6e-6)
    assert values["chi2"] == pytest.approx(39.4696, abs=6e-5)
    assert values["ndof"] == 25


def test_degrees_of_freedom_prove_the_hits_of_all_1649_tracks(files: Mapping[str, _Read]) -> None:
    ndof, hits = (
        np.concatenate([files[name].member(f"tracks.{member}") for name in "AB"]).astype(int)
        for member in ("ndof", "hits")
    )
    assert ndof.size == 1649
    assert np.array_equal(ndof, 2 * hits - 5)


def test_each_of_1277_references_of_vertices_is_another_track(files: Mapping[str, _Read]) -> None:
    """All name the product of tracks of the same event, by index; weights give the ndof."""
    references = 0
    for name in "AB":
        file = files[name]
        found = file.raw(
            "vector<reco::Vertex>",
            "tracks_.holder_.ref_.index_",
            *(f"tracks_.holder_.ref_.product_.{one}_" for one in ("processIndex", "productIndex")),
        )
        of_vertex, indices = found.ragged["tracks_.holder_.ref_.index_"]
        event = np.repeat(np.flatnonzero(found.counts), found.counts[found.counts > 0])
        event = np.repeat(event, of_vertex)
        assert (indices < file.counts("tracks")[event]).all()
        assert len(set(zip(event.tolist(), indices.tolist(), strict=True))) == indices.size
        references += indices.size
        for part, expected in (("processIndex", 1), ("productIndex", 656)):
            values = found.ragged[f"tracks_.holder_.ref_.product_.{part}_"].values
            assert set(values.tolist()) == {expected}
        ndof, weights = file.member("vertices.ndof"), file.member("vertices.weight_sum")
        assert np.abs(ndof - (2 * weights - 3)).max() < 0.12
    assert references == 1277


def test_orbits_and_crossings_of_scouting_are_the_known_ones(files: Mapping[str, _Read]) -> None:
    file = files["C"]
    orbits, crossings = file.event("orbit"), file.event("bunch_crossing")
    assert (orbits.min(), orbits.max()) == (45355770, 45611061)
    assert set(orbits >> 18) == {173}
    assert (crossings.min(), crossings.max(), len(set(crossings.tolist()))) == (76, 3390, 34)
    assert Counter(crossings.tolist())[1612] == 2
    assert (file.event("event").min(), file.event("event").max()) == (226629838, 228859254)


@pytest.mark.parametrize(("name", "microseconds"), [("A", 75.7), ("B", 75.0)])
def test_times_lie_on_the_line_of_the_orbits(
    files: Mapping[str, _Read], name: str, microseconds: float
) -> None:
    """They come in steps of 256 us, of which the spread is this."""
    file = files[name]
    orbit, time = file.event("orbit"), file.event("time").astype(np.int64)
    since = (orbit - orbit.min()).astype(float)
    seconds = (time - time.min()) / 1e9
    residuals = seconds - np.polyval(np.polyfit(since, seconds, 1), since)
    assert 1e6 * residuals.std() == pytest.approx(microseconds, abs=0.1)


def test_the_meta_data_message_has_no_products_and_all_events_name_it(
    files: Mapping[str, _Read],
) -> None:
    file = files["C"]
    with file.path.open("rb") as stream:
        reader = FrameReader(stream, file.path.stat().st_size, Limits())
        events = [decode_event(frame.message) for frame in reader if frame.code == EVENT]
    (message,) = [event for event in events if event.is_metadata]
    payload = expand(message.payload, message.original_size, Limits())
    everything = {i: list(available_members(b.class_name)) for i, b in enumerate(file.branches)}
    decoded = PayloadDecoder(file.branches, everything).decode([payload])
    assert (decoded.unknown, decoded.broken) == (Counter(), Counter())
    assert not any(product.counts.any() for product in decoded.products.values())
    assert message.adler32 == _META_CHECKSUM
    assert {int.from_bytes(one[-4:]) for one in file.payloads} == {_META_CHECKSUM}


def test_the_record_of_luminosity_is_a_few_nibbles_old(files: Mapping[str, _Read]) -> None:
    """Four to seven of 4096 orbits: three events have one of the LS before."""
    file = files["C"]
    lumisection, nibble = (
        file.member(f"luminosity.{name}").astype(int) for name in ("lumisection", "nibble")
    )
    recorded = lumisection * _NIBBLES + nibble
    now = 174 * _NIBBLES + ((file.event("orbit") & (1 << 18) - 1) >> 12)
    assert set((now - recorded).tolist()) <= {4, 5, 6, 7}
    ratio = file.member("luminosity.pileup") / file.member("luminosity.luminosity")
    assert ratio.mean() == pytest.approx(0.002906, abs=6e-7)


def test_the_beam_spot_changed_within_the_first_seconds(files: Mapping[str, _Read]) -> None:
    file = files["C"]
    time = file.event("time").astype(np.int64)
    seconds = (time - time.min()) / 1e9
    early = file.member("beam_spot.sigma_z") < 3.84
    assert np.count_nonzero(early) == 7
    assert seconds[early].max() <= 5.3 < seconds[~early].min()


def test_hits_by_their_bits_are_those_that_scouting_muons_tell(files: Mapping[str, _Read]) -> None:
    """Pixel hits, strip hits and layers of all 51 muons."""
    file, muons = files["C"], 0
    words = ("hitPattern", "beginTrackHits", "endTrackHits")
    told = ("nValidPixelHits_", "nValidStripHits_", "nTrackerLayersWithMeasurement_")
    members = (*told, *(f"trk_hitPattern_.{word}" for word in words))
    wanted = {
        index: members
        for index, branch in enumerate(file.branches)
        if branch.class_name == "vector<Run3ScoutingMuon>"
    }
    for found in PayloadDecoder(file.branches, wanted).decode(file.payloads).products.values():
        each, bits = found.ragged["trk_hitPattern_.hitPattern"]
        assert set(each.tolist()) == {57}
        begins, ends = (found.members[f"trk_hitPattern_.{word}"] for word in words[1:])
        counts = count_hits(bits.reshape(-1, 57), begins, ends).astype(int)
        assert np.array_equal(counts[:, 1], found.members[told[0]])
        assert np.array_equal(counts[:, 2], found.members[told[1]])
        assert np.array_equal(counts[:, 5] + counts[:, 6], found.members[told[2]])
        muons += len(each)
    assert muons == 51


@pytest.mark.parametrize(
    "column",
    [
        *("scouting_jets.pt", "scouting_jets.photon_energy", "scouting_particles.pt"),
        *("scouting_tracks.pt", "scouting_tracks.dxy", "scouting_vertices_primary.z"),
    ],
)
def test_numbers_of_scouting_keep_ten_bits(files: Mapping[str, _Read], column: str) -> None:
    """So a value whose bytes are read in another order, or from another place, would show."""
    bits = files["C"].member(column).astype(np.float32).view(np.uint32)
    assert bits.any()
    assert not (bits & 0x1FFF).any()


def test_energies_and_ranges_of_jets(files: Mapping[str, _Read]) -> None:
    """A jet's energy is that of all its kinds; those of HF hadrons stand among the neutral ones."""
    file = files["C"]
    parts = ("charged_hadron", "neutral_hadron", "photon", "electron", "muon", "hf_em")
    summed = sum(file.member(f"scouting_jets.{one}_energy").astype(float) for one in parts)
    assert file.member("scouting_jets.energy") == pytest.approx(summed, rel=1e-6)
    assert file.member("scouting_jets.pt").min() == pytest.approx(20.016, abs=6e-4)
    assert set(file.member("scouting_jets.csv").tolist()) == {-20}
    assert file.member("scouting_particles.normchi2").max() == 999
