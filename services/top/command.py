"""`dqmstream top`: the boards once, or live until stopped."""

import asyncio
from typing import Any, Final

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from dqmstream.client import AsyncClient, GatewayUnavailableError
from dqmstream.clock import Clock, SystemClock
from services.shutdown import run_until_stopped
from services.top.screen import BOARDS, screen

__all__ = ["top"]

_REFRESH: Final = 1.0
_AGAIN: Final = 2.0


def top(*, url: str, token: str, run: int | None, watch: bool | None, json: bool) -> int:
    """Draw what the page shows.

    Parameters
    ----------
    watch
        Draw it anew until stopped; None does so in a terminal only.
    json
        Print the boards once, as one JSON document.
    """
    console, clock = Console(), SystemClock()
    live = not json and (console.is_terminal if watch is None else watch)

    async def main() -> None:
        async with AsyncClient(url, token=token) as client:
            if live:
                await _watch(client, run, console, clock)
                return
            boards: dict[str, Any] = {}
            await _follow(client, run, boards, enough=len(BOARDS))
            if json:
                typer.echo(msgspec.json.format(msgspec.json.encode(boards)).decode())
            else:
                console.print(screen(boards, clock.wall()))

    return run_until_stopped(main)


async def _follow(
    client: AsyncClient, run: int | None, boards: dict[str, Any], *, enough: int | None = None
) -> None:
    """Keep `boards` up to date, until there are enough of them."""
    async for channel in client.boards(*BOARDS, run=run):
        _, board, _ = channel.name.split("/")
        boards[board] = {"header": channel.header, "rows": channel.rows}
        if enough is not None and len(boards) >= enough:
            return


async def _watch(client: AsyncClient, run: int | None, console: Console, clock: Clock) -> None:
    """Draw until cancelled; a gateway that is away is said, and asked again."""
    boards: dict[str, Any] = {}
    said: list[str] = []

    async def follow() -> None:
        while True:
            try:
                await _follow(client, run, boards)
                said[:] = ["the gateway has closed the stream"]
            except GatewayUnavailableError as error:
                said[:] = [str(error)]
            await asyncio.sleep(_AGAIN)

    with Live(console=console, screen=True, auto_refresh=False) as display:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(follow(), name="follow the boards")
            while True:
                # Ages grow by themselves, also when nothing arrives.
                display.update(screen(boards, clock.wall()), refresh=True)
                await asyncio.sleep(_REFRESH)
                if said and not boards:
                    display.update(Text(said[0], style="bold red"), refresh=True)
                    await asyncio.sleep(_REFRESH)
