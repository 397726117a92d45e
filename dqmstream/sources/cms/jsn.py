"""The `.jsn` file beside a data file: event counts, name, size and checksum.

Four forms are in use, told apart by where the data file's name stands:

=========  ====================  ====  ====  =======  ==========================================
form       values                file  size  adler32  written by
=========  ====================  ====  ====  =======  ==========================================
`MERGED`   numbers               3     4     5        storage manager's merger (2021 on)
`DQM`      strings               3     4     6        shipped to DQM (2024)
`RAW`      strings               4     5     7        HLT and its PB output: return code at 3
`TEST`     numbers or strings    2     -     -        test writer of DQM
=========  ====================  ====  ====  =======  ==========================================

Fields 0, 1, 2 are events processed, accepted and in error (`TEST` has no errors).
"""

import enum
import re
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from dqmstream.errors import UNDECODABLE, SourceError
from dqmstream.sources.cms.limits import Limits

__all__ = ["Jsn", "JsnForm", "decode_jsn", "encode_jsn", "read_jsn"]

_FILE_NAME = re.compile(r"[\w.+-]+\.[A-Za-z]\w*", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
# -1 as an unsigned number: no Adler-32 has this value, each half is below 65521.
_NO_CHECKSUM = 0xFFFFFFFF


class JsnForm(enum.StrEnum):
    """Which of the field orders a `.jsn` has."""

    MERGED = "merged"
    DQM = "dqm"
    RAW = "raw"
    TEST = "test"


class _Places(NamedTuple):
    file: int
    size: int | None
    adler32: int | None


_PLACES = {
    JsnForm.MERGED: _Places(3, 4, 5),
    JsnForm.DQM: _Places(3, 4, 6),
    JsnForm.RAW: _Places(4, 5, 7),
    JsnForm.TEST: _Places(2, None, None),
}
# Where a file without events has an empty name, only the number of fields is left to tell.
_FORM_OF_LENGTH = {3: JsnForm.TEST, 10: JsnForm.DQM, 11: JsnForm.RAW}


class Jsn(msgspec.Struct, frozen=True, kw_only=True):
    """What a `.jsn` says about its data file.

    `file` is a bare file name, empty only when no event was accepted. `size` (bytes) and
    `adler32` are None where the form has none or the writer did not compute them; they are of
    the whole file, or of the part after the INIT message when that was put in front later.
    """

    form: JsnForm
    processed: int
    accepted: int
    errors: int
    file: str
    size: int | None = None
    adler32: int | None = None


class _Document(msgspec.Struct):
    data: list[Any]


def read_jsn(path: Path, limits: Limits) -> Jsn:
    """Read and decode a `.jsn` file.

    Raises
    ------
    SourceError
        `file_missing`, `file_unreadable`, or what `decode_jsn` raises.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(limits.max_jsn_bytes + 1)
    except FileNotFoundError as error:
        raise SourceError("file_missing", f"{path} is not there") from error
    except OSError as error:
        raise SourceError("file_unreadable", f"{path}: {error}") from error
    if len(content) > limits.max_jsn_bytes:
        detail = f"{path.name} has more than {limits.max_jsn_bytes} bytes"
        raise SourceError("jsn_unreadable", detail)
    return decode_jsn(content)


def decode_jsn(content: bytes) -> Jsn:
    """Decode the content of a `.jsn` file, whichever form it has.

    Raises
    ------
    SourceError
        `jsn_unreadable` (not such a JSON document), `jsn_form` (no data file where one of the
        forms has it), `jsn_number` (a count, size or checksum is none), `jsn_file_name` (not the
        bare name of a file beside it).
    """
    try:
        fields = msgspec.json.decode(content, type=_Document).data
    except UNDECODABLE as error:
        detail = f"expected an object with a list 'data', got {content[:60]!r}: {error}"
        raise SourceError("jsn_unreadable", detail) from error
    form = _form(fields)
    places = _PLACES[form]
    jsn = Jsn(
        form=form,
        processed=_count(fields, 0),
        accepted=_count(fields, 1),
        errors=0 if form is JsnForm.TEST else _count(fields, 2),
        file=fields[places.file],
        size=_optional(fields, places.size),
        adler32=_optional(fields, places.adler32),
    )
    if not jsn.file and jsn.accepted:
        detail = f"{jsn.accepted} events accepted, and no data file is named in {fields}"
        raise SourceError("jsn_form", detail)
    return jsn


def _form(fields: list[Any]) -> JsnForm:
    for place in (3, 4, 2):
        text = fields[place] if place < len(fields) else None
        if not isinstance(text, str) or not text or _NUMBER.fullmatch(text):
            continue
        if not _FILE_NAME.fullmatch(text):
            detail = f"field {place} is {text[:60]!r}, expected the bare name of a file"
            raise SourceError("jsn_file_name", detail)
        return _form_with_file_at(place, fields)
    form = _FORM_OF_LENGTH.get(len(fields))
    if form is None or fields[_PLACES[form].file] != "":
        detail = f"no data file named at 2, 3 or 4 of {str(fields)[:120]}"
        raise SourceError("jsn_form", detail)
    return _form_with_file_at(_PLACES[form].file, fields)


def _form_with_file_at(place: int, fields: list[Any]) -> JsnForm:
    if place == 4:
        return JsnForm.RAW
    if place == 2:
        return JsnForm.TEST
    # Field 5 is the checksum, a number, in one and the list of input files, a text, in the other.
    is_number = len(fields) > 5 and isinstance(fields[5], int)
    return JsnForm.MERGED if is_number else JsnForm.DQM


def _number(fields: list[Any], place: int) -> int:
    value = fields[place] if place < len(fields) else None
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    detail = f"field {place} is {str(value)[:60]!r}, expected a whole number"
    raise SourceError("jsn_number", detail)


def _count(fields: list[Any], place: int) -> int:
    value = _number(fields, place)
    if value < 0:
        detail = f"field {place} is {value}, expected a number of events"
        raise SourceError("jsn_number", detail)
    return value


def _optional(fields: list[Any], place: int | None) -> int | None:
    if place is None or place >= len(fields) or fields[place] == "":
        return None
    value = _number(fields, place)
    return None if value < 0 or value == _NO_CHECKSUM else value


def encode_jsn(jsn: Jsn, *, source: str = "dqmstream") -> bytes:
    """Content of a `.jsn` file of the form `jsn.form`; decoding it gives `jsn` again.

    Parameters
    ----------
    jsn
        What to say; `size` and `adler32` are not written in the form `TEST`.
    source
        Who wrote it, by habit `host_pid`.
    """
    size, adler32 = ("" if value is None else str(value) for value in (jsn.size, jsn.adler32))
    counts = [str(jsn.processed), str(jsn.accepted), str(jsn.errors)]
    behind = ["", adler32, "", "DAT", "0"]
    fields: list[object]
    match jsn.form:
        case JsnForm.MERGED:
            checks = [-1 if value is None else value for value in (jsn.size, jsn.adler32)]
            fields = [*map(int, counts), jsn.file, *checks, 0, 0, 0, "Failsafe"]
        case JsnForm.DQM:
            fields = [*counts, jsn.file, size, *behind]
        case JsnForm.RAW:
            fields = [*counts, "0", jsn.file, size, *behind]
        case JsnForm.TEST:
            fields = [*counts[:2], jsn.file]
    return msgspec.json.encode({"data": fields, "source": source})
