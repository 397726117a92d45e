"""What has happened to each LS, gathered from the topics: the progress line of `demo`.

Pure: messages in, finished lines out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from dqmstream.fold.merged_account import MergedAccount, merge_accounts
from dqmstream.messages.histograms import Account, HistogramSet
from dqmstream.messages.quality import Outcome, QualityReports

__all__ = ["LumisectionLine", "RunProgress"]


class LumisectionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One LS, closed and judged in all its workspaces.

    `rate` is selected events per second of data taking; `outcomes` counts the reports of the LS.
    """

    run: int
    lumisection: int
    seen: int
    selected: int
    dropped: int
    refused: int
    missing: tuple[str, ...]
    notes: dict[str, int]
    rate: float
    outcomes: dict[str, int]

    def text(self) -> str:
        """The line as people read it."""
        order = [outcome.value for outcome in Outcome]
        counts = ", ".join(
            f"{self.outcomes[name]} {name}" for name in order if self.outcomes.get(name)
        )
        parts = [
            f"run {self.run} LS {self.lumisection:>4}",
            f"{self.selected:>8} events",
            f"{self.rate:>9.1f} Hz",
            counts or "no quality tests",
        ]
        losses = {"dropped": self.dropped, "refused chunks": self.refused, **self.notes}
        parts += [f"{count} {name}" for name, count in losses.items() if count]
        parts += [f"missing {name}" for name in self.missing]
        return "  ".join(parts)


@dataclass(slots=True)
class _Lumisection:
    """What is known of one LS so far. All workspaces share one account; the first is kept."""

    accounts: dict[int, Account] = field(default_factory=dict)
    closed: dict[str, set[int]] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)
    outcomes: Counter[str] = field(default_factory=Counter)
    partitions: int = 0
    told: bool = False


class RunProgress:
    """Follows one set.

    Parameters
    ----------
    booking_set
        Hash of the set; others are ignored.
    workspaces
        Its workspaces: an LS is told when all of them are closed and judged.
    seconds
        Length of an LS in seconds of data taking.
    """

    def __init__(self, booking_set: str, workspaces: Sequence[str], seconds: float) -> None:
        self._set = booking_set
        self._workspaces = frozenset(workspaces)
        self._seconds = seconds
        self._lumisections: dict[tuple[int, int], _Lumisection] = {}

    def take(self, message: HistogramSet | QualityReports) -> LumisectionLine | None:
        """Note a message; the line of its LS if that made it finished."""
        if message.set != self._set:
            return None
        key = (message.run, message.lumisection)
        known = self._lumisections.setdefault(key, _Lumisection())
        if isinstance(message, QualityReports):
            if (
                message.scope == "lumisection"
                and message.closed
                and message.workspace not in known.judged
            ):
                known.judged.add(message.workspace)
                known.outcomes.update(report.outcome.value for report in message.reports)
        elif message.segment == 0 and message.closed:
            known.partitions = message.partitions
            known.accounts[message.partition] = message.account
            known.closed.setdefault(message.workspace, set()).add(message.partition)
        if known.told or not self._finished(known):
            return None
        known.told = True
        return self._line(key, known)

    def _finished(self, known: _Lumisection) -> bool:
        return (
            known.partitions > 0
            and self._workspaces <= known.judged
            and all(
                len(known.closed.get(workspace, ())) == known.partitions
                for workspace in self._workspaces
            )
        )

    def _line(self, key: tuple[int, int], known: _Lumisection) -> LumisectionLine:
        account: MergedAccount = merge_accounts(known.accounts.values())
        return LumisectionLine(
            run=key[0],
            lumisection=key[1],
            seen=account.seen,
            selected=account.selected,
            dropped=account.dropped,
            refused=sum(account.refused.values()),
            missing=account.missing,
            notes=dict(account.notes),
            rate=account.selected / self._seconds,
            outcomes=dict(known.outcomes),
        )
