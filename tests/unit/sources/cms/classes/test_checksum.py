"""Class checksums: the member lists of the tables are those of the experiment."""

from dataclasses import replace

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.classes.checksum import class_checksum, text_checksum
from dqmstream.sources.cms.classes.tables import (
    CHECKSUM,
    ClassTable,
    Member,
    Tables,
    class_tables,
)
from dqmstream.sources.cms.classes.types import parse_type

TABLES = class_tables()
PROVED = [table for table in TABLES if table.proved == CHECKSUM]

# As `DataFormats/*/src/classes_def.xml` of CMSSW state them. Files that later counted versions
# anew from 3 are quoted with the version that streams have.
OF_CMSSW = {
    ("CTPPSRecord", 3): 289718030,
    ("DCSRecord", 3): 2537350258,
    ("DCSRecord", 4): 920984468,
    ("FEDRawData", 10): 3186949634,
    ("FEDRawDataCollection", 11): 1398850430,
    ("OnlineLuminosityRecord", 3): 2293125545,
    ("Run3ScoutingElectron", 3): 1086011373,
    ("Run3ScoutingElectron", 4): 1250202632,
    ("Run3ScoutingElectron", 5): 2230390721,
    ("Run3ScoutingElectron", 6): 2815634332,
    ("Run3ScoutingElectron", 7): 3525740167,
    ("Run3ScoutingHitPatternPOD", 3): 1448115564,
    ("Run3ScoutingMuon", 3): 3882497397,
    ("Run3ScoutingMuon", 4): 4206297195,
    ("Run3ScoutingPFJet", 3): 3819751468,
    ("Run3ScoutingParticle", 3): 1672617274,
    ("Run3ScoutingParticle", 4): 1541586682,
    ("Run3ScoutingParticle", 5): 2425016900,
    ("Run3ScoutingPhoton", 3): 1683146807,
    ("Run3ScoutingPhoton", 4): 1725280278,
    ("Run3ScoutingPhoton", 5): 1238010495,
    ("Run3ScoutingPhoton", 6): 2966069208,
    ("Run3ScoutingTrack", 3): 3352318277,
    ("Run3ScoutingVertex", 3): 316446070,
    ("Run3ScoutingVertex", 4): 1670865213,
    ("edm::BranchDescription", 13): 1036656842,
    ("edm::BranchID", 10): 21214741,
    ("edm::DoNotRecordParents", 10): 2234517662,
    ("edm::EventAuxiliary", 11): 3721392547,
    ("edm::EventID", 12): 1501865997,
    ("edm::HLTGlobalStatus", 10): 1354441856,
    ("edm::HLTPathStatus", 10): 1011460161,
    ("edm::ParameterSetBlob", 10): 474063030,
    ("edm::ProcessConfiguration", 11): 4233199054,
    ("edm::ProcessHistory", 11): 3777891716,
    ("edm::RefCore", 11): 3425324092,
    ("edm::SendEvent", 10): 747121728,
    ("edm::SendJobHeader", 11): 79372782,
    ("edm::ThinnedAssociationsHelper", 10): 3444973106,
    ("edm::Timestamp", 10): 959162848,
    ("edm::TriggerResults", 11): 4117941161,
    ("edm::ViewTypeChecker", 2): 2398868528,
    ("edm::WrapperBase", 4): 3914746810,
    ("reco::BeamSpot", 11): 1497064974,
    ("reco::HitPattern", 13): 2211596316,
    ("reco::Track", 20): 2864582648,
    ("reco::TrackBase", 20): 1589774059,
    ("reco::Vertex", 11): 4120119845,
}
# As the bytes of real events have them where a class has no version.
OF_STREAMS = {0xED5E83E0, 0x85B02CE8, 0x55E30B2E, 0x6C0B98BC, 0xE566D96E, 0x2253AB76, 0x56FA244E}


@pytest.mark.parametrize("table", list(TABLES), ids=lambda table: table.label)
def test_a_table_is_proved_by_checksum_when_its_members_hash_to_it(table: ClassTable) -> None:
    assert (class_checksum(table, TABLES) == table.checksum) == (table.proved == CHECKSUM)


def test_the_checksums_are_those_of_cmssw_and_of_streams() -> None:
    versioned = {(one.name, one.version): one.checksum for one in PROVED if one.version}
    assert versioned == OF_CMSSW
    assert {one.checksum for one in PROVED if not one.version} == OF_STREAMS


def test_a_wrong_member_order_type_or_length_changes_the_checksum() -> None:
    """Each table, spoiled in each place in five ways: none hashes to what it had."""
    spoiled = [wrong for table in PROVED for wrong in _spoiled(table)]
    assert len(spoiled) > 1500
    assert [one for one in spoiled if class_checksum(one, TABLES) == one.checksum] == []


def test_the_checksum_is_weak_against_letters_that_make_up_for_each_other() -> None:
    """One more in a letter and three less in the next: so bytes must prove lengths of bitsets."""
    assert text_checksum("bitset<46>") == text_checksum("bitset<39>")


def test_a_wrong_base_changes_the_checksum() -> None:
    track = TABLES.find("reco::Track", 20)
    assert track is not None
    other = replace(track, bases=("reco::HitPattern",), base_versions=(13,))
    none = replace(track, bases=(), base_versions=())
    assert class_checksum(track, TABLES) not in {
        class_checksum(other, TABLES),
        class_checksum(none, TABLES),
    }


def test_an_older_list_of_members_has_the_older_checksum() -> None:
    """reco::Vertex v10 had six covariances and no time: CMSSW states 414871454."""
    vertex = TABLES.find("reco::Vertex", 11)
    assert vertex is not None
    members = [replace(one, length=6) if one.length == 10 else one for one in vertex.members]
    older = replace(vertex, version=10, members=tuple(members[:-1]))
    assert class_checksum(older, TABLES) == 414871454


def test_a_pair_in_a_map_hashes_to_what_the_stream_says() -> None:
    names = "edm::Hash<1>", "edm::ParameterSetBlob"
    pair = "pair<edm::Hash<1>,edm::ParameterSetBlob>"
    assert text_checksum(pair, "first", names[0], "second", names[1]) == 0xF5F3C026


def test_a_base_without_a_table_is_named() -> None:
    table = ClassTable("A", 1, None, ("B",), (), "here", base_versions=(7,))
    with pytest.raises(ConfigurationError, match="class A v1 has base B v7, which has no table"):
        class_checksum(table, Tables([table]))


def _spoiled(table: ClassTable) -> list[ClassTable]:
    members = table.members
    wrong = []
    for place, member in enumerate(members):
        before, after = members[:place], members[place + 1 :]
        wrong.append((*before, *after))
        wrong += [
            (*before, one, *after)
            for one in (
                replace(member, name=f"{member.name}x"),
                replace(member, length=member.length + 1),
                _typed(member, "int" if member.spelled != "int" else "unsigned int"),
            )
        ]
        if after:
            wrong.append((*before, after[0], member, *after[1:]))
    return [replace(table, members=one) for one in wrong]


def _typed(member: Member, spelled: str) -> Member:
    return replace(member, type=parse_type(spelled), spelled=spelled)
