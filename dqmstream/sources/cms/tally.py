"""Counting while one file is read: nothing of it is lost silently, and nothing grows with it."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import UnknownClass
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import EventMessage, InitMessage
from dqmstream.sources.cms.pair import StreamerPair
from dqmstream.sources.cms.report import (
    NAMED_FLAWS,
    OTHER_CLASSES,
    OTHER_HOSTS,
    EventCounts,
    FileReport,
    Finding,
)

__all__ = ["Tally", "printable"]

_LONGEST_NAME: Final = 100
"""Characters of a name in a note."""


class Tally:
    """Counts while one file is read; `report` gives the account so far."""

    def __init__(self, path: str, limits: Limits) -> None:
        self._limits = limits
        self._base = FileReport(path=path)
        self._metadata: dict[int, None] = {}
        self._refused: Counter[str] = Counter()
        self._flaws: Counter[str] = Counter()
        self._findings: list[Finding] = []
        self._unknown: Counter[str] = Counter()
        self._named: dict[str, Counter[str]] = {reason: Counter() for reason in NAMED_FLAWS}
        self._hosts: Counter[str] = Counter()
        self.messages = 0
        self.events = 0
        self.selected = 0
        self.unselected = 0
        self.prescaled = 0
        self.refused_events = 0
        self.metadata_messages = 0

    def counts(self) -> EventCounts:
        """What became of the events so far."""
        return EventCounts(
            self.events, self.selected, self.unselected, self.prescaled, self.refused_events
        )

    def know(self, **facts: object) -> None:
        """Note fields of the report that are facts, not counts."""
        self._base = msgspec.structs.replace(self._base, **facts)

    def know_pair(self, pair: StreamerPair) -> None:
        """Note which files are read, and what their name and the `.jsn` say."""
        self.know(
            path=str(pair.dat or pair.jsn_path),
            jsn_path=str(pair.jsn_path) if pair.jsn_path else None,
            jsn=pair.jsn,
            lumisection=pair.named,
            named=pair.named,
            stream=pair.name.stream if pair.name else "",
        )

    def know_content(self, content: LumisectionId | None, lumisection_from: str) -> None:
        """Note what the events say, and decide which lumisection they count for."""
        named = self._base.named
        by_name = named is not None and (lumisection_from == "name" or content is None)
        self.know(content=content, lumisection=named if by_name else content)
        if not by_name and named not in {None, content}:
            self.flaw("renamed", f"the name says {named}, the events {content}")

    def know_init(self, init: InitMessage) -> None:
        """Note what the INIT says."""
        self.know(
            release=init.release,
            process=init.process,
            output_module=init.output_module,
            hlt_paths=init.hlt_paths,
        )

    def refuse(self, error: SourceError, offset: int | None = None) -> None:
        """Count a refusal of `REFUSALS`."""
        self._refused[error.reason] += 1
        self._find(error.reason, error.detail, offset)

    def flaw(self, reason: str, detail: str) -> None:
        """Count a flaw of `FLAWS`."""
        self._flaws[reason] += 1
        self._find(reason, detail, None)

    def unknown_auxiliary(self, event: int, found: UnknownClass) -> None:
        """Count an event whose auxiliary is not read; in words only the first of each class."""
        label = found.label
        if label in self._unknown or len(self._unknown) >= self._limits.max_details:
            self._flaws["auxiliary_unknown"] += 1
            label = label if label in self._unknown else OTHER_CLASSES
        else:
            self.flaw("auxiliary_unknown", f"event {event}: {label}: {found.detail}")
        self._unknown[label] += 1

    def left_out(self, reason: str, found: Mapping[str, int]) -> None:
        """Count products of events that are not used, by a flaw of `NAMED_FLAWS` and a name."""
        known = self._named[reason]
        for name, count in sorted(found.items()):
            label = printable(name)
            if label not in known and len(known) >= self._limits.max_details:
                label = OTHER_CLASSES
            elif label not in known:
                self._find(reason, label, None)
            known[label] += count
            self._flaws[reason] += count

    def _find(self, reason: str, detail: str, offset: int | None) -> None:
        if len(self._findings) < self._limits.max_details:
            self._findings.append(Finding(reason=reason, detail=detail, offset=offset))

    def metadata(self, message: EventMessage) -> None:
        """Count an event-meta-data message."""
        self.metadata_messages += 1
        if len(self._metadata) < self._limits.max_details:
            self._metadata[message.adler32] = None

    def select(self, host: str) -> None:
        """Count a selected event, also for the host it came from."""
        self.selected += 1
        known = host in self._hosts or len(self._hosts) < self._limits.max_hosts
        self._hosts[host if known else OTHER_HOSTS] += 1

    def report(self) -> FileReport:
        """The account so far."""
        return msgspec.structs.replace(
            self._base,
            messages=self.messages,
            events=self.events,
            selected=self.selected,
            unselected=self.unselected,
            prescaled=self.prescaled,
            refused_events=self.refused_events,
            metadata_messages=self.metadata_messages,
            metadata_checksums=tuple(self._metadata),
            refused=dict(self._refused),
            flaws=dict(self._flaws),
            unknown_classes=dict(self._unknown),
            named_flaws={reason: dict(found) for reason, found in self._named.items() if found},
            findings=tuple(self._findings),
            hosts=dict(self._hosts),
        )


def printable(name: str) -> str:
    """A name out of a file as it may stand in a log: printable ASCII, and not long."""
    text = ascii(name)[1:-1]
    return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 3]}..."
