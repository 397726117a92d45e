"""Real payloads, read to values and written back: every byte comes out as it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dqmstream.sources.cms.auxiliary import EventAuxiliary, decode_auxiliary
from dqmstream.sources.cms.classes.tables import BYTES, class_tables, plain_name
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.encoding.events import (
    encode_event_payload,
    encode_job_header,
    encode_metadata_payload,
)
from dqmstream.sources.cms.encoding.objects import (
    WRITTEN_2021,
    WRITTEN_2025,
    Encoder,
    Pointed,
    Written,
)
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import INIT, decode_event, decode_init
from dqmstream.sources.cms.payload import expand
from dqmstream.sources.cms.reader import FrameReader
from tests.cms_objects import ObjectReader

pytestmark = pytest.mark.realdata

FILES = {
    "run346373_ls0027_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat": (WRITTEN_2021, 519),
    "run346373_ls0028_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat": (WRITTEN_2021, 485),
    "run392642_ls0174_streamDQMOnlineScouting_pid1152594.dat": (WRITTEN_2025, 37),
}
# Only old and rare ones are not in the files, and what no event has an object of.
NOT_MET = {
    ("DCSRecord", 3),
    ("DCSRecord", 4),
    ("Run3ScoutingElectron", 3),
    ("Run3ScoutingElectron", 4),
    ("Run3ScoutingElectron", 5),
    ("Run3ScoutingElectron", 6),
    ("Run3ScoutingMuon", 3),
    ("Run3ScoutingParticle", 3),
    ("Run3ScoutingParticle", 4),
    ("Run3ScoutingPhoton", 3),
    ("Run3ScoutingPhoton", 4),
    ("Run3ScoutingPhoton", 5),
    ("Run3ScoutingVertex", 3),
    ("edm::ThinnedAssociationBranches", 5),
}


@pytest.mark.parametrize("name", FILES)
def test_whole_payloads_come_out_as_they_were(real_data: Path, name: str) -> None:
    """INIT, meta-data and all events of a file, products included."""
    written, messages = FILES[name]
    payloads = list(_payloads(real_data / "cms-streamer" / name))
    assert len(payloads) == messages
    for payload in payloads:
        encoder = Encoder(written=written)
        encoder.point(ObjectReader(payload).whole())
        assert encoder.payload() == payload


def test_every_table_but_few_is_met_in_real_files(real_data: Path) -> None:
    """So that what no checksum proves is proved by bytes."""
    seen: set[tuple[str, int]] = set()
    for name in FILES:
        for place, payload in enumerate(_payloads(real_data / "cms-streamer" / name)):
            # The first events have all products, but not objects of all.
            if place < 60:
                reader = ObjectReader(payload)
                reader.whole()
                seen |= reader.seen
    known = {(table.name, table.version) for table in class_tables()}
    assert known - seen == NOT_MET
    by_bytes = {(one.name, one.version) for one in class_tables() if one.proved == BYTES}
    assert by_bytes & NOT_MET == {("edm::ThinnedAssociationBranches", 5)}


@pytest.mark.parametrize("name", FILES)
def test_events_are_put_together_from_their_parts_as_they_were(real_data: Path, name: str) -> None:
    """From an auxiliary, branches and products, as made-up ones are."""
    written, _ = FILES[name]
    header, *payloads = _payloads(real_data / "cms-streamer" / name)
    assert _job_header(header, written) == header
    for payload in payloads[:40]:
        assert _event(payload, written) == payload


def _event(payload: bytes, written: Written) -> bytes:
    event = ObjectReader(payload).whole().value
    auxiliary = decode_auxiliary(payload)
    if not isinstance(auxiliary, EventAuxiliary):
        return encode_metadata_payload(event["branchIDLists_"][0], written=written)
    products, parents = [], {}
    for product in event["products_"]:
        branch = _branch(product["desc_"].value)
        products.append((branch, product["prod_"].value))
        parents[branch] = [one["id_"] for one in product["parents_"]]
    return encode_event_payload(
        auxiliary,
        products,
        processes=event["processHistory_"]["data_"],
        selections=[one["hash_"] for one in event["eventSelectionIDs_"]],
        parents=parents,
        metadata_checksum=event.get("metaDataChecksum_", 0),
        written=written,
    )


def _job_header(payload: bytes, written: Written) -> bytes:
    found = ObjectReader(payload).whole()
    assert isinstance(found, Pointed)
    header = found.value
    return encode_job_header(
        [_branch(one) for one in header["descs_"]],
        parameter_sets=[
            (key["hash_"], value["pset_"]) for key, value in header["processParameterSet_"]
        ],
        branch_ids=header.get("branchIDLists_", [()])[0],
        written=written,
    )


def _branch(description: dict[str, bytes]) -> Branch:
    return Branch(
        plain_name(description["fullClassName_"].decode()),
        description["moduleLabel_"].decode(),
        description["productInstanceName_"].decode(),
        description["processName_"].decode(),
    )


def _payloads(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for frame in FrameReader(stream, path.stat().st_size, Limits()):
            if frame.code == INIT:
                yield decode_init(frame.message, Limits()).payload
            else:
                message = decode_event(frame.message)
                yield expand(message.payload, message.original_size, Limits())
