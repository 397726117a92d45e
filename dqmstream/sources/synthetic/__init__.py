"""A synthetic detector: reproducible events with known shapes, and with faults on a schedule.

Columns of an event: `event` (uint64, unique in the run), `bunch_crossing` (uint16, 1 to 3564),
`orbit` (uint32), `time` (int64, ns since the start of the lumisection), and those of the
subsystems that read out: `pixel`; `ecal`; `muon`, `dt`, `csc`, `rpc`; `l1t`, `l1t_jet`, `l1t_eg`;
`bril`, `pileup`, `vertices`. The modules of the subsystems state each member's shape and source.
"""

from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticChunk, SyntheticDetector
from dqmstream.sources.synthetic.faults import DeadModule, Fault, HotChannel, parse_fault
from dqmstream.sources.synthetic.subsystem import SUBSYSTEMS
from dqmstream.sources.synthetic.truth import truth, write_truth

__all__ = [
    "SUBSYSTEMS",
    "DeadModule",
    "Fault",
    "HotChannel",
    "SyntheticChunk",
    "SyntheticConfig",
    "SyntheticDetector",
    "parse_fault",
    "truth",
    "write_truth",
]
