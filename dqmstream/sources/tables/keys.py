"""The columns that say where a row belongs: run, lumisection and event."""

from collections.abc import Collection
from typing import Final, NamedTuple

from dqmstream.errors import ConfigurationError
from dqmstream.sources.tables.settings import KeyNames

__all__ = ["Keys", "found_keys"]

_RUN: Final = ("run", "runnumber", "run_number")
_LUMISECTION: Final = (
    *("luminosityblock", "lumisection", "lumi_section", "lumiblock", "lumi_block"),
    *("luminosity_block", "lumi", "ls"),
)
_EVENT: Final = ("event", "eventnumber", "event_number", "evt")


class Keys(NamedTuple):
    """Names of columns of a file; empty where it has none."""

    run: str
    lumisection: str
    event: str


def found_keys(columns: Collection[str], given: KeyNames) -> Keys:
    """Key columns among those of a file: the given ones, else by the names in use.

    Raises
    ------
    ConfigurationError
        If a given one is not there.
    """
    for key, column in (
        ("run", given.run),
        ("lumisection", given.lumisection),
        ("event", given.event),
    ):
        if column and column not in columns:
            msg = f"no column {column!r} for the {key}; there are {_some(columns)}"
            raise ConfigurationError(msg)
    plain: dict[str, str] = {}
    for column in columns:
        plain.setdefault(column.strip().lower(), column)
    return Keys(
        given.run or _first(plain, _RUN),
        given.lumisection or _first(plain, _LUMISECTION),
        given.event or _first(plain, _EVENT),
    )


def _first(plain: dict[str, str], names: tuple[str, ...]) -> str:
    return next((plain[name] for name in names if name in plain), "")


def _some(columns: Collection[str]) -> str:
    shown = list(columns)[:20]
    return ", ".join(shown) + (f" and {len(columns) - 20} more" if len(columns) > 20 else "")
