"""Each collection has the moments its module states; sample means within 5 sigma."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dqmstream.sources.synthetic import SyntheticConfig, SyntheticDetector
from dqmstream.sources.synthetic.bril import BACKGROUND, FLIGHT_TIME, VERTEX_EFFICIENCY
from dqmstream.sources.synthetic.distributions import EULER_GAMMA
from dqmstream.sources.synthetic.fill import INITIAL_PILEUP, PILEUP_LIFETIME
from dqmstream.sources.synthetic.hcal import ENERGY_MINIMA, TIME_SIGMAS
from dqmstream.sources.synthetic.hcal import SUBDETECTORS as HCAL_SUBDETECTORS
from dqmstream.sources.synthetic.l1t import SEED_PROBABILITIES, SEEDS, SUMS
from dqmstream.sources.synthetic.muon import CSC_WIRES
from dqmstream.sources.synthetic.pixel import CHARGE_MODE, CHARGE_SCALE, MODULES
from dqmstream.sources.synthetic.pixel_disk import DISK_MODULES
from dqmstream.sources.synthetic.sistrip import MODULES as STRIP_MODULES
from dqmstream.sources.synthetic.sistrip import ON_TRACK, THICK_SN, THIN_SN
from dqmstream.sources.synthetic.sistrip import SUBDETECTORS as STRIP_SUBDETECTORS
from dqmstream.sources.synthetic.subsystem import SUBSYSTEMS, collection_named

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
        ("l1t_tau.pt", 21.0),
        ("l1t_tau.bx", 0.0),
        ("l1t_muon.pt", 5.0),
        ("l1t_muon.ieta", 0.0),
        ("l1t_muon.charge", 0.0),
        ("pixel_disk.disk", 0.0),
        ("pixel_disk.module", (DISK_MODULES - 1) / 2),
        ("pixel_disk.x", 0.0),
        ("pixel_disk.y", 0.0),
        ("pixel_disk.charge", CHARGE_MODE + CHARGE_SCALE * (EULER_GAMMA + math.log(2))),
        ("pixel_disk.size", 3.0),
        ("sistrip.on_track", ON_TRACK),
        ("sistrip.width", 3.0),
        ("hcal.ieta", 0.0),
        ("hcal.time", 0.0),
        ("dt.layers", 0.95 * (12 * 3 + 8) / 4),
        ("dt.x", 0.0),
        ("csc.layers", 5.7),
        ("rpc.strip", 48.5),
        ("rpc.size", 2.0),
        ("rpc.bx", 0.0),
        ("gem.endcap", 0.0),
        ("gem.chamber", 18.5),
        ("gem.ieta", 4.5),
        ("gem.vfat", 11.5),
        ("gem.strip", 191.5),
        ("gem.size", 2.0),
        ("gem.bx", 0.0),
        ("ctpps_pixel.arm", 0.5),
        ("ctpps_pixel.plane", 2.5),
        ("ctpps_pixel.row", 79.5),
        ("ctpps_pixel.col", 1 / math.expm1(1 / 30) - 156 / math.expm1(156 / 30)),
        ("ctpps_pixel.size", 1.6),
        ("ctpps_timing.pot", 0.5),
        ("ctpps_timing.channel", 4 - 12 / (1.25**12 - 1)),
        ("ctpps_timing.time", 0.0),
        ("ctpps_timing.tot", 12.0),
        ("castor.sector", 8.5),
        ("castor.module", 1 + 1 / math.expm1(1 / 6) - 14 / math.expm1(14 / 6)),
        ("prescale_index", 0.0),
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


COLLECTIONS = [one.name for part in SUBSYSTEMS.values() for one in part.collections]


@pytest.mark.parametrize("name", COLLECTIONS)
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


@pytest.fixture(scope="module")
def late_in_the_fill() -> pa.RecordBatch:
    """Events with a third of the pile-up."""
    config = SyntheticConfig(run=1, lumisections=1650, chunk_events=4000)
    return SyntheticDetector(config).chunk(1650, 0).batch


@pytest.mark.parametrize(
    "name", [name for name in COLLECTIONS if collection_named(name).follows_pileup]
)
def test_fewer_interactions_give_fewer_objects_late_in_a_fill(
    late_in_the_fill: pa.RecordBatch, name: str
) -> None:
    """A third of the pile-up, a third of the objects; energy sums are always there."""
    late = late_in_the_fill.column(name)
    found = len(late.flatten())
    expected = len(late) * collection_named(name).mean
    if not collection_named(name).once_per_event:
        expected *= math.exp(-1649 / PILEUP_LIFETIME)
    assert found == pytest.approx(expected, abs=5 * math.sqrt(expected))


@pytest.mark.parametrize(
    ("subdetector", "mode"), [("TIB", THIN_SN), ("TID", THIN_SN), ("TOB", THICK_SN)]
)
def test_signal_over_noise_on_tracks_has_the_stated_mean(
    healthy: pa.RecordBatch, values: Values, subdetector: str, mode: float
) -> None:
    number = STRIP_SUBDETECTORS[subdetector]
    chosen = (values(healthy, "sistrip.subdetector") == number) & (
        values(healthy, "sistrip.on_track") == 1
    )
    sn = values(healthy, "sistrip.sn")[chosen]
    charge = values(healthy, "sistrip.charge")[chosen]
    expected = mode * (1 + 0.1 * (EULER_GAMMA + math.log(2)))
    assert sn.mean() == pytest.approx(expected, abs=5 * sn.std() / math.sqrt(len(sn)))
    assert charge.mean() == pytest.approx(5 * expected, rel=0.01)


def test_the_strip_tracker_has_15148_modules_and_all_of_a_layer_are_hit_equally(
    healthy: pa.RecordBatch, values: Values
) -> None:
    modules = {name: sum(layers.values()) for name, layers in STRIP_MODULES.items()}
    assert modules == {"TIB": 2724, "TID": 816, "TOB": 5208, "TEC": 6400}
    chosen = (values(healthy, "sistrip.subdetector") == 5) & (values(healthy, "sistrip.layer") == 3)
    occupancy = np.bincount(values(healthy, "sistrip.module")[chosen].astype(int))
    expected = chosen.sum() / 648
    chi2 = ((occupancy - expected) ** 2 / expected).sum()
    assert chi2 == pytest.approx(648, abs=5 * math.sqrt(2 * 648))


@pytest.mark.parametrize(("name", "number"), HCAL_SUBDETECTORS.items())
def test_hcal_energies_and_times_are_those_of_the_subdetector(
    healthy: pa.RecordBatch, values: Values, name: str, number: int
) -> None:
    chosen = values(healthy, "hcal.subdetector") == number
    energy, time = values(healthy, "hcal.energy")[chosen], values(healthy, "hcal.time")[chosen]
    minimum, sigma = ENERGY_MINIMA[number - 1], TIME_SIGMAS[number - 1]
    assert energy.min() >= minimum
    assert energy.mean() == pytest.approx(5 / 3 * minimum, rel=0.05), name
    assert time.std() == pytest.approx(sigma, rel=0.05)
    depth = values(healthy, "hcal.depth")[chosen]
    assert depth.max() == {"HB": 4, "HE": 7, "HO": 4, "HF": 4}[name]


def test_hcal_hits_of_a_channel_fall_with_depth(healthy: pa.RecordBatch, values: Values) -> None:
    ring = abs(values(healthy, "hcal.ieta"))
    barrel = (values(healthy, "hcal.subdetector") == 1) & (ring < 16)
    hits = np.bincount(values(healthy, "hcal.depth")[barrel].astype(int))[1:]
    assert hits[1:] / hits[:-1] == pytest.approx(np.full(3, math.exp(-1 / 3)), rel=0.05)


def test_the_strips_of_a_gem_chip_are_its_own(healthy: pa.RecordBatch, values: Values) -> None:
    vfat, strip = values(healthy, "gem.vfat"), values(healthy, "gem.strip")
    assert np.array_equal(strip // 128, vfat // 8)
    assert np.array_equal(values(healthy, "gem.ieta"), 8 - vfat % 8)
    assert strip.max() == 383


def test_strips_and_wires_of_a_cathode_strip_chamber_fit_its_ring(
    healthy: pa.RecordBatch, values: Values
) -> None:
    station, ring = values(healthy, "csc.station"), values(healthy, "csc.ring")
    for number, rings in enumerate(CSC_WIRES, start=1):
        for place, wires in enumerate(rings, start=1):
            chosen = (station == number) & (ring == place)
            assert values(healthy, "csc.wire")[chosen].max() == wires
            assert values(healthy, "csc.wire")[chosen].min() == 1
    outer = (station == 1) & (ring == 3)
    assert values(healthy, "csc.strip")[outer].max() == 64
    assert values(healthy, "csc.strip")[~outer].max() == 80


@pytest.mark.parametrize(
    ("member", "in_time"),
    [("gem.bx", 0.90), ("rpc.bx", 0.98), ("l1t_jet.bx", 0.96), ("l1t_muon.bx", 0.96)],
)
def test_crossings_are_right_as_often_as_stated_and_else_early_or_late_alike(
    healthy: pa.RecordBatch, values: Values, member: str, in_time: float
) -> None:
    counts = np.bincount(values(healthy, member).astype(int) + 2, minlength=5)
    other = 1 - in_time
    expected = counts.sum() * np.array([other / 8, 3 * other / 8, in_time])
    for early, late, wanted in zip(counts[:3], counts[:1:-1], expected, strict=True):
        assert early == pytest.approx(wanted, abs=5 * math.sqrt(wanted))
        assert late == pytest.approx(wanted, abs=5 * math.sqrt(wanted))


def test_energy_sums_come_once_an_event_with_the_stated_means(
    healthy: pa.RecordBatch, values: Values
) -> None:
    kind, et = values(healthy, "l1t_sum.type"), values(healthy, "l1t_sum.et")
    assert np.array_equal(kind.reshape(-1, 4), np.tile(np.arange(4), (len(healthy), 1)))
    rayleigh = math.sqrt(math.pi / 2 * INITIAL_PILEUP)
    for number, mean in enumerate([240, 120, 2 * rayleigh, 1.5 * rayleigh]):
        found = et[kind == number]
        assert found.mean() == pytest.approx(mean, rel=0.01), SUMS[number]
    assert not values(healthy, "l1t_sum.phi")[kind < 2].any()


@pytest.mark.parametrize(("device", "resolution"), [(0, 0.5), (1, 1.5), (2, 0.7)])
def test_luminometers_agree_with_the_pileup_and_spread_as_stated(
    healthy: pa.RecordBatch, values: Values, device: int, resolution: float
) -> None:
    pileup = values(healthy, "pileup")
    counted = values(healthy, "luminometer.pileup").reshape(-1, 3)[:, device]
    off = (counted - pileup) / np.sqrt(pileup)
    assert off.mean() == pytest.approx(0, abs=5 * resolution / math.sqrt(len(off)))
    assert off.std() == pytest.approx(resolution, rel=0.03)
