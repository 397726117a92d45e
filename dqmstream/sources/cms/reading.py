"""One pass over the messages of one data file: what is an event, and what is refused.

For each event in turn: header, run and lumisection, module and counts against the INIT, checksum
of the payload, selection, prescale, decompression, run, lumisection and event number against the
payload. An event that fails one of these is refused whole. Its header is not used either: no
checksum covers it, and an event counted in one plot and not in another would be worse than one
named as lost. Only a payload of a class or version that is not known is no failure: such an event
is used without its own time, and counted.
"""

import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.auxiliary import EventAuxiliary, UnknownClass, decode_auxiliary
from dqmstream.sources.cms.jsn import Jsn
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.messages import (
    EVENT,
    INIT,
    EventMessage,
    InitMessage,
    decode_event,
    decode_init,
)
from dqmstream.sources.cms.payload import expand
from dqmstream.sources.cms.reader import Frame, FrameReader, peek_lumisection
from dqmstream.sources.cms.selection import MenuSelection
from dqmstream.sources.cms.settings import ReadSettings
from dqmstream.sources.cms.tally import Tally

__all__ = ["FileReading", "StreamerEvent"]


class StreamerEvent(NamedTuple):
    """A selected event; `payload` is decompressed, None when the settings do not ask for that.

    `auxiliary` agrees with the header; None without a payload, or when its class is not known.
    """

    message: EventMessage
    payload: bytes | None
    auxiliary: EventAuxiliary | None


