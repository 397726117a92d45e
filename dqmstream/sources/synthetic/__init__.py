"""A synthetic detector: reproducible events with known shapes, and with faults on a schedule.

Columns of an event: `event` (uint64, unique in the run), `bunch_crossing` (uint16, 1 to 3564),
`orbit` (uint32), `time` (int64, ns since the start of the lumisection), and those of the
subsystems that read out:

================ =================================================================================
subsystem        columns
================ =================================================================================
`pixel`          `pixel`, `pixel_disk`: clusters through the present readout chain
`pixel_new`      `pixel_new`, `pixel_new_disk`: the same through the new chain; with both chains
                 `pixel_mismatch`, `pixel_disk_mismatch`
`sistrip`        `sistrip`
`ecal`, `hcal`   `ecal`; `hcal`
`muon`           `muon`, `dt`, `csc`, `rpc`
`gem`            `gem`
`l1t`            `l1t`, `l1t_jet`, `l1t_eg`, `l1t_tau`, `l1t_muon`, `l1t_sum`
`l1t_emulator`   `l1t_emulator`, `l1t_emulator_jet`, ...: the same, emulated; with both
                 `l1t_mismatch`, `l1t_jet_mismatch`, ...
`hlt`            `hlt`, `hlt_stream`, `prescale_index`
`bril`           `bril`, `luminometer`, `pileup`, `vertices`
`ctpps`          `ctpps_pixel`, `ctpps_timing`
`castor`         `castor`
================ =================================================================================

The modules of the subsystems state each member's shape and source.
"""

from dqmstream.sources.synthetic.conditions import synthetic_conditions
from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.detector import SyntheticChunk, SyntheticDetector
from dqmstream.sources.synthetic.faults import DeadModule, Fault, HotChannel, parse_fault
from dqmstream.sources.synthetic.fill import Fill
from dqmstream.sources.synthetic.scenario import Scenario, read_scenario, shipped_scenarios
from dqmstream.sources.synthetic.subsystem import SUBSYSTEMS
from dqmstream.sources.synthetic.truth import truth, write_truth

__all__ = [
    "SUBSYSTEMS",
    "DeadModule",
    "Fault",
    "Fill",
    "HotChannel",
    "Scenario",
    "SyntheticChunk",
    "SyntheticConfig",
    "SyntheticDetector",
    "parse_fault",
    "read_scenario",
    "shipped_scenarios",
    "synthetic_conditions",
    "truth",
    "write_truth",
]
