"""Kernels of event payloads: ready before the first event that needs them."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import structlog

from dqmstream.sources.source import EventSource
from services.settings import Settings

__all__ = ["prepare_decoding"]


async def prepare_decoding(settings: Settings, sources: Iterable[EventSource]) -> None:
    """Compile what reads payloads, or load it, if one of the sources does; else cost nothing.

    Without a cache that takes as long as a lumisection: not in the middle of one.
    """
    if not any(getattr(source, "decodes", False) for source in sources):
        return
    folder = Path(settings.numba_cache) if settings.numba_cache else None
    problem = await asyncio.to_thread(_warm, folder)
    if problem:
        structlog.get_logger().warning("kernels are compiled anew", problem=problem)


def _warm(folder: Path | None) -> str:
    """What is wrong with the cache; empty if nothing is."""
    # Who reads no payload need not load Numba.
    from dqmstream.kernels.payload.warm import warm_payloads  # noqa: PLC0415

    return warm_payloads(folder).problem
