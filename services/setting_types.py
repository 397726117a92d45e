"""Types of settings that pydantic does not bring."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, FilePath, SecretStr

__all__ = ["File", "Names", "Secret", "Servers"]

_SERVER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


def _listed(value: object) -> object:
    """`a, b` in a variable or flag is the list ("a", "b")."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _server(value: str) -> str:
    found = _SERVER.fullmatch(value)
    if found is None or not 1 <= int(found[2]) <= 65535:
        msg = f"{value!r} is no host:port such as kafka.example.org:9092"
        raise ValueError(msg)
    return value


def _none_if_empty(value: object) -> object:
    """An empty variable is how a compose file says that nothing is given."""
    return None if value == "" else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Servers = Annotated[tuple[Annotated[str, AfterValidator(_server)], ...], BeforeValidator(_listed)]
File = Annotated[FilePath | None, BeforeValidator(_none_if_empty)]
Secret = Annotated[SecretStr | None, BeforeValidator(_none_if_empty)]
