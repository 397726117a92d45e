"""Tables of a TOML file as structs: a mistake is named by file, table and key."""

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from dqmstream.errors import ConfigurationError

__all__ = ["as_struct", "likely", "refuse_unknown"]

StructT = TypeVar("StructT", bound=msgspec.Struct)


def as_struct(where: str, raw: dict[str, Any], kind: type[StructT], prefix: str = "") -> StructT:
    """A table as a struct.

    Parameters
    ----------
    where
        File and table, for messages.
    prefix
        Of its keys in messages: `parameters.`

    Raises
    ------
    ConfigurationError
        Naming the key that is unknown, missing or of a wrong value.
    """
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    refuse_unknown(where, raw, list(fields), prefix)
    for key, value in raw.items():
        if isinstance(value, float) and math.isnan(value):
            msg = f"{where}: key '{prefix}{key}': expected a number, got nan"
            raise ConfigurationError(msg)
        try:
            msgspec.convert(value, fields[key].type)
        except msgspec.ValidationError as error:
            msg = f"{where}: key '{prefix}{key}': {error}, got {value!r}"
            raise ConfigurationError(msg) from error
    missing = [key for key, field in fields.items() if field.required and key not in raw]
    if missing:
        msg = f"{where}: key '{prefix}{missing[0]}' is missing"
        raise ConfigurationError(msg)
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        msg = f"{where}: {prefix.rstrip('.') or 'table'}: {error}"
        raise ConfigurationError(msg) from error


def refuse_unknown(
    where: str, raw: Mapping[str, Any], known: Sequence[str], prefix: str = ""
) -> None:
    """ConfigurationError if there is a key that is none of those known."""
    for key in raw:
        if key not in known:
            msg = (
                f"{where}: key '{prefix}{key}' is unknown{likely(key, known)}; "
                f"expected: {', '.join(known)}"
            )
            raise ConfigurationError(msg)


def likely(word: str, known: Sequence[str]) -> str:
    """The one of those known that was likely meant, as the end of a clause."""
    lowered = {name.lower(): name for name in known}
    matches = difflib.get_close_matches(word.lower(), lowered, n=1)
    return f", did you mean {lowered[matches[0]]!r}?" if matches else ""
