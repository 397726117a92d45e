"""Whole payloads: events with their products, the header of a job, and the event meta-data.

With `dqmstream.sources.cms.writer` they make streamer files that nothing but the detector's own
files differ from.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.classes.tables import Tables
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.decoding.friendly import friendly_name
from dqmstream.sources.cms.encoding.objects import WRITTEN_2025, Encoder, Pointed, Written

__all__ = ["encode_event_payload", "encode_job_header", "encode_metadata_payload"]

_SECOND: Final = 1_000_000
"""In microseconds."""
_NONE: Final = EventAuxiliary(
    run=0,
    lumisection=0,
    event=0,
    time=0,
    bunch_crossing=-1,
    orbit=-1,
    fill=0,
    real_data=False,
    experiment_type=0,
    process_history=bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e"),
    process_guid=b"",
)
"""Of a meta-data message: no event at all, and the hash of no processes."""
_STANDARD: Final = re.compile(r"(?<![\w:])(vector|set|map|pair|bitset|string)\b")


def encode_event_payload(
    auxiliary: EventAuxiliary,
    products: Sequence[tuple[Branch, Any]],
    *,
    processes: Sequence[Mapping[str, Any]] = (),
    selections: Sequence[bytes] = (),
    parents: Mapping[Branch, Sequence[int]] | None = None,
    metadata_checksum: int = 0,
    written: Written = WRITTEN_2025,
    tables: Tables | None = None,
) -> bytes:
    """The payload of an event, before compression.

    Parameters
    ----------
    auxiliary
        Its time is cut to whole microseconds.
    products
        Branch and value of each, as `encoding.objects` says; None writes a product as absent.
    processes
        What was run on the event: values of `edm::ProcessConfiguration`.
    selections
        Raw hashes of the selections it passed.
    parents
        Ids of the branches a product was made from; of branches that are not named, none.
    metadata_checksum
        Adler-32 of the compressed payload of the meta-data message.
    written
        Which versions to write.
    tables
        By default those that come with this release.

    Raises
    ------
    SourceError
        `class_unknown`, `class_value`: a product that cannot be written.
    """
    parents = {} if parents is None else parents
    event = _event(auxiliary, processes, selections) | {
        "branchListIndexes_": [0],
        "products_": [
            {
                "prod_": None if value is None else Pointed(_wrapper(branch), value),
                "desc_": Pointed("edm::BranchDescription", _description(branch)),
                "present_": value is not None,
                "parents_": [{"id_": one} for one in parents.get(branch, ())],
            }
            for branch, value in products
        ],
        "metaDataChecksum_": metadata_checksum,
    }
    return _payload("edm::SendEvent", event, written, tables)


def encode_metadata_payload(
    branch_ids: Sequence[int], *, written: Written = WRITTEN_2025, tables: Tables | None = None
) -> bytes:
    """The payload of a meta-data message, as files since 2024 have it behind INIT.

    Parameters
    ----------
    branch_ids
        Ids of all branches of the job: product (1, k) of references is the k-th of them.
    written
        Which versions to write.
    tables
        By default those that come with this release.
    """
    event = _event(_NONE, (), ()) | {
        "branchListIndexes_": [],
        "branchIDLists_": [branch_ids],
        "products_": [],
        "metaDataChecksum_": 0,
    }
    return _payload("edm::SendEvent", event, written, tables)


def encode_job_header(
    branches: Sequence[Branch],
    *,
    parameter_sets: Sequence[tuple[bytes, bytes | str]] = (),
    branch_ids: Sequence[int] = (),
    written: Written = WRITTEN_2025,
    tables: Tables | None = None,
) -> bytes:
    """The payload of an INIT message.

    Parameters
    ----------
    branches
        Products of the events, in their order there.
    parameter_sets
        Raw MD5 and text of each.
    branch_ids
        As of `encode_metadata_payload`, for versions that have them here.
    written
        Which versions to write.
    tables
        By default those that come with this release.
    """
    header = {
        "descs_": [_description(branch) for branch in branches],
        "processParameterSet_": [
            ({"hash_": name}, {"pset_": text}) for name, text in parameter_sets
        ],
        "branchIDLists_": [branch_ids] if len(branch_ids) else [],
        "thinnedAssociationsHelper_": {"vThinnedAssociationBranches_": []},
    }
    return _payload("edm::SendJobHeader", header, written, tables)


def _payload(name: str, value: Mapping[str, Any], written: Written, tables: Tables | None) -> bytes:
    encoder = Encoder(tables, written)
    encoder.point(Pointed(name, value))
    return encoder.payload()


def _event(
    auxiliary: EventAuxiliary, processes: Sequence[Mapping[str, Any]], selections: Sequence[bytes]
) -> dict[str, Any]:
    seconds, microseconds = divmod(auxiliary.time // 1000, _SECOND)
    return {
        "aux_": {
            "processHistoryID_": {"hash_": auxiliary.process_history},
            "id_": {
                "run_": auxiliary.run,
                "luminosityBlock_": auxiliary.lumisection,
                "event_": auxiliary.event,
            },
            "processGUID_": auxiliary.process_guid,
            "time_": {"timeLow_": microseconds, "timeHigh_": seconds},
            "luminosityBlock_": 0,
            "isRealData_": auxiliary.real_data,
            "experimentType_": auxiliary.experiment_type,
            "bunchCrossing_": auxiliary.bunch_crossing,
            "orbitNumber_": auxiliary.orbit,
            "storeNumber_": auxiliary.fill,
        },
        "processHistory_": {"data_": processes},
        "eventSelectionIDs_": [{"hash_": one} for one in selections],
        "branchIDLists_": [],
        "thinnedAssociationsHelper_": {"vThinnedAssociationBranches_": []},
    }


def _description(branch: Branch) -> dict[str, Any]:
    return {
        "branchType_": 0,
        "moduleLabel_": branch.label,
        "processName_": branch.process,
        "branchID_": {"id_": branch.id},
        "fullClassName_": _STANDARD.sub(r"std::\1", _spaced(branch.class_name)),
        "friendlyClassName_": branch.friendly or friendly_name(branch.class_name),
        "productInstanceName_": branch.instance,
        "branchAliases_": [],
        "aliasForBranchID_": {"id_": 0},
    }


def _wrapper(branch: Branch) -> str:
    return _spaced(f"edm::Wrapper<{branch.class_name}>")


def _spaced(class_name: str) -> str:
    """With a blank between two closing brackets, as ROOT spells it."""
    return re.sub(r">(?=>)", "> ", class_name)
