"""Secrets among the settings: read from files, never shown."""

import re
from pathlib import Path
from typing import Final

__all__ = ["HIDDEN", "from_file", "hide_password", "with_password"]

HIDDEN: Final = "***"
_LARGEST: Final = 64 * 1024
_PASSWORD_IN_URL: Final = re.compile(r"(://[^:/@]*:)(.*)(@)|([?&]password=)([^&#]*)")


def from_file(path: Path) -> str:
    """What a file of one secret holds, without the newline at its end.

    Raises
    ------
    ValueError
        If it cannot be read, is empty, or has more than one line: says so without its content.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST).decode()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise ValueError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path} holds bytes that are no UTF-8"
        raise ValueError(msg) from error
    secret = content.rstrip("\r\n")
    if not secret or "\n" in secret:
        msg = f"{path} holds {'nothing' if not secret else 'several lines'}, expected one secret"
        raise ValueError(msg)
    return secret


def hide_password(url: str) -> str:
    """A URL as it may be shown, also one that is broken."""

    def hidden(found: re.Match[str]) -> str:
        before, _, after, key, _ = found.groups()
        return f"{before}{HIDDEN}{after}" if key is None else f"{key}{HIDDEN}"

    return _PASSWORD_IN_URL.sub(hidden, url)


def with_password(url: str, password: str) -> str:
    """A database URL with this password in it, quoted as it must be."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415 settings are read by quick commands too

    return make_url(url).set(password=password).render_as_string(hide_password=False)
