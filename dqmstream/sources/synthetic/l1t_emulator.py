"""The emulator of the level-1 trigger: what software makes of the trigger's own inputs.

CMS runs a bit-exact emulator of its trigger on the inputs that were read out, and compares event by
event: the same objects are expected, to the bit. So a healthy `l1t_emulator_jet` equals `l1t_jet`
in every event, and so on for `_eg`, `_tau`, `_muon` and `_sum`; `l1t_emulator` has the bits. What
only one of them has is in `l1t_mismatch`, `l1t_jet_mismatch`, ... with `side` -1 for data and 1
for the emulator.
"""

from dqmstream.sources.synthetic.comparison import Mismatch
from dqmstream.sources.synthetic.l1t import (
    TriggerBits,
    TriggerElectrons,
    TriggerJets,
    TriggerMuons,
    TriggerSums,
    TriggerTaus,
)

__all__ = [
    "BitMismatch",
    "ElectronMismatch",
    "EmulatedBits",
    "EmulatedElectrons",
    "EmulatedJets",
    "EmulatedMuons",
    "EmulatedSums",
    "EmulatedTaus",
    "JetMismatch",
    "MuonMismatch",
    "SumMismatch",
    "TauMismatch",
]


class EmulatedBits(TriggerBits):
    """Bits as the emulator has them."""

    name = "l1t_emulator"
    seen_by = "l1t"


class EmulatedJets(TriggerJets):
    """Jets as the emulator has them."""

    name = "l1t_emulator_jet"
    seen_by = "l1t_jet"


class EmulatedElectrons(TriggerElectrons):
    """Electron/photon candidates as the emulator has them."""

    name = "l1t_emulator_eg"
    seen_by = "l1t_eg"


class EmulatedTaus(TriggerTaus):
    """Tau candidates as the emulator has them."""

    name = "l1t_emulator_tau"
    seen_by = "l1t_tau"


class EmulatedMuons(TriggerMuons):
    """Muon candidates as the emulator has them."""

    name = "l1t_emulator_muon"
    seen_by = "l1t_muon"


class EmulatedSums(TriggerSums):
    """Energy sums as the emulator has them."""

    name = "l1t_emulator_sum"
    seen_by = "l1t_sum"


class BitMismatch(Mismatch):
    """Bits of only one of both."""

    name = "l1t_mismatch"
    inputs = ("l1t", "l1t_emulator")
    compared = TriggerBits.members
    kept = ("bit",)
    labels = TriggerBits.labels


class _CandidateMismatch(Mismatch):
    """Candidates of only one of both."""

    compared = TriggerJets.members
    kept = tuple(TriggerJets.members)


class JetMismatch(_CandidateMismatch):
    """Jets of only one of both."""

    name = "l1t_jet_mismatch"
    inputs = ("l1t_jet", "l1t_emulator_jet")


class ElectronMismatch(_CandidateMismatch):
    """Electron/photon candidates of only one of both."""

    name = "l1t_eg_mismatch"
    inputs = ("l1t_eg", "l1t_emulator_eg")


class TauMismatch(_CandidateMismatch):
    """Tau candidates of only one of both."""

    name = "l1t_tau_mismatch"
    inputs = ("l1t_tau", "l1t_emulator_tau")


class MuonMismatch(Mismatch):
    """Muon candidates of only one of both."""

    name = "l1t_muon_mismatch"
    inputs = ("l1t_muon", "l1t_emulator_muon")
    compared = TriggerMuons.members
    kept = tuple(TriggerMuons.members)


class SumMismatch(Mismatch):
    """Energy sums of only one of both."""

    name = "l1t_sum_mismatch"
    inputs = ("l1t_sum", "l1t_emulator_sum")
    compared = TriggerSums.members
    kept = ("type", "et")
    labels = TriggerSums.labels
