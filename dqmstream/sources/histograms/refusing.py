"""Bytes that nobody vouches for: whatever a parser raises over them is an error of their file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dqmstream.errors import DqmError, SourceError

__all__ = ["refusing"]


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Say of which file it is what broken bytes make a parser raise.

    Raises
    ------
    SourceError
        With reason `file_unreadable`, in place of what is no DqmError.
    """
    try:
        yield
    except DqmError:
        raise
    # Parsers raise what they meet: errors of zlib, of struct and of tokens, of recursion, of keys.
    except Exception as error:
        detail = f"{path}: {type(error).__name__}: {str(error).strip():.300}"
        raise SourceError("file_unreadable", detail) from error
