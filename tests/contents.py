"""Contents of CMS events made up: columns as the payload decoder gives them, all of them good.

Beams cross at (0.17, -0.19, -0.5) cm; tracks, vertices and raw data agree with each other as real
ones do. A test breaks what it likes, in place, before it takes the columns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from dqmstream.sources.cms.detector import PARTITIONS
from tests.scouting_contents import add_scouting

__all__ = ["FEDS", "Made", "made"]

Array = NDArray[Any]

FEDS: Final = (*range(50, 130), *range(600, 654), *range(831, 869), *range(1200, 1308), 1404)
"""FEDs of made events."""
ORBITS: Final = 262_144
LUMISECTION: Final = 174


@dataclass
class Made:
    """Columns of events: numbers by event, and collections as counts and flat members."""

    values: dict[str, Array]
    counts: dict[str, Array] = field(default_factory=dict)
    members: dict[str, dict[str, Array]] = field(default_factory=dict)

    def add(self, name: str, counts: Array, **members: Array) -> None:
        """A collection; members are flat."""
        self.counts[name], self.members[name] = np.asarray(counts), dict(members)

    def keep(self, name: str, chosen: Array) -> None:
        """Only these objects of a collection."""
        event = np.repeat(np.arange(self.counts[name].size), self.counts[name])
        self.counts[name] = np.bincount(event[chosen], minlength=self.counts[name].size)
        self.members[name] = {key: flat[chosen] for key, flat in self.members[name].items()}

    def columns(self) -> Mapping[str, Any]:
        """What `dqmstream.testing.fill` takes."""
        jagged = {
            name: ak.unflatten(ak.zip(members), self.counts[name])
            for name, members in self.members.items()
        }
        return self.values | jagged


def made(events: int = 1000, *, seed: int = 1, feds: tuple[int, ...] = FEDS) -> Made:
    """Good events."""
    rng = np.random.default_rng(seed)
    orbit = np.sort(rng.integers(0, ORBITS, events)) + (LUMISECTION - 1) * ORBITS
    found = Made(
        {
            "event": np.arange(1, events + 1),
            "orbit": orbit,
            "bunch_crossing": rng.integers(1, 3564, events),
            "time": orbit * 88_924 + 1_748_388_239 * 10**9,
        }
    )
    for add in (_tracks, _vertices, _online, _trigger, add_scouting):
        add(found, rng, events)
    _raw_data(found, rng, events, feds)
    return found


def _directions(rng: np.random.Generator, number: int, most: float = 2.4) -> dict[str, Array]:
    return {"eta": rng.uniform(-most, most, number), "phi": rng.uniform(-np.pi, np.pi, number)}


def _tracks(found: Made, rng: np.random.Generator, events: int) -> None:
    counts = rng.poisson(8, events)
    number = int(counts.sum())
    angles = _directions(rng, number)
    sine, cosine = np.sin(angles["phi"]), np.cos(angles["phi"])
    pt = 0.15 + rng.exponential(0.5, number)
    charge = rng.choice([-1, 1], number)
    pixel, strip = rng.binomial(4, 0.97, number), rng.integers(4, 14, number)
    ndof = (2 * (pixel + strip) - 5).astype(float)
    chi2 = rng.chisquare(ndof)
    found.add(
        "tracks",
        counts,
        pt=pt,
        **angles,
        charge=charge,
        qoverp=charge / (pt * np.cosh(angles["eta"])),
        dxy=-0.17 * sine - 0.19 * cosine + rng.normal(0, 0.02, number),
        dz=rng.normal(-0.5, 5, number),
        dxy_error=rng.uniform(0.005, 0.05, number),
        dz_error=rng.uniform(0.01, 0.1, number),
        vx=rng.normal(0.17, 0.02, number),
        vy=rng.normal(-0.19, 0.02, number),
        vz=rng.normal(-0.5, 5, number),
        chi2=chi2,
        ndof=ndof,
        normalized_chi2=chi2 / ndof,
        hits=pixel + strip,
        pixel_hits=pixel,
        strip_hits=strip,
        missing_hits=rng.binomial(2, 0.08, number),
        inactive_hits=rng.binomial(3, 0.08, number),
        pixel_layers=np.minimum(pixel, 4),
        strip_layers=np.minimum(strip, 10),
        algorithm=rng.choice([31, 32], number),
        quality=np.full(number, 7),
        vertex=np.where(rng.random(number) < 0.8, 0, -1),
        vertex_weight=rng.uniform(0.8, 1, number),
    )


def _vertices(found: Made, rng: np.random.Generator, events: int) -> None:
    counts = rng.binomial(1, 0.8, events)
    number = int(counts.sum())
    tracks = rng.integers(4, 30, number)
    ndof = 2 * tracks * 0.97 - 3
    errors = {f"{axis}_error": 0.02 / np.sqrt(tracks) for axis in "xyz"}
    found.add(
        "vertices",
        counts,
        x=rng.normal(0.17, 0.02, number),
        y=rng.normal(-0.19, 0.02, number),
        z=rng.normal(-0.5, 5, number),
        **errors,
        xy_covariance=rng.uniform(-0.3, 0.3, number) * errors["x_error"] ** 2,
        chi2=rng.chisquare(ndof),
        ndof=ndof,
        tracks=tracks,
        weight_sum=tracks * rng.uniform(0.9, 1.0, number),
        valid=np.ones(number, bool),
    )


def _online(found: Made, rng: np.random.Generator, events: int) -> None:
    one, time = np.ones(events, int), found.values["time"]
    states = np.ones(27, int)
    states[[15, 16]], states[[25, 26]] = 2, 0
    said = np.where(states == 2, -1, states)
    found.add(
        "dcs",
        one,
        time=time - 3 * 3_600 * 10**9,
        magnet_current=np.full(events, 18_164.0),
        magnet_field=np.full(events, 3.81),
        **{
            name.lower(): np.full(events, state)
            for name, state in zip(PARTITIONS, said, strict=True)
        },
    )
    found.add(
        "dcs_partitions",
        one * 27,
        partition=np.tile(np.arange(27), events),
        state=np.tile(states, events),
    )
    nibble = found.values["orbit"] % ORBITS // 4096 - rng.integers(4, 8, events)
    found.add(
        "luminosity",
        one,
        time=time - 2 * 10**9,
        luminosity=rng.normal(21_600, 30, events),
        pileup=rng.normal(62.8, 0.1, events),
        lumisection=np.where(nibble < 0, LUMISECTION - 1, LUMISECTION),
        nibble=nibble % 64,
    )
    found.add("ctpps", one, time=time - 60 * 10**9)
    found.add(
        "ctpps_pots",
        one * 20,
        pot=np.tile(np.arange(20), events),
        status=np.tile([0, 3, 0, 3, 0, 3, 0, 0, 3, 0] * 2, events),
    )


def _trigger(found: Made, rng: np.random.Generator, events: int) -> None:
    orbit = found.values["orbit"]
    found.add(
        "l1",
        np.ones(events, int),
        orbit=orbit + 1,
        prescale_column=np.full(events, 2),
        boards=np.full(events, 6),
    )
    paths = 40
    states = rng.choice([1, 2], events * paths, p=[0.1, 0.9])
    for name in ("hlt", "trigger_results"):
        numbers = np.tile(np.arange(paths), events)
        found.add(name, np.full(events, paths), path=numbers, state=states)
    found.members["trigger_results"]["module"] = rng.integers(0, 60, events * paths)
    menu = np.flatnonzero(rng.random(512) < 0.6)
    fired = np.array([np.sort(rng.choice(menu, 90, replace=False)) for _ in range(events)])
    found.add("l1_initial", np.full(events, 90), bit=fired.ravel())
    for stage, number in (("intermediate", 88), ("final", 12)):
        found.add(f"l1_{stage}", np.full(events, number), bit=fired[:, :number].ravel())


def _raw_data(found: Made, rng: np.random.Generator, events: int, feds: tuple[int, ...]) -> None:
    ids = np.tile(feds, events)
    event = np.repeat(np.arange(events), len(feds))
    words = 20 + ids % 7 + rng.poisson(30, ids.size)
    good = {
        name: np.ones(ids.size, bool)
        for name in ("framed", "size_ok", "crc_ok", "source_id_ok", "bunch_crossing_ok", "l1_id_ok")
    }
    found.add(
        "fed",
        np.full(events, len(feds)),
        id=ids,
        size=words * 8,
        source_id=ids,
        l1_id=event + 1,
        bunch_crossing=found.values["bunch_crossing"][event],
        event_type=np.ones(ids.size, int),
        trailer_words=words,
        crc=rng.integers(0, 65_536, ids.size),
        status=np.zeros(ids.size, int),
        tts=np.zeros(ids.size, int),
        **good,
    )
    found.add("fed_missing", np.zeros(events, int), id=np.zeros(0, np.int64))
