"""What has to read out in the synthetic detector, for each workspace that shows it."""

from collections.abc import Mapping
from typing import Final

from dqmstream.sources.synthetic import SUBSYSTEMS

__all__ = ["READ_OUT"]

READ_OUT: Final[Mapping[str, tuple[str, ...]]] = {name: (name,) for name in SUBSYSTEMS} | {
    "pixel_comparison": ("pixel", "pixel_new"),
    "dt": ("muon",),
    "csc": ("muon",),
    "rpc": ("muon",),
    "l1t_emulator": ("l1t", "l1t_emulator"),
}
"""Workspace to the subsystems it shows."""
