"""Each collection has the moments its module states; sample means within 5 sigma."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.sources.synthetic.bril import BACKGROUND, FLIGHT_TIME, VERTEX_EFFICIENCY
from dqmstream.sources.synthetic.distributions import EULER_GAMMA
from dqmstream.sources.synthetic.fill import INITIAL_PILEUP
from dqmstream.sources.synthetic.l1t import SEED_PROBABILITIES, SEEDS
from dqmstream.sources.synthetic.pixel import CHARGE_MODE, CHARGE_SCALE, MODULES
from dqmstream.sources.synthetic.subsystem import collection_named

Values = Callable[[pa.RecordBatch, str], Any]


@pytest.mark.parametrize(
    ("member", "mean"),
    [
        ("pixel.layer", 2.5),
        ("pixel.row", 79.5),
        ("pixel.col", 207.5),
        ("pixel.z", 0.0),
        ("pixel.phi", 0.0),
        ("pixel.charge", CHARGE_MODE + CHARGE_SCALE * (EULER_GAMMA + math.log(2))),
        ("pixel.size", 3.0),
        ("ecal.ieta", 0.0),
        ("ecal.iphi", 180.5),
        ("ecal.supermodule", 18.5),
        ("ecal.energy", 0.75),
        ("ecal.time", 0.0),
        ("muon.pt", 5.0),
        ("muon.eta", 0.0),
        ("muon.phi", 0.0),
        ("muon.charge", 0.0),
        ("muon.time", 0.0),
        ("dt.chamber", 119.5),
        ("dt.wheel", 0.0),
        ("dt.station", 2.5),
        ("dt.sector", 6.5),
        ("dt.time", 0.0),
        ("csc.chamber", 269.5),
        ("csc.endcap", 0.0),
        ("csc.time", 0.0),
        ("rpc.chamber", 179.5),
        ("rpc.layer", 3.5),
        ("rpc.time", 0.0),
        ("l1t_jet.pt", 80 / 3),
        ("l1t_jet.ieta", 0.0),
        ("l1t_jet.bx", 0.0),
        ("l1t_eg.pt", 7.5),
        ("l1t_eg.iphi", 36.5),
        ("bril.channel", 23.5),
        ("bril.time", FLIGHT_TIME * (1 - 2 * BACKGROUND)),
        ("bril.charge", 20 + 3 * (EULER_GAMMA + math.log(2))),
        ("vertices", VERTEX_EFFICIENCY * INITIAL_PILEUP),
    ],
)
def test_the_mean_of_a_member_is_as_stated(
    healthy: pa.RecordBatch, values: Values, member: str, mean: float
) -> None:
    found = values(healthy, member)
    error = found.std() / math.sqrt(len(found))
    assert found.mean() == pytest.approx(mean, abs=5 * error)


@pytest.mark.parametrize(
    "name",
    ["pixel", "ecal", "muon", "dt", "csc", "rpc", "l1t", "l1t_jet", "l1t_eg", "bril"],
)
def test_the_number_of_objects_of_an_event_has_the_stated_mean(
    healthy: pa.RecordBatch, counts: Values, name: str
) -> None:
    found = counts(healthy, name)
    error = found.std() / math.sqrt(len(found))
    assert found.mean() == pytest.approx(collection_named(name).mean, abs=5 * error)


@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_all_pixel_modules_of_a_layer_are_hit_equally(
    healthy: pa.RecordBatch, values: Values, layer: int
) -> None:
    modules = values(healthy, "pixel.module")[values(healthy, "pixel.layer") == layer]
    occupancy = np.bincount(modules.astype(int))
    expected = len(modules) / MODULES[layer - 1]
    chi2 = ((occupancy - expected) ** 2 / expected).sum()
    assert len(occupancy) == MODULES[layer - 1]
    assert chi2 == pytest.approx(len(occupancy), abs=5 * math.sqrt(2 * len(occupancy)))


def test_supermodules_have_twenty_crystals_in_phi_of_one_side(
    healthy: pa.RecordBatch, values: Values
) -> None:
    ieta, iphi = values(healthy, "ecal.ieta"), values(healthy, "ecal.iphi")
    supermodule = values(healthy, "ecal.supermodule")
    assert 0 not in ieta
    assert np.array_equal(supermodule > 18, ieta < 0)
    assert np.array_equal((supermodule - 1) % 18, (iphi - 1) // 20)


def test_trigger_bits_fire_with_their_probability_and_once_an_event(
    healthy: pa.RecordBatch, values: Values
) -> None:
    fired = np.bincount(values(healthy, "l1t.bit").astype(int), minlength=len(SEEDS))
    expected = np.array(SEED_PROBABILITIES) * len(healthy)
    assert (abs(fired - expected) < 5 * np.sqrt(expected)).all()
    for bits in healthy.column("l1t").to_pylist()[:200]:
        numbers = [bit["bit"] for bit in bits]
        assert numbers == sorted(set(numbers))


def test_seeds_have_names_of_their_own() -> None:
    assert len(set(SEEDS)) == len(SEEDS) == 63


def test_more_pileup_gives_more_hits(
    healthy: pa.RecordBatch, values: Values, counts: Values
) -> None:
    pileup, hits = values(healthy, "pileup"), counts(healthy, "pixel")
    assert hits[pileup > 61].mean() > hits[pileup < 59].mean() + 0.5
