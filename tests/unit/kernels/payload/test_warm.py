"""Warming up compiles just what decoding then uses."""

from dqmstream.kernels.payload.copying import copy_records, count_records
from dqmstream.kernels.payload.frame import find_products
from dqmstream.kernels.payload.walking import walk
from dqmstream.kernels.payload.warm import warm_payloads
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder


def test_nothing_is_compiled_for_the_first_event_after_warming_up() -> None:
    kernels = (find_products, walk, count_records, copy_records)
    report = warm_payloads()
    assert report.problem == ""
    warmed = [kernel.signatures for kernel in kernels]
    assert [len(signatures) for signatures in warmed] == [1, 1, 1, 1]
    tracks = Branch("vector<reco::Track>", "made", "", "HLT")
    decoded = PayloadDecoder([tracks], {0: ["chi2_"]}).decode([b"no payload"])
    assert decoded.broken == {"edm::SendEvent byte_count": 1}
    assert [kernel.signatures for kernel in kernels] == warmed
