"""Pixel through the new readout chain: the elements of `pixel`, under `PixelNew`."""

from typing import Final

from dqmstream.booking import Workspace
from dqmstream.workspaces.pixel import Chain, chain_elements

__all__ = ["NEW_CHAIN", "workspace"]

NEW_CHAIN: Final = Chain("PixelNew", "pixel_new", "pixel_new_disk")
"""The readout chain that is to replace the present one."""

workspace = Workspace(
    "pixel_new",
    "Pixel barrel and disks through the new readout chain, beside the present one.",
    chain_elements(NEW_CHAIN),
)
