"""The file of tokens: read, changed by one at a time, and followed as it changes."""

import asyncio
import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final

import structlog

from dqmstream.errors import ConfigurationError
from services.gateway.access_tokens import Tokens

__all__ = ["changed_tokens", "follow_tokens", "read_tokens"]

_LARGEST: Final = 1 << 20
_LOOK: Final = 1.0
"""Seconds between two looks: also how long a revoked token may still work."""


def read_tokens(path: Path) -> Tokens:
    """The tokens in a file; none if there is no such file.

    Raises
    ------
    ConfigurationError
        If it cannot be read, others may write it, or it holds something else.
    """
    content = _content(path)
    return Tokens() if content is None else Tokens.decode(content, file=str(path))


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"tokens file {path} cannot be read: {error.strerror}"
        raise ConfigurationError(msg) from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        msg = f"tokens file {path} can be written by others: try `chmod go-w {path}`"
        raise ConfigurationError(msg)
    if len(content) > _LARGEST:
        msg = f"tokens file {path} has more than {_LARGEST} bytes"
        raise ConfigurationError(msg)
    return content


def changed_tokens(path: Path, change: Callable[[Tokens], Tokens]) -> Tokens:
    """Change a file of tokens: whole, durably, readable by its owner alone, one at a time.

    Raises
    ------
    ConfigurationError
        As `read_tokens`, and if it cannot be written; nothing is changed then.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            tokens = change(read_tokens(path))
            _replace(path, tokens.encode())
    except OSError as error:
        msg = f"tokens file {path} cannot be written: {error.strerror}"
        raise ConfigurationError(msg) from error
    return tokens


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(path: Path, content: bytes) -> None:
    # The file of mkstemp is its owner's alone from the first moment.
    number, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


async def follow_tokens(path: Path, first: Tokens) -> AsyncIterator[Tokens]:
    """The tokens each time that the file has changed, for ever.

    A file that went away holds no tokens. One that cannot be used is told of, and the tokens from
    before go on to count: a slip of the editor must not stop data taking.
    """
    known, complained = first.encode(), ""
    while True:
        await asyncio.sleep(_LOOK)
        try:
            tokens = await asyncio.to_thread(read_tokens, path)
        except ConfigurationError as error:
            if complained != str(error):
                structlog.get_logger().error("tokens stay as they were", error=str(error))
            complained = str(error)
            continue
        complained = ""
        if tokens.encode() != known:
            known = tokens.encode()
            yield tokens
