"""Bytes that nobody vouches for: whatever a parser raises over them is an error of their file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dqmstream.errors import DqmError, SourceError

__all__ = ["refusing"]


@contextmanager
def refusing(path: Path, reason: str, what: str = "") -> Iterator[None]:
    """Say of which file it is what broken bytes make a parser raise.

    Parameters
    ----------
    reason
        Of the error.
    what
        Of the file was read, or is wrong with it.

    Raises
    ------
    SourceError
        With that reason, in place of what is no DqmError.
    """
    try:
        yield
    except DqmError:
        raise
    # Parsers raise what they meet: errors of zlib, of struct and of tokens, of recursion, of keys.
    except Exception as error:
        where = f"{path}: {what}" if what else str(path)
        detail = f"{where}: {type(error).__name__}: {str(error).strip():.300}"
        raise SourceError(reason, detail) from error
