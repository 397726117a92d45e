"""Which events a source passes on: by HLT path names and by prescale.

A list of paths means what `SelectEvents` means to CMSSW (`FWCore/Framework/src/EventSelector.cc`):
an event is selected when **any** entry is met. `NAME` is met when a matching path passed; `!NAME`
when the path ran and failed, and with several matching paths when all of them failed.
"""

import re
from collections.abc import Sequence

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.states import failed_bits, passed_bits

__all__ = ["HltSelection", "MenuSelection", "kept_by_prescale"]

_ENTRY = re.compile(r"!?[\w*?]+", re.ASCII)
_MASK64 = (1 << 64) - 1


class HltSelection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Selection at the source, before anything of an event is sent.

    Parameters
    ----------
    paths
        Path names with the wildcards `*` and `?`, a leading `!` negates; none: every event.
    prescale
        Keep about one of this many selected events: which ones depends on nothing but the event
        number, so two readers of the same file, or of its halves, keep the same events.

    Raises
    ------
    ConfigurationError
        If an entry is no path name or the prescale is below 1.
    """

    paths: tuple[str, ...] = ()
    prescale: int = 1

    def __post_init__(self) -> None:
        for entry in self.paths:
            if not _ENTRY.fullmatch(entry):
                msg = f"HLT path {entry!r}: expected letters, digits, _, wildcards * ?, leading !"
                raise ConfigurationError(msg)
        if self.prescale < 1:
            msg = f"prescale is {self.prescale}, expected 1 (all events) or more"
            raise ConfigurationError(msg)

    @property
    def takes_all(self) -> bool:
        """Whether every event is kept."""
        return not self.paths and self.prescale == 1

    def on_menu(self, hlt_paths: Sequence[str]) -> "MenuSelection":
        """This selection for events whose bits follow `hlt_paths`, the order of the INIT."""
        return MenuSelection(self, hlt_paths)


class MenuSelection:
    """A selection resolved to the bits of one trigger menu.

    `unmatched` lists the entries that match no path of the menu; they are never met.
    """

    def __init__(self, selection: HltSelection, hlt_paths: Sequence[str]) -> None:
        self._paths = len(hlt_paths)
        self._everything = not selection.paths
        self._prescale = selection.prescale
        self._any_passed = 0
        self._any_failed = 0
        self._all_failed: list[int] = []
        unmatched = []
        for entry in selection.paths:
            matched = _matching_bits(entry.removeprefix("!"), hlt_paths)
            if not matched:
                unmatched.append(entry)
            elif not entry.startswith("!"):
                self._any_passed |= matched
            elif matched.bit_count() == 1:
                self._any_failed |= matched
            else:
                self._all_failed.append(matched)
        self.unmatched = tuple(unmatched)

    def accepts(self, hlt_bits: bytes) -> bool:
        """Whether an event with these HLT bits meets any entry."""
        if self._everything or passed_bits(hlt_bits, self._paths) & self._any_passed:
            return True
        if not (self._any_failed or self._all_failed):
            return False
        failed = failed_bits(hlt_bits, self._paths)
        return bool(failed & self._any_failed) or any(
            failed & group == group for group in self._all_failed
        )

    def keeps(self, event: int) -> bool:
        """Whether the prescale keeps the event of this number."""
        return kept_by_prescale(event, self._prescale)


def _matching_bits(pattern: str, hlt_paths: Sequence[str]) -> int:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    matches = re.compile(expression).fullmatch
    return sum(1 << (2 * number) for number, name in enumerate(hlt_paths) if matches(name))


def kept_by_prescale(event: int, prescale: int) -> bool:
    """Whether an event is among the one in `prescale` that are kept.

    The event number is mixed first (finaliser of splitmix64): event numbers are shared out among
    machines in regular patterns, and a plain remainder would pick machines instead of events.
    """
    if prescale == 1:
        return True
    mixed = (event + 0x9E3779B97F4A7C15) & _MASK64
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK64
    return (mixed ^ (mixed >> 31)) % prescale == 0
