"""Bodies of requests: read piece by piece, never beyond a limit, expanded within the same limit."""

import asyncio
import io
import zlib
from typing import Final

import zstandard
from starlette.requests import ClientDisconnect, Request

from services.gateway.limits import FullError, Reservation
from services.gateway.problems import ProblemError

__all__ = ["ENCODINGS", "expand", "media_type", "read_body", "too_large"]

ENCODINGS: Final = ("gzip", "identity", "zstd")
_GZIP: Final = 31
"""For zlib: a gzip header, and the largest window."""
_MOST_WINDOW: Final = 8 << 20
"""Bytes of memory a zstd stream may ask for; what RFC 8878 says every decoder should take."""
_PIECE: Final = 1 << 18


def media_type(request: Request, *allowed: str) -> str:
    """What the body says it is, without parameters.

    Raises
    ------
    ProblemError
        415 if it is none of `allowed`, or compressed in a way that is not known here.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ENCODINGS:
        detail = f"Content-Encoding is {encoding!r:.80}, expected one of {', '.join(ENCODINGS)}"
        raise ProblemError(415, detail, {"accept-encoding": "gzip, zstd"})
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in allowed:
        detail = f"Content-Type is {found!r:.80}, expected one of {', '.join(allowed)}"
        raise ProblemError(415, detail, {"accept": ", ".join(allowed)})
    return found


async def read_body(
    request: Request, held: Reservation, *, limit: int, seconds: float, whose: str
) -> bytes:
    """The body as it came, compressed or not.

    Parameters
    ----------
    held
        Grows with what is read, at once by what the request announces.
    limit
        Most bytes; what is announced, or comes, beyond it is not read.
    seconds
        How long all of it may take.
    whose
        What it is the body of, for the sentence.

    Raises
    ------
    ProblemError
        413 beyond the limit, 408 after the time, 429 if too much is on its way already, 400 if
        the client went away or announced no number.
    """
    announced = request.headers.get("content-length")
    if announced is not None and not (announced.isascii() and announced.isdecimal()):
        raise ProblemError(400, f"Content-Length is {announced!r:.40}, expected a number")
    try:
        # By its digits first: a number of thousands of them is not worth reading.
        long = len((announced or "").lstrip("0")) > len(str(limit))
        if announced is not None and (long or int(announced) > limit):
            raise too_large(whose, limit, f"{announced[:20]} are announced")
        held.grow(int(announced or 0))
        async with asyncio.timeout(seconds):
            return await _read(request, held, limit, whose)
    except TimeoutError as error:
        detail = f"{whose} did not come within {seconds:g} s"
        raise ProblemError(408, detail, {"connection": "close"}) from error
    except FullError as error:
        raise ProblemError(429, str(error), {"retry-after": "1"}) from error
    except ClientDisconnect as error:
        raise ProblemError(400, f"{whose} broke off") from error


async def _read(request: Request, held: Reservation, limit: int, whose: str) -> bytes:
    pieces = bytearray()
    async for piece in request.stream():
        if len(pieces) + len(piece) > limit:
            raise too_large(whose, limit, "more came")
        held.grow(len(pieces) + len(piece))
        pieces += piece
    return bytes(pieces)


def too_large(whose: str, limit: int, what: str) -> ProblemError:
    """The refusal of a body beyond its limit."""
    detail = f"{whose} may have {limit} bytes, {what}"
    return ProblemError(413, detail)


def expand(body: bytes, encoding: str, *, limit: int, whose: str) -> bytes:
    """A body without its compression. Computes: to be called in a worker thread.

    Raises
    ------
    ProblemError
        413 if it would have more than `limit` bytes: no more are made; 400 if it is damaged.
    """
    match encoding.strip().lower():
        case "gzip":
            expanded = _gunzip(body, limit, whose)
        case "zstd":
            expanded = _unzstd(body, limit, whose)
        case _:
            return body
    if len(expanded) > limit:
        raise too_large(whose, limit, "more came out of its compression")
    return expanded


def _gunzip(body: bytes, limit: int, whose: str) -> bytes:
    inflater = zlib.decompressobj(_GZIP)
    try:
        expanded = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise ProblemError(400, f"{whose} is no gzip: {error}") from error
    if len(expanded) <= limit and (not inflater.eof or inflater.unused_data):
        raise ProblemError(400, f"{whose} is gzip that is cut short or goes on after its end")
    return expanded


def _unzstd(body: bytes, limit: int, whose: str) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MOST_WINDOW)
    try:
        # Its frame says how large it is, or not: only reading bounds what it makes. A reader does
        # not say whether the frame came to its end, what says it takes all at once: so twice.
        with decompressor.stream_reader(io.BytesIO(body)) as stream:
            size = 0
            while size <= limit and (piece := stream.read(_PIECE)):
                size += len(piece)
        if size > limit:
            raise too_large(whose, limit, "more came out of its compression")
        inflater = decompressor.decompressobj()
        expanded = inflater.decompress(body)
    except zstandard.ZstdError as error:
        raise ProblemError(400, f"{whose} is no zstd: {error}") from error
    if not inflater.eof or inflater.unused_data:
        raise ProblemError(400, f"{whose} is zstd that is cut short or goes on after its frame")
    return expanded
