"""Faults on a schedule: what is broken, from which lumisection to which, and how it is written.

As text, for the command line::

    dead:pixel:layer1/module37@5-            no cluster in that module from LS 5 on
    dead:ecal:supermodule12*0.3@5-9          three of ten hits in that supermodule from LS 5 to 9
    hot:ecal:ieta10/iphi200*50@7             that crystal counts 50 times its share in LS 7
    burst:hcal:iphi12*30~5-6.5@7             noise in a wedge for 1.5 s of LS 7
    timing:ecal:supermodule12+3.5ns@5-       hits there 3.5 ns late
    timing:l1t_eg-25ns@5-                    candidates one crossing early
    trip:dt:wheel-1/sector4~3@5-9            high voltage off in LS 5 and 6, ramping back in 7 to 9
    gain:pixel:layer1-0.5%@5-                charge falls by 0.5 % with each LS
    rate*0.3@5-9                             three of ten events
    prescale:0@5-9                           column 0 of prescales, whatever the fill asks for
    mismatch:l1t_jet*0.02@5-                 in 2 % of events jets differ from the emulator's
    missing:bu2@5-                           the source stops after LS 4; from LS 1: never comes
    late:bu2+4@5-9                           LSs 5 to 9 of the source come 4 LSs late
    repeat:bu2*2@5-9                         each chunk of the source is sent twice
    altered:bu2@5                            and once more under the same number, with another body

The address names members of the collection and their values, all of which hold: `layer1` is a
whole layer, `layer1/module37` one module of it. In a scenario the same is a table::

    [[fault]]
    kind = "timing"
    collection = "ecal"
    address = "supermodule12"
    shift_ns = 3.5
    first = 5

Faults of objects draw from a generator of their own in each block of events: one seed gives one
broken run, to the bit, at any size of chunks.
"""

from dqmstream.sources.synthetic.faults.dead import DeadModule, VoltageTrip
from dqmstream.sources.synthetic.faults.disagreement import Disagreement
from dqmstream.sources.synthetic.faults.fault import Fault, SourceFault
from dqmstream.sources.synthetic.faults.noise import HotChannel, NoiseBurst
from dqmstream.sources.synthetic.faults.objects import ObjectFault
from dqmstream.sources.synthetic.faults.running import PrescaleChange, RateDrop
from dqmstream.sources.synthetic.faults.shifts import GainDrift, TimingShift
from dqmstream.sources.synthetic.faults.sources import (
    AlteredChunks,
    LateSource,
    MissingSource,
    RepeatedChunks,
    SourceTroubles,
)
from dqmstream.sources.synthetic.faults.written import KINDS, fault_of_table, parse_fault

__all__ = [
    "KINDS",
    "AlteredChunks",
    "DeadModule",
    "Disagreement",
    "Fault",
    "GainDrift",
    "HotChannel",
    "LateSource",
    "MissingSource",
    "NoiseBurst",
    "ObjectFault",
    "PrescaleChange",
    "RateDrop",
    "RepeatedChunks",
    "SourceFault",
    "SourceTroubles",
    "TimingShift",
    "VoltageTrip",
    "fault_of_table",
    "parse_fault",
]
