"""The truth of a synthetic run: what was broken when, for judging alarms by."""

from pathlib import Path
from typing import Any

import msgspec

from dqmstream.sources.synthetic.config import SyntheticConfig
from dqmstream.sources.synthetic.faults import Fault, HotChannel, ObjectFault

__all__ = ["truth", "write_truth"]


def truth(config: SyntheticConfig) -> dict[str, Any]:
    """What is known of a run: its settings, and each fault with the lumisections that have it.

    A fault that lies wholly after the end of the run has an empty list of lumisections' bounds.
    """
    return {
        "run": config.run,
        "seed": config.seed,
        "lumisections": config.lumisections,
        "events_per_lumisection": config.events,
        "subsystems": sorted(set(config.subsystems)),
        "faults": [_described(fault, config.lumisections) for fault in config.faults],
    }


def _described(fault: Fault, lumisections: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "fault": str(fault),
        "kind": fault.kind,
        "lumisections": list(fault.within(lumisections) or ()),
    }
    if isinstance(fault, ObjectFault):
        described |= {"collection": fault.collection, "address": dict(fault.where)}
    if isinstance(fault, HotChannel):
        described["factor"] = fault.factor
    return described


def write_truth(config: SyntheticConfig, path: Path) -> None:
    """Write `truth` as one JSON document; the folder must be there."""
    encoded = msgspec.json.format(msgspec.json.encode(truth(config)), indent=2)
    path.write_bytes(encoded + b"\n")
