"""Every member of every product: arrays hold what a simple reader, object by object, finds."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqmstream.sources.cms.decoding.branch import Branch, Product
from dqmstream.sources.cms.decoding.decoder import PayloadDecoder, available_members
from dqmstream.sources.cms.decoding.job_header import read_branches
from dqmstream.sources.cms.encoding.events import encode_event_payload
from dqmstream.sources.cms.encoding.objects import (
    WRITTEN_2021,
    WRITTEN_2025,
    Pointed,
    Written,
)
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.madeup.plan import ONLINE_BRANCHES, TRACKING_BRANCHES, Plan
from dqmstream.sources.cms.madeup.stream import MadeUpRun
from dqmstream.sources.cms.messages import INIT, decode_event, decode_init
from dqmstream.sources.cms.payload import expand
from dqmstream.sources.cms.reader import FrameReader
from tests.cms_objects import ObjectReader

FILES = (
    "run346373_ls0027_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat",
    "run346373_ls0028_streamDQMOnlineBeamspot_sm-c2a11-43-01.dat",
    "run392642_ls0174_streamDQMOnlineScouting_pid1152594.dat",
)


@pytest.mark.realdata
@pytest.mark.parametrize("name", FILES)
def test_every_member_of_real_events_is_what_the_simple_reader_finds(
    real_data: Path, name: str
) -> None:
    header, *payloads = _payloads(real_data / "cms-streamer" / name)
    compared = _compare(read_branches(header), payloads)
    # Members times events: A, B 3 products, C 19.
    assert compared > 20_000 if "346373" in name else compared > 10_000


@pytest.mark.parametrize(
    ("branches", "written"), [(TRACKING_BRANCHES, WRITTEN_2021), (ONLINE_BRANCHES, WRITTEN_2025)]
)
def test_every_member_of_made_up_events_is_what_the_simple_reader_finds(
    branches: tuple[Branch, ...], written: Written
) -> None:
    """With several vertices in an event, and 30 FEDs."""
    plan = Plan(events=20, vertices=3, feds=(1404, *range(600, 630)))
    run = MadeUpRun(plan, branches, written=written)
    payloads = [run.payload(2, number) for number in range(plan.events)]
    read = read_branches(run.init().payload)
    assert [one.name for one in read] == [one.name for one in branches]
    assert _compare(branches, payloads) > 500


def test_an_older_version_gives_the_members_it_has() -> None:
    """Electrons of 2022 have one impact parameter, those of 2025 one of each track."""
    (branch,) = [one for one in ONLINE_BRANCHES if "Electron" in one.class_name]
    older = WRITTEN_2025._replace(versions={"Run3ScoutingElectron": 5})
    run = MadeUpRun(Plan(), [branch])
    payloads = []
    expected: list[float] = []
    for number in range(10):
        ((_, electrons),) = run.products(1, number)
        electrons = [
            one | {"d0_": place, "dz_": 0.0, "charge_": 1} for place, one in enumerate(electrons)
        ]
        products = [(branch, electrons)]
        payloads.append(encode_event_payload(run.auxiliary(1, number), products, written=older))
        expected += [one["d0_"] for one in electrons]
    wanted = {0: ["pt_", "d0_", "trkd0_", "nClusters_"]}
    decoded = PayloadDecoder([branch], wanted).decode(payloads)
    assert not decoded.unknown
    assert not decoded.broken
    electron = decoded.products[0]
    assert expected
    assert electron.members["d0_"].tolist() == expected
    assert (electron.members["pt_"] > 0).all()
    assert not electron.ragged["trkd0_"].counts.any()
    assert set(electron.members["nClusters_"].tolist()) == {2**32 - 1}


def _compare(branches: Sequence[Branch], payloads: list[bytes]) -> int:
    """How many members of how many events agree."""
    wanted = {
        index: list(available_members(branch.class_name)) for index, branch in enumerate(branches)
    }
    assert all(wanted.values())
    decoded = PayloadDecoder(branches, wanted).decode(payloads)
    assert not decoded.unknown
    assert not decoded.broken
    events = [ObjectReader(payload).whole().value["products_"] for payload in payloads]
    compared = 0
    for index, branch in enumerate(branches):
        values = [_value(event, branch) for event in events]
        objects = [_objects(value) for value in values]
        product = decoded.products[index]
        assert product.counts.tolist() == [len(one) for one in objects]
        flat = [one for event in objects for one in event]
        for name in wanted[index]:
            _agree(product, name, flat)
            compared += len(payloads)
    return compared


def _agree(product: Product, name: str, objects: list[Any]) -> None:
    try:
        found = [_member(one, name.split(".")) for one in objects]
    except KeyError:
        _missing(product, name)
        return
    if name in product.members:
        array = product.members[name]
        assert len(array) == len(objects), name
        if objects:
            expected = np.array(found).reshape(array.shape)
            np.testing.assert_array_equal(array, expected, err_msg=name)
        return
    ragged = product.ragged[name]
    flat = [np.asarray(one).ravel() for one in found]
    assert ragged.counts.tolist() == [len(one) for one in flat], name
    if any(map(len, flat)):
        np.testing.assert_array_equal(ragged.values, np.concatenate(flat), err_msg=name)


def _missing(product: Product, name: str) -> None:
    """A member of older versions only: all bits are set, and vectors are empty."""
    if name in product.members:
        assert set(product.members[name].tobytes()) == {0xFF}, name
    else:
        assert not product.ragged[name].counts.any(), name


def _member(value: Any, path: list[str]) -> Any:
    """The values at a path: of all elements, where it goes through a vector."""
    match value:
        case Pointed(_, inside):
            return _member(inside, path)
        case list() if path:
            return [one for element in value for one in np.ravel(_member(element, path))]
        case dict():
            return _member(value[path[0]], path[1:])
        case bytes():
            return np.frombuffer(value, np.uint8)
        case list():
            return [one for element in value for one in np.ravel(_member(element, []))]
        case _:
            return value


def _objects(value: Any) -> list[Any]:
    match value:
        case list():
            return value
        case dict() if list(value) == ["data_"]:
            return list(value["data_"])
        case dict():
            return [value]
        case None:
            return []
        case _:
            return [{"value": value}]


def _value(event: list[Any], branch: Branch) -> Any:
    (found,) = [
        one["prod_"] for one in event if one["desc_"].value["branchID_"]["id_"] == branch.id
    ]
    return None if found is None else found.value


def _payloads(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        for frame in FrameReader(stream, path.stat().st_size, Limits()):
            if frame.code == INIT:
                yield decode_init(frame.message, Limits()).payload
                continue
            message = decode_event(frame.message)
            if not message.is_metadata:
                yield expand(message.payload, message.original_size, Limits())
