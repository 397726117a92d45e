"""Writing streamer files: messages, whole `.dat` files, and the `.jsn` beside them.

Reading back gives the same messages, and messages read from a file of the DAQ are written byte
for byte as they were.
"""

import contextlib
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from dqmstream.errors import SourceError
from dqmstream.identity import LumisectionId
from dqmstream.sources.cms.jsn import Jsn, JsnForm, encode_jsn
from dqmstream.sources.cms.messages import (
    EVENT,
    EVENT_FIXED,
    EVENT_TAIL,
    HOST_LENGTH,
    INIT,
    INIT_FIXED,
    MIN_SIZES,
    PROTOCOL_VERSION,
    EventMessage,
    InitMessage,
    l1_size,
)
from dqmstream.sources.cms.pair import StreamerPair, parse_name
from dqmstream.sources.cms.payload import Compression, compress
from dqmstream.sources.cms.states import pack_states, packed_size

__all__ = [
    "encode_event",
    "encode_init",
    "new_event",
    "new_init",
    "new_metadata",
    "write_streamer_file",
]

# What DAQ writers put there: names and bits of the level-1 trigger are dummies.
_L1_NAMES = ("t1", "t10", "t2")
_L1_BITS = b"\x03"


def _number(value: int) -> bytes:
    return value.to_bytes(4, "little")


def _text(text: str) -> bytes:
    if not (text.isascii() and text.isprintable()):
        raise SourceError("init_names", f"expected printable ASCII, got {text[:60]!r}")
    return text.encode()


def _short_text(text: str) -> bytes:
    if len(text) > 255:
        detail = f"text {text[:60]!r}... has {len(text)} characters, at most 255 fit"
        raise SourceError("init_names", detail)
    return bytes([len(text)]) + _text(text)


def _names(names: Sequence[str]) -> bytes:
    if not all(names) or any(" " in name for name in names):
        detail = f"names are joined by spaces, and one of {len(names)} is empty or has one"
        raise SourceError("init_names", detail)
    text = _text(" ".join(names))
    return _number(len(names)) + _number(len(text)) + text


def encode_init(init: InitMessage) -> bytes:
    """Bytes of a whole INIT message; sizes and version are worked out.

    Raises
    ------
    SourceError
        `init_names` if a text or name does not fit its field.
    """
    texts = (init.release, init.process, init.output_module)
    lists = (init.hlt_paths, init.hlt_selections, init.l1_names)
    middle = b"".join(
        (*map(_short_text, texts), _number(init.output_module_id), *map(_names, lists))
    )
    middle += _number(init.adler32) + _number(len(init.payload))
    header_size = INIT_FIXED.size + len(middle)
    fixed = INIT_FIXED.pack(
        INIT,
        header_size + len(init.payload),
        PROTOCOL_VERSION,
        init.process_id,
        init.run,
        header_size,
        init.event_header_size,
    )
    return fixed + middle + init.payload


def encode_event(message: EventMessage) -> bytes:
    """Bytes of a whole EVENT message; size and version are worked out.

    Raises
    ------
    SourceError
        `host_name` if the name does not fit its field.
    """
    host = message.host.encode()
    if len(host) > HOST_LENGTH:
        detail = f"host name {message.host!r} has {len(host)} bytes, at most {HOST_LENGTH} fit"
        raise SourceError("host_name", detail)
    fixed = EVENT_FIXED.pack(
        EVENT,
        message.message_size,
        PROTOCOL_VERSION,
        message.run,
        message.event,
        message.lumisection,
        message.original_size,
        message.output_module_id,
        message.dropped,
        message.l1_count,
    )
    tail = EVENT_TAIL.pack(message.adler32, HOST_LENGTH, host, len(message.payload))
    hlt = _number(message.hlt_count) + message.hlt_bits
    return b"".join((fixed, message.l1_bits, hlt, tail, message.payload))


