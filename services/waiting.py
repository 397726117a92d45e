"""How long fillers beside a watcher wait: longer than it does for a file that has not come."""

from typing import Final

from services.settings import Settings
from services.settings_layers import InForce

__all__ = ["waiting_longer"]

_LONGER: Final = 60.0
"""Seconds that fillers wait on: for a given-up LS to be said, and for what was read meanwhile."""
_TIMEOUTS: Final = {
    "lumisection_timeout": "its LS may be closed before, and what is sent of it then is late",
    "run_timeout": "the run may be closed before, and what is sent of it then is late",
}


def waiting_longer(in_force: InForce, missing_timeout: float) -> tuple[Settings, tuple[str, ...]]:
    """Settings under which nothing is closed while a file is waited for, and what is against that.

    A time-out that somebody has set stays as it is, and is told of in a sentence if it is not
    longer than `missing_timeout` seconds.
    """
    settings, origins = in_force
    enough = missing_timeout + _LONGER
    lumisection, run = settings.lumisection_timeout, settings.run_timeout
    if origins["lumisection_timeout"] == "default":
        lumisection = max(lumisection, enough)
    if origins["run_timeout"] == "default":
        run = max(run, lumisection, enough)
    # A run cannot end before its LSs close.
    longer = {"lumisection_timeout": min(lumisection, run), "run_timeout": run}
    warnings = [
        f"{name} is {longer[name]:g} s ({origins[name]}), and a file is waited for up to "
        f"{missing_timeout:g} s (--missing-timeout): {outcome}"
        for name, outcome in _TIMEOUTS.items()
        if origins[name] != "default" and longer[name] <= missing_timeout
    ]
    return settings.model_copy(update=longer), tuple(warnings)
