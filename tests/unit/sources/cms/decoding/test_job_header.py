"""What an INIT message announces, and names of branches."""

import zlib
from pathlib import Path

import pytest

from dqmstream.errors import ConfigurationError, SourceError
from dqmstream.sources.cms.classes.tables import Tables, class_tables
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder
from dqmstream.sources.cms.decoding.friendly import friendly_name
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.encoding.events import encode_job_header
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021, WRITTEN_2025, Written
from dqmstream.sources.cms.file import StreamerFile
from dqmstream.sources.cms.madeup.plan import ONLINE_BRANCHES, TRACKING_BRANCHES

BRANCHES = (*TRACKING_BRANCHES, *ONLINE_BRANCHES)


@pytest.mark.parametrize("written", [WRITTEN_2021, WRITTEN_2025])
def test_branches_come_back_in_their_order(written: Written) -> None:
    read = read_branches(encode_job_header(BRANCHES, branch_ids=[1, 2], written=written))
    assert [one[:4] for one in read] == [one[:4] for one in BRANCHES]
    assert read_branches(encode_job_header((), written=written)) == ()


def test_a_header_cut_anywhere_is_refused_by_name() -> None:
    payload = encode_job_header(TRACKING_BRANCHES)
    for size in range(len(payload)):
        with pytest.raises(SourceError, match=r"^init_branches: byte"):
            read_branches(payload[:size])


def test_an_id_that_is_not_the_names_is_refused() -> None:
    payload = encode_job_header(TRACKING_BRANCHES[:1])
    wrong = payload.replace(TRACKING_BRANCHES[0].id.to_bytes(4), bytes(4))
    with pytest.raises(SourceError, match="announced 00000000"):
        read_branches(wrong)


@pytest.mark.parametrize(
    ("class_name", "short"),
    [
        ("std::vector<reco::Track>", "recoTracks"),
        ("edm::TriggerResults", "edmTriggerResults"),
        ("double", "double"),
        ("vector<vector<unsigned int> >", "uintss"),
        ("edm::DetSetVector<SiStripDigi>", "SiStripDigiedmDetSetVector"),
        ("edm::ValueMap<float>", "floatedmValueMap"),
        ("map<int,vector<reco::Vertex> >", "intrecoVertexsstdmap"),
        ("std::set<std::string>", "Stringstdset"),
    ],
)
def test_short_names_are_those_of_the_experiment(class_name: str, short: str) -> None:
    assert friendly_name(class_name) == short


@pytest.mark.realdata
def test_ids_of_all_real_branches_are_the_sums_of_their_names(real_data: Path) -> None:
    seen = 0
    for path in sorted((real_data / "cms-streamer").glob("*.dat")):
        file = StreamerFile(path)
        next(file.events())
        assert file.init is not None
        for branch in read_branches(file.init.payload):
            assert branch.id == zlib.crc32(branch.name.encode())
            assert branch.friendly == friendly_name(branch.class_name)
            seen += 1
    assert seen == 3 + 3 + 19


def test_a_member_that_no_version_has_is_refused_with_those_there_are() -> None:
    branch = Branch("reco::BeamSpot", "made", "", "HLT")
    with pytest.raises(ConfigurationError, match=r"'sigma_', expected one of .*sigmaZ_"):
        PayloadDecoder([branch], {0: ["sigma_"]})


def test_a_short_name_that_fits_several_members_is_refused() -> None:
    branch = Branch("vector<reco::Vertex>", "made", "", "HLT")
    with pytest.raises(ConfigurationError, match="members fit"):
        PayloadDecoder([branch], {0: ["refittedTracks_.fX"]})


def test_members_of_a_class_without_any_table_have_no_values() -> None:
    branch = Branch("vector<reco::Track>", "made", "", "HLT")
    tables = Tables(table for table in class_tables() if table.name != "reco::Track")
    product = PayloadDecoder([branch], {0: ["chi2_"]}, tables=tables).decode([]).products[0]
    assert product.members["chi2_"].size == product.ragged["chi2_"].values.size == 0
