"""Whole made-up events, and streamer files of them.

Each event is drawn from the run's seed, its lumisection and its number alone: files of one run
agree however they are cut, and one event can be made again.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from dqmstream.errors import ConfigurationError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import EventAuxiliary
from dqmstream.sources.cms.decoding.branch import Branch
from dqmstream.sources.cms.encoding.events import (
    encode_event_payload,
    encode_job_header,
    encode_metadata_payload,
)
from dqmstream.sources.cms.encoding.objects import WRITTEN_2021, WRITTEN_2025, Written
from dqmstream.sources.cms.madeup.online import (
    beam_spot,
    ctpps,
    dcs,
    luminosity,
    trigger_results,
)
from dqmstream.sources.cms.madeup.plan import (
    ONLINE_BRANCHES,
    TRACKING_BRANCHES,
    Beam,
    Plan,
)
from dqmstream.sources.cms.madeup.raw import fed_collection
from dqmstream.sources.cms.madeup.scouting import Scouting
from dqmstream.sources.cms.madeup.tracks import tracks_and_vertices
from dqmstream.sources.cms.messages import EventMessage, InitMessage
from dqmstream.sources.cms.pair import StreamerPair
from dqmstream.sources.cms.states import FAIL, PASS
from dqmstream.sources.cms.writer import new_event, new_init, new_metadata, write_streamer_file

__all__ = ["STREAMS", "MadeUpRun", "MadeUpStream"]

_ORBITS: Final = 1 << 18
"""Of a lumisection."""
_ORBIT_RATE: Final = 11_245.5
"""Per second."""
_SECOND: Final = 1_000_000_000


class MadeUpStream(NamedTuple):
    """Products and versions of a real stream; `name` stands in the names of its files."""

    name: str
    branches: tuple[Branch, ...]
    written: Written


STREAMS: Final = {
    "beamspot": MadeUpStream("streamDQMOnlineBeamspot", TRACKING_BRANCHES, WRITTEN_2021),
    "scouting": MadeUpStream("streamDQMOnlineScouting", ONLINE_BRANCHES, WRITTEN_2025),
}


class MadeUpRun:
    """The events of a made-up run.

    Parameters
    ----------
    plan
        What the run is like.
    branches
        Products of each event, of those in `madeup.plan` (in any order and choice).
    written
        Class versions, by the year.

    Raises
    ------
    ConfigurationError
        If a branch is not one that can be made up.
    """

    def __init__(
        self, plan: Plan, branches: Sequence[Branch], *, written: Written = WRITTEN_2025
    ) -> None:
        unknown = [one.name for one in branches if one.class_name not in _PRODUCTS]
        if unknown:
            known = ", ".join(_PRODUCTS)
            msg = f"branches {', '.join(unknown)} cannot be made up, expected of {known}"
            raise ConfigurationError(msg)
        self.plan = plan
        self.branches = tuple(branches)
        self._written = written
        self.paths = tuple(f"HLT_MadeUp{number}_v1" for number in range(plan.paths))

    def beam(self, lumisection: int) -> Beam:
        """Where collisions are in a lumisection."""
        beam = self.plan.beam
        return replace(beam, x=beam.x + self.plan.drift * (lumisection - 1))

    def auxiliary(self, lumisection: int, number: int) -> EventAuxiliary:
        """What event `number` (0, 1, ... of its lumisection) says of itself."""
        plan = self.plan
        orbit = (lumisection - 1) * _ORBITS + number * _ORBITS // plan.events
        return EventAuxiliary(
            run=plan.run,
            lumisection=lumisection,
            event=lumisection * 1_000_000 + number + 1,
            time=plan.begin + round(orbit / _ORBIT_RATE * _SECOND) // 1000 * 1000,
            bunch_crossing=plan.colliding[number % len(plan.colliding)],
            orbit=orbit,
            fill=plan.fill,
            real_data=False,
            process_history=hashlib.md5(b"made up", usedforsecurity=False).digest(),
        )

    def states(self, lumisection: int, number: int) -> list[int]:
        """HLT states of an event."""
        rng = self.rng(lumisection, number, 1)
        passed = rng.random(self.plan.paths) < self.plan.pass_share
        if self.plan.pass_share and not passed.any():
            # What no path takes is in no stream.
            passed[number % self.plan.paths] = True
        return [PASS if one else FAIL for one in passed]

    def products(self, lumisection: int, number: int) -> list[tuple[Branch, Any]]:
        """Branch and value of each product of an event, as `encoding.objects` says."""
        event = _Event(self, lumisection, number)
        return [(branch, _PRODUCTS[branch.class_name](event, branch)) for branch in self.branches]

    def payload(self, lumisection: int, number: int) -> bytes:
        """The payload of an event, before compression."""
        return encode_event_payload(
            self.auxiliary(lumisection, number),
            self.products(lumisection, number),
            written=self._written,
        )

    def init(self, output_module: str = "hltOutputMadeUp") -> InitMessage:
        """The INIT of a file."""
        header = encode_job_header(
            self.branches, branch_ids=[one.id for one in self.branches], written=self._written
        )
        return new_init(self.paths, output_module=output_module, payload=header)

    def messages(
        self, init: InitMessage, lumisection: int, numbers: Sequence[int] | None = None
    ) -> Iterator[EventMessage]:
        """EVENT messages of a lumisection: of all its events, or of those of these numbers."""
        if self._written is not WRITTEN_2021:
            yield new_metadata(init, encode_metadata_payload([one.id for one in self.branches]))
        place = LumisectionId(self.plan.run, lumisection)
        for number in range(self.plan.events) if numbers is None else numbers:
            yield new_event(
                init,
                place,
                self.auxiliary(lumisection, number).event,
                self.states(lumisection, number),
                self.payload(lumisection, number),
            )

    def write(
        self, folder: Path, lumisection: int, stream: str = "streamDQMMadeUp"
    ) -> StreamerPair:
        """A data file of a lumisection and its `.jsn`, in a folder, under the names of the DAQ."""
        path = self.file(folder, lumisection, stream)
        init = self.init()
        return write_streamer_file(path, init, self.messages(init, lumisection))

    def file(self, folder: Path, lumisection: int, stream: str) -> Path:
        """The data file of a lumisection that `write` writes."""
        return folder / f"run{self.plan.run:06}_ls{lumisection:04}_{stream}_pid1.dat"

    def rng(self, lumisection: int, number: int, part: int) -> np.random.Generator:
        """What a part of an event is drawn from."""
        plan = self.plan
        return np.random.default_rng([plan.seed, plan.run, lumisection, number, part])


class _Event:
    """One event, of which is made what its branches ask for."""

    def __init__(self, run: MadeUpRun, lumisection: int, number: int) -> None:
        self.plan = run.plan
        self.beam = run.beam(lumisection)
        self.auxiliary = run.auxiliary(lumisection, number)
        self.states = run.states(lumisection, number)
        self._rng = partial(run.rng, lumisection, number)

    @cached_property
    def collision(self) -> tuple[list[Any], list[Any]]:
        """Tracks and vertices."""
        rng = self._rng(2)
        filled = rng.random() < self.plan.filled
        return tracks_and_vertices(self.plan, self.beam, rng) if filled else ([], [])

    @cached_property
    def scouting(self) -> Scouting:
        """Objects of scouting."""
        return Scouting(self.plan, self.beam, self._rng(3))

    def fed_collection(self) -> dict[str, Any]:
        """Fragments of all FEDs."""
        return fed_collection(self.plan, self.auxiliary, self._rng(4))

    def muons(self, branch: Branch) -> list[Any]:
        """Without a constraint to a vertex only the first is there."""
        muons = self.scouting.muons
        return muons[:1] if branch.label.endswith("NoVtx") else muons

    def vertices(self, branch: Branch) -> list[Any]:
        """Primary or displaced ones of scouting."""
        scouting = self.scouting
        return scouting.vertices if branch.instance == "primaryVtx" else scouting.displaced

    def number(self, branch: Branch) -> float:
        """One number of the event as a whole."""
        scouting = self.scouting
        numbers = {"rho": scouting.rho, "pfMetPt": scouting.met_pt, "pfMetPhi": scouting.met_phi}
        return numbers[branch.instance]


_PRODUCTS: Final[Mapping[str, Callable[[_Event, Branch], Any]]] = {
    "CTPPSRecord": lambda event, _: ctpps(event.plan),
    "DCSRecord": lambda event, _: dcs(event.plan),
    "FEDRawDataCollection": lambda event, _: event.fed_collection(),
    "OnlineLuminosityRecord": lambda event, _: luminosity(
        event.plan, event.auxiliary.orbit, event.auxiliary.time
    ),
    "double": _Event.number,
    "edm::TriggerResults": lambda event, _: trigger_results(event.states, event.plan),
    "reco::BeamSpot": lambda event, _: beam_spot(event.beam),
    "vector<Run3ScoutingElectron>": lambda event, _: event.scouting.electrons,
    "vector<Run3ScoutingMuon>": _Event.muons,
    "vector<Run3ScoutingPFJet>": lambda event, _: event.scouting.jets,
    "vector<Run3ScoutingParticle>": lambda event, _: event.scouting.particles,
    "vector<Run3ScoutingPhoton>": lambda event, _: event.scouting.photons,
    "vector<Run3ScoutingTrack>": lambda event, _: event.scouting.tracks,
    "vector<Run3ScoutingVertex>": _Event.vertices,
    "vector<reco::Track>": lambda event, _: event.collision[0],
    "vector<reco::Vertex>": lambda event, _: event.collision[1],
}
"""What makes a product of each class that can be made up."""
