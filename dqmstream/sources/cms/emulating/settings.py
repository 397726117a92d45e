"""What an emulated data taking is like, and what goes wrong in it."""

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.runkey import DEFAULT_RUN_KEY, RUN_KEYS
from dqmstream.sources.cms.source import LUMISECTION_SECONDS

__all__ = ["EmulationSettings"]


class EmulationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds are of data taking; how fast they pass is for whoever performs the plan.

    Parameters
    ----------
    run, runs
        Number of the first run, and how many there are, one after another.
    lumisections, seconds
        LSs of a run, and their length.
    run_key
        Kind of run, as the hidden file of the run says.
    seed
        Another seed, other faults.
    missing, truncated, half_written, out_of_order, late
        Probabilities that the file of an LS never comes; that its data file ends too early; that
        its `.jsn` is first seen half written; that it comes up to three LSs too late; that it
        comes `late_seconds` too late.
    no_end
        Probability that a run has no end-of-run file.
    late_seconds
        How late a late file is.
    keep
        Files of so many LSs are kept, older ones are deleted; None keeps all.

    Raises
    ------
    ConfigurationError
        If a number is out of range or the run key is not known.
    """

    run: int = 500001
    runs: int = 1
    lumisections: int = 20
    seconds: float = LUMISECTION_SECONDS
    run_key: str = DEFAULT_RUN_KEY
    seed: int = 1
    missing: float = 0.0
    truncated: float = 0.0
    half_written: float = 0.0
    out_of_order: float = 0.0
    late: float = 0.0
    no_end: float = 0.0
    late_seconds: float = 300.0
    keep: int | None = None

    def __post_init__(self) -> None:
        for name in ("run", "runs", "lumisections", "keep"):
            value = getattr(self, name)
            if value is not None and value < 1:
                msg = f"emulation: {name} is {value}, expected at least 1"
                raise ConfigurationError(msg)
        for name in ("seconds", "late_seconds"):
            if not 0 < getattr(self, name) < float("inf"):
                msg = f"emulation: {name} is {getattr(self, name)}, expected a number above 0"
                raise ConfigurationError(msg)
        chances = ("missing", "truncated", "half_written", "out_of_order", "late", "no_end")
        for name in chances:
            if not 0 <= getattr(self, name) <= 1:
                msg = f"emulation: {name} is {getattr(self, name)}, expected a probability"
                raise ConfigurationError(msg)
        if self.missing + self.out_of_order + self.late > 1:
            msg = "emulation: missing, out_of_order and late exclude each other, and exceed 1"
            raise ConfigurationError(msg)
        if self.run_key not in RUN_KEYS:
            known = ", ".join(sorted(RUN_KEYS))
            msg = f"emulation: run key {self.run_key!r}, expected one of {known}"
            raise ConfigurationError(msg)
