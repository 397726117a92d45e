"""Payloads for a conditions database, and the text of CMS's monitors."""

import json
import math

import msgspec
import pytest

from dqmstream.beam_spot.payload import Counted, payload, payload_json, text_dump
from dqmstream.beam_spot.result import BeamSpotFit, Period, failed
from dqmstream.beam_spot.vertices import fit_vertices

PERIOD = Period(
    run=346373,
    first_lumisection=27,
    last_lumisection=28,
    first_time=1_635_455_186_815_616_000,
    last_time=1_635_455_233_301_568_000,
    events=1002,
)


@pytest.fixture
def fit(collisions) -> BeamSpotFit:
    return fit_vertices(collisions(100).vertices, period=PERIOD)


def test_members_are_those_of_cms(fit) -> None:
    made = json.loads(payload_json(fit, Counted(7517, 1649, 1, 0.14, 0.35)))
    assert made["class"] == "BeamSpotOnlineObjects"
    assert made["position_"] == [fit.x, fit.y, fit.z]
    assert (made["sigmaZ_"], made["beamwidthX_"], made["type_"]) == (fit.sigma_z, fit.width_x, 2)
    assert made["beamwidthYError_"] == fit.error("width_y")
    assert [len(row) for row in made["covariance_"]] == [7] * 7
    assert made["covariance_"][3][3] == pytest.approx(fit.error("sigma_z") ** 2)
    last = (made["lastAnalyzedRun_"], made["lastAnalyzedLumi_"], made["lastAnalyzedFill_"])
    assert last == (346373, 28, 7517)
    assert made["intParams_"] == {
        "NUM_TRACKS": 1649, "NUM_PVS": fit.used, "USED_EVENTS": 1002, "MAX_PVS": 1
    }  # fmt: skip
    assert made["floatParams_"]["ERR_MEAN_PV"] == pytest.approx(0.35 / math.sqrt(1002))


def test_times_are_text_and_seconds(fit) -> None:
    made = payload(fit)
    assert made["stringParams_"] == {
        "START_TIME": "2021.10.28 21:06:26 GMT",
        "END_TIME": "2021.10.28 21:07:13 GMT",
        "LUMI_RANGE": "27 - 28",
    }
    times = {"START_TIMESTAMP": 1_635_455_186, "END_TIMESTAMP": 1_635_455_233}
    assert made["timeParams_"] == times


def test_how_it_was_made_stands_beside(fit) -> None:
    origin = payload(fit)["dqmstream"]
    assert (origin["method"], origin["order"], origin["used"]) == ("vertices", "full", fit.used)
    assert origin["first_lumisection"] == 27


def test_the_text_is_read_line_by_line_as_cms_does(fit) -> None:
    """By the line numbers that CMS's scripts count on."""
    lines = text_dump(fit).splitlines()
    words = [line.split(" ")[0] for line in lines]
    assert words == [
        *("Runnumber", "BeginTimeOfFit", "EndTimeOfFit", "LumiRange", "Type", "X0", "Y0", "Z0"),
        *("sigmaZ0", "dxdz", "dydz", "BeamWidthX", "BeamWidthY"),
        *(f"Cov({row},j)" for row in range(7)),
        *("EmittanceX", "EmittanceY", "BetaStar"),
    ]
    assert lines[1] == "BeginTimeOfFit 2021.10.28 21:06:26 GMT 1635455186"
    assert float(lines[5].split(" ")[-1]) == pytest.approx(fit.x, rel=1e-5)
    assert len(lines[13].split(" ")) == 8


@pytest.mark.parametrize("make", [payload, payload_json, text_dump])
def test_no_payload_of_no_fit(fit, make) -> None:
    with pytest.raises(ValueError, match="2 vertices"):
        make(failed("vertices", "2 vertices, at least 3 are needed"))
    with pytest.raises(ValueError, match="without period"):
        make(msgspec.structs.replace(fit, period=None))
