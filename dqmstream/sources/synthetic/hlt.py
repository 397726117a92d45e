"""High-level trigger: the paths that accepted an event, and the streams it is written to.

Idealised: paths fire independently of each other and of level 1. Names are in the form of CMS's
menus; probabilities and prescales are round numbers. A path fires with the probability of `PATHS`,
which is that at pile-up 60, times the event's pile-up over 60 where it `follows` pile-up, over
its prescale in the column in force (`dqmstream.sources.synthetic.fill`).

================= ======== ============================================== ======================
column            member   shape                                          source
================= ======== ============================================== ======================
`prescale_index`           column of prescales in force, 0 to 5           from the fill
`hlt`             `path`   numbers of the paths that fired, rising        `PATHS`
`hlt_stream`      `stream` numbers of the streams of these paths, rising  `STREAMS`
================= ======== ============================================== ======================

Prescales fall from column to column as the luminosity does: those of a path are `prescale`, half
of it in the next column, and so on, never below 1. An event is here because a path accepted it: one
that none did is accepted by `HLT_Physics_v1`, the path without conditions.
"""

from collections.abc import Mapping
from typing import ClassVar, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dqmstream.sources.synthetic.beam import Crossings
from dqmstream.sources.synthetic.cells import Address, Cells
from dqmstream.sources.synthetic.collection import Collection, Members, Rows, event_numbers
from dqmstream.sources.synthetic.derived import Derived
from dqmstream.sources.synthetic.fill import INITIAL_PILEUP, PRESCALE_COLUMNS

__all__ = [
    "PASS_THROUGH",
    "PATHS",
    "STREAMS",
    "HltPath",
    "HltPaths",
    "HltStreams",
    "path_probabilities",
]

STREAMS: Final = ("Physics", "Express", "Scouting", "Calibration", "DQM")
"""Names of streams 0, 1, ..."""


class HltPath(NamedTuple):
    """A path: its name and stream, its probability at pile-up 60 without prescale, and prescales.

    `prescale` is that of column 0; `follows` says whether it fires more with more pile-up.
    """

    name: str
    stream: str
    probability: float
    prescale: int = 1
    follows: bool = False


def _family(
    name: str, stream: str, probability: float, thresholds: tuple[int, ...], *, prescaled: bool
) -> tuple[HltPath, ...]:
    """Paths that differ in a threshold: probability falls with its square, and prescales too."""
    paths = []
    for place, threshold in enumerate(thresholds):
        prescale = 2 ** (len(thresholds) - 1 - place) if prescaled else 1
        falling = (thresholds[0] / threshold) ** 2
        paths.append(
            HltPath(f"{name.format(threshold)}_v1", stream, probability * falling, prescale)
        )
    return tuple(paths)


PATHS: Final[tuple[HltPath, ...]] = (
    HltPath("HLT_ZeroBias_v1", "Physics", 0.4, 16),
    HltPath("HLT_Physics_v1", "Physics", 0.3, 8),
    HltPath("HLT_Random_v1", "Calibration", 0.03),
    HltPath("HLT_EcalCalibration_v1", "Calibration", 0.02),
    HltPath("HLT_HcalCalibration_v1", "Calibration", 0.02),
    *_family("HLT_IsoMu{}", "Physics", 0.12, (20, 24, 27), prescaled=True),
    *_family("HLT_Mu{}", "Physics", 0.08, (20, 27, 50), prescaled=True),
    HltPath("HLT_Mu17_TrkIsoVVL_Mu8_TrkIsoVVL_DZ_Mass8_v1", "Express", 0.03),
    *_family("HLT_Ele{}_WPTight_Gsf", "Physics", 0.12, (27, 30, 32, 35), prescaled=True),
    HltPath("HLT_Ele23_Ele12_CaloIdL_TrackIdL_IsoVL_v1", "Express", 0.03),
    *_family("HLT_Photon{}", "Physics", 0.10, (33, 50, 75, 90, 120, 150, 200), prescaled=True),
    *_family("HLT_PFJet{}", "Physics", 0.25, (40, 60, 80, 140, 200, 320, 500), prescaled=True),
    HltPath("HLT_PFHT1050_v1", "Physics", 0.03, follows=True),
    HltPath("HLT_PFMET120_PFMHT120_IDTight_v1", "Physics", 0.04, follows=True),
    HltPath("HLT_LooseDeepTauPFTauHPS180_L2NN_eta2p1_v1", "Physics", 0.03),
    HltPath("HLT_AK8PFJet400_SoftDropMass40_v1", "Physics", 0.03, follows=True),
    HltPath("HLT_QuadPFJet70_50_40_30_v1", "Physics", 0.05, follows=True),
    HltPath("HLT_DoubleMu4_3_LowMass_v1", "Physics", 0.06, follows=True),
    HltPath("HLT_ExpressMuons_v1", "Express", 0.04, 4),
    HltPath("DST_PFScouting_JetHT_v1", "Scouting", 0.5, follows=True),
    HltPath("DST_PFScouting_DoubleMuon_v1", "Scouting", 0.2, follows=True),
    HltPath("DQM_PixelReconstruction_v1", "DQM", 0.1, follows=True),
    HltPath("DQM_EcalReconstruction_v1", "DQM", 0.1, follows=True),
    HltPath("DQM_HcalReconstruction_v1", "DQM", 0.1, follows=True),
)
"""Paths 0, 1, ..."""

