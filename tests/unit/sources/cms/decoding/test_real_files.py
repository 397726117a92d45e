"""Real events: each product of each event decodes, to the figures that are known of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqmstream.sources.cms.decoding.branch import Branch, Decoded
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder, available_members
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.payload import expand

pytestmark = pytest.mark.realdata
TRACKING = {
    "run346373_ls0027": (518, 907, 145, 83, 713, 15932.330, 14855, 548.470),
    "run346373_ls0028": (484, 742, 119, 57, 564, 13258.636, 12288, 449.676),
}
SCOUTING = {
    "FEDRawDataCollection_hltFEDSelectorL1__HLT.": 35 * 4097,
    "Run3ScoutingElectrons_hltScoutingEgammaPacker__HLT.": 46,
    "Run3ScoutingPhotons_hltScoutingEgammaPacker__HLT.": 131,
    "Run3ScoutingMuons_hltScoutingMuonPackerVtx__HLT.": 28,
    "Run3ScoutingMuons_hltScoutingMuonPackerNoVtx__HLT.": 23,
    "Run3ScoutingPFJets_hltScoutingPFPacker__HLT.": 1409,
    "Run3ScoutingParticles_hltScoutingPFPacker__HLT.": 13736,
    "Run3ScoutingTracks_hltScoutingTrackPacker__HLT.": 3266,
    "Run3ScoutingVertexs_hltScoutingPrimaryVertexPacker_primaryVtx_HLT.": 970,
    "Run3ScoutingVertexs_hltScoutingMuonPackerVtx_displacedVtx_HLT.": 5,
    "Run3ScoutingVertexs_hltScoutingMuonPackerNoVtx_displacedVtx_HLT.": 3,
}


def _decoded(folder: Path, beginning: str) -> tuple[tuple[Branch, ...], Decoded]:
    """Every member of every product."""
    (path,) = (folder / "cms-streamer").glob(f"{beginning}*.dat")
    file, limits = StreamerFile(path), Limits()
    messages = [event.message for event in file.events()]
    payloads = [expand(one.payload, one.original_size, limits) for one in messages]
    assert file.init is not None
    branches = read_branches(file.init.payload)
    wanted = {i: list(available_members(one.class_name)) for i, one in enumerate(branches)}
    decoded = PayloadDecoder(branches, wanted).decode(payloads)
    assert not decoded.unknown
    assert not decoded.broken
    assert {one.counts.size for one in decoded.products.values()} == {len(payloads)}
    return branches, decoded


def _total(values: Any) -> float:
    return float(np.asarray(values, np.float64).sum())


@pytest.mark.parametrize("beginning", TRACKING)
def test_tracks_and_vertices_are_those_that_are_known(real_data: Path, beginning: str) -> None:
    events, tracks, with_tracks, vertices, references, chi2, ndof, pt = TRACKING[beginning]
    _, decoded = _decoded(real_data, beginning)
    states, track, vertex = (decoded.products[index] for index in range(3))
    assert states.counts.tolist() == [1] * events
    assert track.counts.sum() == tracks
    assert np.count_nonzero(track.counts) == with_tracks
    assert vertex.counts.sum() == vertices
    momentum = [track.members[f"momentum_.fCoordinates.f{axis}"] for axis in "XY"]
    assert _total(np.hypot(*momentum)) == pytest.approx(pt, abs=6e-4)
    assert _total(track.members["chi2_"]) == pytest.approx(chi2, abs=6e-4)
    assert _total(track.members["ndof_"]) == ndof
    assert track.members["covariance_"].shape == (tracks, 15)
    assert track.members["hitPattern_.hitPattern"].shape == (tracks, 57)
    assert set(track.ragged["algoMask_"].counts.tolist()) == {46}
    named = vertex.ragged["tracks_.holder_.ref_.index_"]
    assert named.values.size == references == vertex.ragged["weights_"].values.size
    assert named.values.dtype == np.uint32
    in_event = np.repeat(track.counts, vertex.counts)
    assert (named.values < np.repeat(in_event, named.counts)).all()


def test_scouting_objects_and_records_are_those_that_are_known(real_data: Path) -> None:
    branches, decoded = _decoded(real_data, "run392642_ls0174")
    assert len(branches) == len(decoded.products) == 19
    for index, branch in enumerate(branches):
        product = decoded.products[index]
        expected = SCOUTING.get(branch.name)
        if expected is None:
            assert product.counts.tolist() == [1] * 35
        else:
            assert product.counts.sum() == expected
    products = {one.name.split("_", 1)[1]: decoded.products[i] for i, one in enumerate(branches)}
    bytes_ = products["hltFEDSelectorL1__HLT."].ragged["data_"].counts.reshape(35, 4097)
    assert np.flatnonzero(bytes_.any(axis=0)).tolist() == [1404]
    assert bytes_.sum() == 301_000
    rho, met = (products[f"hltScoutingPFPacker_{name}_HLT."] for name in ("rho", "pfMetPt"))
    assert rho.members["value"].mean() == pytest.approx(32.7787, abs=6e-5)
    assert met.members["value"].mean() == pytest.approx(34.7014, abs=6e-5)