def new_init(
    hlt_paths: Sequence[str],
    *,
    output_module: str,
    release: str = '"CMSSW_0_0_0"',
    process: str = "HLT",
    hlt_selections: Sequence[str] = (),
    payload: bytes = b"",
) -> InitMessage:
    """INIT message as a DAQ writer fills it: dummy run and L1 names, checksums worked out."""
    bits = l1_size(len(_L1_NAMES)) + packed_size(len(hlt_paths))
    return InitMessage(
        process_id=bytes(16),
        run=1,
        event_header_size=MIN_SIZES[EVENT] + bits,
        release=release,
        process=process,
        output_module=output_module,
        output_module_id=zlib.crc32(output_module.encode()),
        hlt_paths=tuple(hlt_paths),
        hlt_selections=tuple(hlt_selections),
        l1_names=_L1_NAMES,
        adler32=zlib.adler32(payload),
        payload=payload,
    )


def new_event(
    init: InitMessage,
    lumisection: LumisectionId,
    event: int,
    states: Sequence[int],
    raw: bytes,
    *,
    host: str = "localhost",
    compression: Compression = Compression.ZLIB,
    level: int = 1,
) -> EventMessage:
    """EVENT message of the stream that `init` opens.

    Parameters
    ----------
    init
        Gives module id and L1 names.
    lumisection, event
        What the event is.
    states
        One state (0..3) per HLT path, in INIT order.
    raw
        The payload before compression.
    host
        Filter unit, at most 25 bytes.
    compression, level
        How to store the payload.
    """
    stored = compress(raw, compression, level)
    return EventMessage(
        run=lumisection.run,
        event=event,
        lumisection=lumisection.lumisection,
        original_size=stored.original_size,
        output_module_id=init.output_module_id,
        dropped=0,
        l1_count=len(init.l1_names),
        l1_bits=_L1_BITS,
        hlt_count=len(states),
        hlt_bits=pack_states(states),
        adler32=zlib.adler32(stored.payload),
        host=host,
        payload=stored.payload,
    )


def new_metadata(
    init: InitMessage, raw: bytes, *, compression: Compression = Compression.ZSTD
) -> EventMessage:
    """Event-meta-data message: an EVENT of run, lumisection and number 0 without HLT paths."""
    return new_event(init, LumisectionId(0, 0), 0, (), raw, compression=compression)


def write_streamer_file(
    dat: Path,
    init: InitMessage,
    messages: Iterable[EventMessage],
    *,
    form: JsnForm = JsnForm.DQM,
    processed: int | None = None,
) -> StreamerPair:
    """Write a data file and its `.jsn`; each appears under its name only when it is whole.

    The `.jsn` comes last, because readers take it as the sign that the data file is complete.
    In the forms `DQM` and `RAW` its size and checksum are those of the part after the INIT, as
    from writers whose INIT is put in front later; in `MERGED` those of the whole file.

    Parameters
    ----------
    dat
        The data file; the `.jsn` has the same name with that suffix.
    init, messages
        What to write, in this order. Meta-data messages are written and not counted.
    form
        Form of the `.jsn`.
    processed
        Events the HLT looked at; by default as many as are written.
    """
    whole, after_init = _Sum(), _Sum()
    accepted = 0
    with _appearing(dat) as stream:
        stream.write(whole.take(encode_init(init)))
        for message in messages:
            stream.write(after_init.take(whole.take(encode_event(message))))
            accepted += not message.is_metadata
    of = whole if form is JsnForm.MERGED else after_init
    has_sums = form is not JsnForm.TEST
    jsn = Jsn(
        form=form,
        processed=accepted if processed is None else processed,
        accepted=accepted,
        errors=0,
        file=dat.name,
        size=of.size if has_sums else None,
        adler32=of.adler32 if has_sums else None,
    )
    jsn_path = dat.with_suffix(".jsn")
    with _appearing(jsn_path) as stream:
        stream.write(encode_jsn(jsn))
    return StreamerPair(dat=dat, jsn_path=jsn_path, jsn=jsn, name=parse_name(dat.name))


class _Sum(msgspec.Struct):
    size: int = 0
    adler32: int = 1

    def take(self, block: bytes) -> bytes:
        self.size += len(block)
        self.adler32 = zlib.adler32(block, self.adler32)
        return block


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
