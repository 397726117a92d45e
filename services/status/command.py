"""`dqmstream status`: how the whole system stands, once or live."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeAlias

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from dqmstream.client import AsyncClient
from dqmstream.clock import SystemClock
from dqmstream.errors import DqmError
from services.log import kafka_log
from services.settings import Settings
from services.shutdown import run_until_stopped
from services.startup import settings_in_force
from services.status.reader import StatusReader
from services.status.statuses import StatusReport
from services.status.table import status_tables

__all__ = ["status"]

_REFRESH: Final = 2.0
_EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 asked for, never listened on

_Ask: TypeAlias = Callable[[], Awaitable[StatusReport]]


def status(
    *,
    flags: Mapping[str, object],
    config: Path | None,
    url: str,
    token: str,
    watch: bool | None,
    json: bool,
) -> int:
    """Print the status once, or draw it anew until stopped.

    Parameters
    ----------
    url
        Gateway to ask instead of the log. The embedded log is one process's own: its gateway is
        always asked.
    watch
        None draws live in a terminal only.
    """
    settings = settings_in_force(flags, config)
    console = Console()
    live = not json and (console.is_terminal if watch is None else watch)

    async def main() -> None:
        async with _asking(settings, url, token) as ask:
            if json:
                typer.echo((await ask()).model_dump_json(indent=2))
            elif live:
                await _watch(console, ask)
            else:
                console.print(status_tables(await ask()))

    return run_until_stopped(main)


@asynccontextmanager
async def _asking(settings: Settings, url: str, token: str) -> AsyncIterator[_Ask]:
    """How to ask: the broker's log, or a gateway."""
    if settings.kafka and not url:
        async with kafka_log(settings, SystemClock(), make=False) as log:
            yield StatusReader(log, SystemClock()).report
        return
    host = "127.0.0.1" if settings.host in _EVERYWHERE else settings.host
    address = url or f"http://{host}:{settings.port}"

    async with AsyncClient(address, token=token) as client:

        async def ask() -> StatusReport:
            return StatusReport.model_validate(await client.get("status"))

        yield ask


async def _watch(console: Console, ask: _Ask) -> None:
    """Draw until cancelled; what cannot be asked now is said, and asked again."""
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                live.update(status_tables(await ask()), refresh=True)
            except DqmError as error:
                live.update(Text(str(error), style="bold red"), refresh=True)
            await asyncio.sleep(_REFRESH)
