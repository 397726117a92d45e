"""Real collisions: invariant masses of muon pairs of 2011, filled as boost-histogram fills them."""

import csv
from collections.abc import Callable
from pathlib import Path

import boost_histogram as bh
import numpy as np
import pytest

from dqmstream.booking import histogram, integer, profile, regular
from dqmstream.booking.testing import make_columns
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.element import MonitorElement

_MASS = "sqrt(2 * pt1 * pt2 * ((exp(eta1 - eta2) + exp(eta2 - eta1)) / 2 - cos(phi1 - phi2)))"


@pytest.mark.realdata
def test_z_bosons_fill_as_in_boost(real_data: Path, filled: Callable[..., Contents]) -> None:
    with (real_data / "events-csv" / "Zmumu_Run2011A.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("pt1", "eta1", "phi1", "pt2", "eta2", "phi2")
    values = {name: np.array([float(row[name]) for row in rows]) for name in names}
    values |= {name: np.array([int(row[name]) for row in rows]) for name in ("Q1", "Q2")}
    contents = filled(
        [
            histogram("mass", regular(60, 60, 120), fill=_MASS, select="Q1 * Q2 < 0"),
            histogram("charges", integer(-1, 2), integer(-1, 2), fill=("Q1", "Q2")),
            profile("pt", regular(24, -2.4, 2.4), fill="eta1", value="pt1", value_range=(0, 500)),
        ],
        make_columns(len(rows), values),
    )
    pt1, eta1, phi1, pt2, eta2, phi2 = (values[name] for name in names)
    mass = np.sqrt(2 * pt1 * pt2 * (np.cosh(eta1 - eta2) - np.cos(phi1 - phi2)))
    opposite = values["Q1"] * values["Q2"] < 0
    element = MonitorElement.at(contents, "mass")
    reference = bh.Histogram(bh.axis.Regular(60, 60, 120), storage=bh.storage.Int64())
    reference.fill(mass[opposite])
    # cosh by its two exponentials may differ from the library's in the last bit.
    moved = abs(element.counts(flow=True) - np.asarray(reference.view(flow=True))).sum()
    assert moved <= 2
    assert element.entries == opposite.sum()
    assert 85 < element.mean() < 92
    charges = np.asarray(MonitorElement.at(contents, "charges").counts())
    pairs = np.histogram2d(values["Q1"], values["Q2"], (3, 3), ((-1, 2), (-1, 2)))[0]
    assert np.array_equal(charges, pairs)
    profiled = bh.Histogram(bh.axis.Regular(24, -2.4, 2.4), storage=bh.storage.Mean())
    profiled.fill(eta1, sample=pt1)
    means = np.asarray(profiled.view()["value"])
    ours = np.nan_to_num(MonitorElement.at(contents, "pt").values())
    assert np.allclose(ours, means, rtol=0, atol=500 * 2**-30)
