"""The benchmark of event payloads checks the answers of what it measures."""

from pathlib import Path

import pyarrow as pa
import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.madeup.plan import TRACKING_BRANCHES, Plan
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from playback.bench import payload
from playback.bench.payload_figures import Figure, figure
from playback.bench.row import Row

# The first decoding may have to compile the kernels.
pytestmark = pytest.mark.timeout(300)

RUN = MadeUpRun(Plan(run=7, events=20, filled=1), TRACKING_BRANCHES)


def _answers(rows: list[Row]) -> dict[str, float]:
    return {
        row.name.removesuffix(": answers that differ"): row.value
        for row in rows
        if row.name.endswith(": answers that differ")
    }


def test_without_real_files_both_kinds_of_stream_are_made_up_and_said_to_be(
    tmp_path: Path,
) -> None:
    rows = payload.measure(quick=True, environment={"DQMSTREAM_TEST_DATA": str(tmp_path)})
    assert _answers(rows) == {"made-up beamspot": 0, "made-up scouting": 0}
    alone = {row.name.partition(": only ")[2] for row in rows if ": only " in row.name}
    assert "vector<reco::Track> hltPFMuonMerging" in alone
    assert "FEDRawDataCollection hltFEDSelectorL1, columns too" in alone
    assert all(row.value > 0 for row in rows if row.unit)


def test_a_file_with_other_contents_than_its_figures_has_answers_that_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dat = RUN.write(tmp_path, 2).existing_dat()
    tracks = sum(len(dict(RUN.products(2, n))[TRACKING_BRANCHES[1]]) for n in range(20))
    right, wrong = Figure("tracks", tracks, 0), Figure("tracks", tracks + 1, 0)
    figures = {(7, 2): (right, wrong, Figure("no_such_column", 0, 0))}
    monkeypatch.setattr(payload, "FIGURES", figures)
    assert _answers(payload.measure(files=[dat], quick=True)) == {"run 7 LS 2": 2}


def test_a_file_that_is_no_streamer_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run000007_ls0001_streamDQM_test.dat"
    path.write_bytes(b"no streamer file")
    with pytest.raises(ConfigurationError, match=path.name):
        payload.measure(files=[path])


def test_figures_are_sums_and_numbers_of_objects() -> None:
    objects = pa.array([[{"pt": 1.5}, {"pt": 2.0}], []])
    batch = pa.record_batch({"tracks": objects, "rho": pa.array([1.0, 4.0])})
    found = [figure(batch, name) for name in ("tracks", "tracks.pt", "rho")]
    assert found == [2, 3.5, 5.0]
