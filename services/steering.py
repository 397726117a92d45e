"""Telling a replay that runs what to do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import typer

from playback.replaying.control import ask
from services.printing import print_json
from services.settings_layers import load_settings

__all__ = ["SOCKET", "steer"]

SOCKET: Final = "playback.socket"
"""Name of the socket in the data folder."""


def steer(
    *,
    command: str,
    socket: Path | None,
    json: bool,
    environment: Mapping[str, str],
    flags: Mapping[str, object],
    config: Path | None,
) -> int:
    """Give a command to a replay that runs, and tell what it answers."""
    settings = load_settings(flags, environment, config).settings
    said = ask(socket or settings.data / SOCKET, command)
    if json:
        return print_json(said)
    speed = "as fast as it goes" if said["speed"] is None else f"at {said['speed']:g} times"
    if said["run"] is None:
        typer.echo(f"nothing is played yet, {speed}")
        return 0
    typer.echo(
        f"run {said['run']} LS {said['lumisection']}, {speed}, {said['late']:.3f} s late, at most "
        f"{said['latest']:.3f} s in this run"
    )
    return 0
