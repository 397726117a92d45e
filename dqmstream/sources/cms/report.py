"""What was found in one file: counts by name, nothing lost silently.

Two things are told apart. **Refused** is what was not used: a message, or a whole file that cannot
be read. A **flaw** is something wrong with the file as a whole while its events are used all the
same, because each payload has a checksum of its own.
"""

from typing import NamedTuple

import msgspec

from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.jsn import Jsn

__all__ = [
    "FLAWS",
    "NAMED_FLAWS",
    "OTHER_CLASSES",
    "OTHER_HOSTS",
    "REFUSALS",
    "EventCounts",
    "FileReport",
    "Finding",
]

REFUSALS = {
    "auxiliary_mismatch": "an event's payload says another run, lumisection or event number",
    "event_length": "lengths inside an EVENT message contradict its size",
    "event_version": "EVENT message of another protocol version",
    "file_empty": "the data file has no bytes",
    "file_missing": "the data file, or the .jsn, is not there",
    "file_unreadable": "the operating system refuses to read the file",
    "hlt_count": "an event has another number of HLT paths than the INIT names",
    "host_name": "host name field is not 25 bytes of zero-padded printable ASCII",
    "init_changed": "a second INIT message that says something else",
    "init_checksum": "payload of the INIT does not have its checksum",
    "init_length": "lengths inside the INIT message contradict its size",
    "init_missing": "the file does not begin with an INIT message",
    "init_names": "texts or name lists of the INIT are malformed",
    "init_output_module": "id of the output module is not the CRC-32 of its label",
    "init_paths": "the INIT names more paths or L1 bits than the limit",
    "init_version": "INIT message of another protocol version",
    "jsn_file_name": "the .jsn names something else than a file beside it",
    "jsn_form": "the .jsn has none of the known field orders",
    "jsn_number": "a count, size or checksum in the .jsn is no number",
    "jsn_unreadable": "the .jsn is not a JSON object with a list of fields, or too large",
    "l1_count": "an event has another number of L1 bits than the INIT names",
    "message_code": "a message that is neither INIT nor EVENT",
    "message_size": "a message size that cannot be true; the rest of the file is unreadable",
    "other_lumisection": "an event of another run or lumisection than the file",
    "output_module": "an event of another output module than the INIT",
    "payload_checksum": "payload of an event does not have its checksum",
    "payload_compression": "payload begins as none of the known compressions",
    "payload_corrupt": "payload does not decompress",
    "payload_size": "decompressed payload has another size than the header says",
    "payload_too_large": "payload claims more bytes than the limit",
    "truncated_message": "the file ends inside a message",
}
"""Reason of each refusal, and what it means."""

FLAWS = {
    "auxiliary_unknown": "an event's time is not read: a class or version that is not known",
    "branches_unknown": "which products the events have is not read from the INIT",
    "broken_payload": "a product of an event contradicts itself, and is left out of the event",
    "event_count": "the .jsn says another number of accepted events than were found",
    "file_checksum": "Adler-32 of the file differs from the .jsn",
    "file_size": "size of the file differs from the .jsn, with and without the INIT",
    "renamed": "the name says another run or lumisection than the events",
    "selection_unmatched": "entries of the HLT selection match no path of this menu",
    "unknown_class": "a product of an event is left out: a class or version that is not known",
}
"""Reason of each flaw, and what it means."""

OTHER_HOSTS = "(others)"
OTHER_CLASSES = "(others)"
NAMED_FLAWS = ("unknown_class", "broken_payload")
"""Flaws that are noted by what they were found in: `unknown_class: reco::Track v21`."""


class EventCounts(NamedTuple):
    """Events, and what became of them: the first is the sum of the others."""

    events: int = 0
    selected: int = 0
    unselected: int = 0
    prescaled: int = 0
    refused: int = 0

    def since(self, before: "EventCounts") -> "EventCounts":
        """What was added after `before`."""
        return EventCounts(*(now - then for now, then in zip(self, before, strict=True)))


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal or flaw: reason, sentence, and the byte where the message begins, if one does."""

    reason: str
    detail: str
    offset: int | None = None


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """Account of one file.

    `events = selected + unselected + prescaled + refused_events`. `complete` is False while the
    file is being read, or when reading was given up by the reader's user.

    Parameters
    ----------
    path, jsn_path
        Data file (or what was given, when none could be told) and its `.jsn`.
    lumisection
        Run and lumisection the events are counted for: `content`, or `named` when asked so.
    content, named
        What most event headers say, and what the file name says.
    stream
        Third part of the name, as `streamDQM`; empty for other names.
    release, process, output_module, hlt_paths
        From the INIT.
    jsn
        Counts, size and checksum as the `.jsn` says.
    size, unreadable_bytes
        Bytes of the data file, and those behind a message whose size cannot be trusted.
    messages
        Messages framed, of any kind.
    events
        EVENT messages, refused ones included, meta-data messages not.
    selected, unselected, prescaled, refused_events
        What became of them.
    metadata_messages, metadata_checksums
        Event-meta-data messages and the Adler-32 of their payloads, in order, without repeats.
    refused, flaws
        Counts by reason, see `REFUSALS` and `FLAWS`.
    unknown_classes
        Events whose auxiliary is not read, by the class and version that is not known; beyond the
        limit of sentences, under `OTHER_CLASSES`.
    named_flaws
        Products of events that were left out, by flaw (of `NAMED_FLAWS`) and by class and version,
        or by product and what is wrong with it; beyond the limit, under `OTHER_CLASSES`.
    findings
        The first of them in words.
    hosts
        Selected events by host name; beyond the limit of names, under `OTHER_HOSTS`.
    """

    path: str
    jsn_path: str | None = None
    lumisection: LumisectionId | None = None
    content: LumisectionId | None = None
    named: LumisectionId | None = None
    stream: str = ""
    release: str = ""
    process: str = ""
    output_module: str = ""
    hlt_paths: tuple[str, ...] = ()
    jsn: Jsn | None = None
    size: int = 0
    unreadable_bytes: int = 0
    messages: int = 0
    events: int = 0
    selected: int = 0
    unselected: int = 0
    prescaled: int = 0
    refused_events: int = 0
    metadata_messages: int = 0
    metadata_checksums: tuple[int, ...] = ()
    refused: dict[str, int] = {}
    flaws: dict[str, int] = {}
    unknown_classes: dict[str, int] = {}
    named_flaws: dict[str, dict[str, int]] = {}
    findings: tuple[Finding, ...] = ()
    hosts: dict[str, int] = {}
    complete: bool = False

    @property
    def missing_events(self) -> int:
        """Events the `.jsn` announces and the file does not show, not even as refused."""
        return max(0, self.jsn.accepted - self.events) if self.jsn else 0

    def notes(self) -> dict[str, int]:
        """What the file could not give, counted by reason, as it is shown beside its LS."""
        found = dict(self.refused)
        for reason, count in self.flaws.items():
            named = self.named_flaws.get(reason)
            found |= (
                {f"{reason}: {name}": n for name, n in named.items()} if named else {reason: count}
            )
        if self.missing_events:
            found["missing_events"] = self.missing_events
        if self.jsn is not None and self.jsn.errors:
            found["error_events"] = self.jsn.errors
        return found

    def sentences(self) -> tuple[str, ...]:
        """The findings as lines for a log: run, lumisection, file, byte, reason, detail."""
        where = f"{self.lumisection or self.named or 'run unknown'} {self.path}"
        return tuple(
            f"{where}{'' if found.offset is None else f' byte {found.offset}'}: "
            f"{found.reason}: {found.detail}"
            for found in self.findings
        )
