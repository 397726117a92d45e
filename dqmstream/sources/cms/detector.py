"""What records and raw data of CMS number: high-voltage partitions, Roman pots, FEDs.

Source: CMSSW `DataFormats/OnlineMetaData/interface/{DCSRecord,CTPPSRecord}.h`,
`DataFormats/FEDRawData/interface/FEDNumbering.h`.
"""

from typing import Final

__all__ = ["FEDS", "PARTITIONS", "POTS"]

FEDS: Final = 4097
"""FEDs have the numbers 0 to 4096: FEDRawDataCollection has a place for each."""

# fmt: off
PARTITIONS: Final = (
    "EBp", "EBm", "EEp", "EEm", "HBHEa", "HBHEb", "HBHEc", "HF", "HO", "RPC", "DT0", "DTp", "DTm",
    "CSCp", "CSCm", "CASTOR", "ZDC", "TIBTID", "TOB", "TECp", "TECm", "BPIX", "FPIX", "ESp", "ESm",
    "GEMp", "GEMm",
)
"""High-voltage partitions, in the order of their bits; columns and conditions have lower case."""
_POTS_OF_ARM: Final = (
    "210_FR_BT", "210_FR_HR", "210_FR_TP", "220_C1", "220_FR_BT", "220_FR_HR", "220_FR_TP",
    "220_NR_BT", "220_NR_HR", "220_NR_TP",
)
# fmt: on
POTS: Final = tuple(f"{arm}_{pot}" for arm in ("45", "56") for pot in _POTS_OF_ARM)
"""Roman pots, in the order of their bits."""
