"""References for tests: complete ones, with what a test is not about filled in."""

from typing import Any

from dqmstream.messages.operations import Conditions
from dqmstream.messages.references import Reference
from dqmstream.quality.inputs import Wanted
from dqmstream.references.identity import named

DAY = 86_400 * 10**9


def reference(name: str = "golden", number: int = 1, **fields: Any) -> Reference:
    """An accepted reference of workspace `pixel`, with the id of its fields."""
    given: dict[str, Any] = {
        "workspace": "pixel",
        "kind": "lumisections",
        "digest": "0" * 32,
        "size": 10,
        "parts": 1,
        "made": number * DAY,
        "status": "accepted",
        "changed": number * DAY,
        "who": "expert",
        "why": "looked at",
        "owner": "pixel experts",
        "reason": "certified",
    }
    return named(Reference(id="", name=name, number=number, **(given | fields)))


def wanted(path: str = "pixel/charge", **fields: Any) -> Wanted:
    """What a test asks for of LS 7 of run 400001."""
    given: dict[str, Any] = {
        "kind": "histogram",
        "workspace": "pixel",
        "run": 400_001,
        "lumisection": 7,
        "conditions": Conditions(
            run=400_001,
            lumisection=7,
            run_type="pp_run",
            beam_mode="STABLE BEAMS",
            prescale_name="2p0E34",
            energy=6800.0,
        ),
        "moment": 100 * DAY,
    }
    return Wanted(path=path, **(given | fields))
