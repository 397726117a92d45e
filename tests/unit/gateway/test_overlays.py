"""What many plots are drawn over: the references of quality tests, in one answer."""

import json
from typing import Any

import boost_histogram as bh
import pytest
from boost_histogram.serialization import to_uhi

from dqmstream.references.making import Described
from services.gateway.app import create_app  # noqa: F401
from tests.unit.gateway.test_references import (  # noqa: F401
    API,
    LSS,
    stored,
    system,
)

PATHS = ["pixel/charge", "pixel/barrel/size_vs_eta", "pixel/events"]


async def _overlays(system, run=400_001, **query):  # noqa: F811
    query = {"path": PATHS, **query}
    return (await system.get(f"runs/{run}/references", **query))["overlays"]


async def test_elements_without_a_reference_are_told_why_and_that_is_no_error(system):  # noqa: F811
    rows = await _overlays(system)
    assert [row["path"] for row in rows] == PATHS
    assert all("there is none in the catalogue" in row["why"] for row in rows)


async def test_each_element_has_the_reference_of_the_single_route(system):  # noqa: F811
    await system.made("other", runs={"400002": [[1, 2]]})
    rows = await _overlays(system, lumisections="1-4")
    charge, profile, scalar = rows
    single = await system.get(
        "runs/400001/reference", path="pixel/charge", lumisections="1-4", workspace="pixel"
    )
    assert (charge["name"], charge["runs"], charge["lumisections"]) == ("other #1", [400_002], 2)
    assert charge["contents"] == single["contents"][0]
    assert charge["scale"] == single["scale"]
    assert profile["scale"] == 1.0
    assert profile["normalise"] == "none"
    assert "other #1 has no entries in it" in scalar["why"]
    by_lumisections = (await _overlays(system, lumisections="1-4", normalise="lumisections"))[0]
    assert by_lumisections["scale"] == pytest.approx(2.0)
    assert LSS > 4


async def test_a_reference_of_another_name_is_used_where_it_is_asked_for(system):  # noqa: F811
    await system.made("first", runs={"400002": [[1, 2]]})
    await system.made("second", runs={"400002": [[3, 5]]}, rank=5)
    assert (await _overlays(system))[0]["name"] == "first #1"
    assert (await _overlays(system, name="second"))[0]["name"] == "second #1"
    assert "not in the catalogue" in (await _overlays(system, name="third"))[0]["why"]


async def test_a_reference_of_an_element_that_is_booked_otherwise_since_is_not_drawn_over_it(
    system,  # noqa: F811
):
    """Its bins are others: both are told, as the report of a quality test does."""
    histogram: Any = bh.Histogram(bh.axis.Regular(4, 0, 100), storage=bh.storage.Int64())
    histogram.fill([1.0, 30.0])
    body = json.dumps({"pixel/charge": to_uhi(histogram)}, default=lambda value: value.tolist())
    desk = system.parts.references
    await desk.upload(
        Described(name="old", workspace="pixel", owner="experts", reason="of the old booking"),
        body.encode(),
        desk.decision("accepted", "ann", "looked at"),
        file="old.json",
    )
    (row,) = await _overlays(system, path=["pixel/charge"])
    assert (
        "cannot be compared with old #1: it is a histogram over regular bins (bins 50"
        in (row["why"])
    )
    assert "that is a histogram over regular bins (bins 4" in row["why"]
    single = await system.get("runs/400001/reference", status=404, path="pixel/charge")
    assert "cannot be compared with old #1" in single["detail"]


async def _lacking(system, **query):  # noqa: F811
    return await system.get("runs/400001/references/lacking", **query)


async def test_elements_without_a_reference_are_listed_page_by_page(system):  # noqa: F811
    """The same that plots are told one by one, of all elements."""
    whole = await _lacking(system)
    assert whole["total"] == whole["booked"] == len(whole["elements"])
    assert whole["lumisection"] == LSS
    assert all("there is none in the catalogue" in row["why"] for row in whole["elements"])
    await system.made("other", runs={"400002": [[1, 2]]})
    found = await _lacking(system, lumisections="1-4")
    assert found["lumisection"] == 4
    without = [(row["workspace"], row["path"]) for row in found["elements"]]
    every = [row["path"] for row in whole["elements"]]
    rows = await _overlays(system, path=every, lumisections="1-4")
    assert sorted(without) == sorted((r["workspace"], r["path"]) for r in rows if r.get("why"))
    assert 0 < len(without) < whole["total"]
    pages, after = [], ""
    while after is not None:
        query = {"after": after} if after else {}
        page = await _lacking(system, lumisections="1-4", limit=2, **query)
        assert page["total"] == len(without)
        pages += page["elements"]
        after = page["after"]
    assert pages == found["elements"]
    named = await _lacking(system, name="third", workspace="pixel")
    assert {row["workspace"] for row in named["elements"]} == {"pixel"}
    assert named["total"] == named["booked"]