_NAMES: Final = tuple(path.name for path in PATHS)
_STREAM_OF: Final = np.array([STREAMS.index(path.stream) for path in PATHS], np.uint8)
_FOLLOWS: Final = np.array([path.follows for path in PATHS])
PASS_THROUGH: Final = _NAMES.index("HLT_Physics_v1")
"""The path that accepts what no other does."""


def path_probabilities(
    prescale_index: int, pileup: float = INITIAL_PILEUP
) -> npt.NDArray[np.float64]:
    """Probability of each path in a column of prescales, at a pile-up: float64[paths]."""
    fired = np.where(_FOLLOWS, pileup / INITIAL_PILEUP, 1.0) * _alone(prescale_index)
    fired[PASS_THROUGH] += np.prod(1 - fired)
    return fired


def _alone(prescale_index: int) -> npt.NDArray[np.float64]:
    """Probability of each path at pile-up 60, whatever the others do."""
    return np.array(
        [path.probability / max(path.prescale // 2**prescale_index, 1) for path in PATHS]
    )


_ALONE: Final = tuple(_alone(column) for column in range(PRESCALE_COLUMNS))


class HltPaths(Collection):
    """Paths that accepted the event."""

    name = "hlt"
    members: ClassVar[Mapping[str, pa.DataType]] = {"path": pa.uint16()}
    cells = Cells({"path": np.arange(len(PATHS), dtype=np.uint16)}, weights=path_probabilities(0))
    mean = float(path_probabilities(0).sum())
    once_per_event = True
    labels: ClassVar[Mapping[str, tuple[str, ...]]] = {"path": _NAMES}

    def rows(self, rng: np.random.Generator, crossings: Crossings) -> Rows:
        probability = _ALONE[crossings.prescale_index]
        pileup = crossings.pileup[:, np.newaxis] / np.float32(INITIAL_PILEUP)
        expected = np.where(_FOLLOWS, probability * pileup, probability)
        fired = rng.random(expected.shape, dtype=np.float32) < expected
        fired[~fired.any(axis=1), PASS_THROUGH] = True
        return Rows(fired.sum(axis=1), {"path": np.nonzero(fired)[1].astype(np.uint16)})

    def draw(self, rng: np.random.Generator, n: int, at: Address = ()) -> Members:
        return self.cells.members(self.cells.draw(rng, n, at))


class HltStreams(Derived):
    """Streams the event is written to: those of its paths."""

    name = "hlt_stream"
    members: ClassVar[Mapping[str, pa.DataType]] = {"stream": pa.uint8()}
    inputs = ("hlt",)
    labels: ClassVar[Mapping[str, tuple[str, ...]]] = {"stream": STREAMS}

    def rows(self, *inputs: Rows) -> Rows:
        (paths,) = inputs
        written = np.zeros((len(paths.counts), len(STREAMS)), np.bool_)
        written[event_numbers(paths), _STREAM_OF[paths.members["path"]]] = True
        return Rows(written.sum(axis=1), {"stream": np.nonzero(written)[1].astype(np.uint8)})
