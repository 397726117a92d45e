"""Streaming online data quality monitoring for collider experiments.

`Producer` and `AsyncProducer` send events into a system, `Client` and `AsyncClient` take
histograms out of one; they are imported when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dqmstream.client import AsyncClient, Client
    from dqmstream.producing import AsyncProducer, Producer

__all__ = ["AsyncClient", "AsyncProducer", "Client", "Producer", "__version__"]

__version__ = "0.1.0"

_HOMES: Final = {
    "AsyncClient": "dqmstream.client",
    "AsyncProducer": "dqmstream.producing",
    "Client": "dqmstream.client",
    "Producer": "dqmstream.producing",
}
"""Public names and where they live: nobody pays for what a program does not use."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(_HOMES[name]), name)