class FileReading:
    """Reads an open data file from begin to end, once.

    Parameters
    ----------
    stream
        The file, seekable, at its start.
    size
        Bytes of the file.
    settings, limits
        How to read, and how much the file may ask for.
    tally
        Counts what is found.
    """

    def __init__(
        self, stream: BinaryIO, size: int, settings: ReadSettings, limits: Limits, tally: Tally
    ) -> None:
        self._settings = settings
        self._expand = settings.expand_payload
        self._limits = limits
        self._tally = tally
        self._content = peek_lumisection(stream, size, limits)
        stream.seek(0)
        self._frames = FrameReader(stream, size, limits)
        self.init: InitMessage | None = None
        self._expected: tuple[int, ...] = ()
        self._menu = MenuSelection(settings.selection, ())
        tally.know(size=size)

    @property
    def content(self) -> LumisectionId | None:
        """Run and lumisection that most of the first events say."""
        return self._content

    def events(self) -> Iterator[StreamerEvent]:
        """Selected events in file order; at the end, the file itself is accounted for."""
        for frame in self._frames:
            self._tally.messages += 1
            if self.init is None:
                self._take_init(frame)
            elif frame.code == EVENT:
                event = self._event(self.init, frame)
                if event is not None:
                    yield event
            elif frame.code == INIT:
                self._take_other_init(self.init, frame)
            else:
                detail = f"message of code {frame.code}, expected INIT {INIT} or EVENT {EVENT}"
                self._tally.refuse(SourceError("message_code", detail), frame.offset)
        if self._frames.fault is not None:
            self._tally.refuse(self._frames.fault, self._frames.offset)
        self._tally.know(unreadable_bytes=self._frames.unreadable_bytes)
        self._frames.drain()

    def _take_init(self, frame: Frame) -> None:
        try:
            self.init = self._decoded_init(frame)
        except SourceError as error:
            # Without the INIT no bit of the events has a meaning.
            self._tally.refuse(error, frame.offset)
            self._frames.abandon(frame)
            return
        self._tally.know_init(self.init)
        self._expected = _header_of(self.init, self._content)
        self._menu = self._settings.selection.on_menu(self.init.hlt_paths)
        if self._menu.unmatched:
            detail = f"no path of the menu matches {', '.join(self._menu.unmatched)}"
            self._tally.flaw("selection_unmatched", detail)

    def _decoded_init(self, frame: Frame) -> InitMessage:
        init = decode_init(frame.message, self._limits)
        expected = zlib.crc32(init.output_module.encode())
        _check_equal("init_output_module", "output module id", init.output_module_id, expected)
        if self._settings.verify_payload:
            _check_adler32("init_checksum", init.payload, init.adler32)
        return init

    def _take_other_init(self, init: InitMessage, frame: Frame) -> None:
        """Files merged by plain concatenation repeat the INIT; another one changes every bit."""
        try:
            if decode_init(frame.message, self._limits) == init:
                return
            detail = "a second INIT message differs from the first; what follows is not read"
            error = SourceError("init_changed", detail)
        except SourceError as broken:
            error = broken
        self._tally.refuse(error, frame.offset)
        self._frames.abandon(frame)

    def _event(self, init: InitMessage, frame: Frame) -> StreamerEvent | None:
        metadata = False
        try:
            message = decode_event(frame.message)
            metadata = message.is_metadata
            self._check(init, message)
            if not metadata:
                return self._selected(message)
            self._take_metadata(message)
        except SourceError as error:
            self._tally.refuse(error, frame.offset)
            self._tally.refused_events += not metadata
        finally:
            self._tally.events += not metadata
        return None

    def _check(self, init: InitMessage, message: EventMessage) -> None:
        found = (
            message.run,
            message.lumisection,
            message.hlt_count,
            message.output_module_id,
            message.l1_count,
        )
        # One comparison for nearly all events; which of them differs is worked out afterwards.
        if found != self._expected:
            self._check_header(init, message)
        if self._settings.verify_payload:
            _check_adler32("payload_checksum", message.payload, message.adler32)

    def _check_header(self, init: InitMessage, message: EventMessage) -> None:
        if not message.is_metadata:
            _check_equal("other_lumisection", "event of", message.lumisection_id, self._content)
            _check_equal("hlt_count", "HLT paths:", message.hlt_count, len(init.hlt_paths))
        module = message.output_module_id
        _check_equal("output_module", "output module id", module, init.output_module_id)
        _check_equal("l1_count", "L1 bits:", message.l1_count, len(init.l1_names))

    def _take_metadata(self, message: EventMessage) -> None:
        if self._settings.verify_payload:
            expand(message.payload, message.original_size, self._limits)
        self._tally.metadata(message)

    def _selected(self, message: EventMessage) -> StreamerEvent | None:
        if not self._menu.accepts(message.hlt_bits):
            self._tally.unselected += 1
        elif not self._menu.keeps(message.event):
            self._tally.prescaled += 1
        else:
            event = self._expanded(message)
            self._tally.select(message.host)
            return event
        return None

    def _expanded(self, message: EventMessage) -> StreamerEvent:
        if not self._expand:
            return StreamerEvent(message, None, None)
        payload = expand(message.payload, message.original_size, self._limits)
        auxiliary = decode_auxiliary(payload)
        if isinstance(auxiliary, UnknownClass):
            self._tally.unknown_auxiliary(message.event, auxiliary)
            return StreamerEvent(message, payload, None)
        found = (auxiliary.run, auxiliary.lumisection, auxiliary.event)
        expected = (message.run, message.lumisection, message.event)
        _check_equal("auxiliary_mismatch", "payload of run, LS, event", found, expected)
        return StreamerEvent(message, payload, auxiliary)

    def check_against(self, jsn: Jsn) -> None:
        """Compare the file, once read, with what its `.jsn` says."""
        frames, tally = self._frames, self._tally
        after_init = frames.size - frames.first_size
        # Without a first message both sizes are one, and the sum of the whole file counts.
        sums = {after_init: frames.checksum_after_first, frames.size: frames.checksum}
        if jsn.size is not None and jsn.size not in sums:
            detail = (
                f"the file has {frames.size} bytes, {after_init} of them after the INIT; the .jsn "
                f"says {jsn.size}"
            )
            tally.flaw("file_size", detail)
        elif jsn.adler32 is not None:
            possible = sums.values() if jsn.size is None else (sums[jsn.size],)
            if jsn.adler32 not in possible:
                found = " or ".join(map(str, possible))
                tally.flaw("file_checksum", f"Adler-32 is {found}, the .jsn says {jsn.adler32}")
        if jsn.accepted != tally.events:
            detail = f"{tally.events} events found, the .jsn says {jsn.accepted} were accepted"
            tally.flaw("event_count", detail)


def _header_of(init: InitMessage, content: LumisectionId | None) -> tuple[int, ...]:
    """What the headers of all events must say: run, LS, HLT paths, module id, L1 bits."""
    place = (content.run, content.lumisection) if content else ()
    return (*place, len(init.hlt_paths), init.output_module_id, len(init.l1_names))


def _check_equal(reason: str, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise SourceError(reason, f"{what} {found}, expected {expected}")


def _check_adler32(reason: str, payload: bytes, stated: int) -> None:
    found = zlib.adler32(payload)
    if found != stated:
        detail = f"Adler-32 of {len(payload)} bytes is {found:#010x}, header says {stated:#010x}"
        raise SourceError(reason, detail)
