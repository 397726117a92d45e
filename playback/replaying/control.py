"""Commands to a replay that runs: a Unix socket, one line of JSON each way.

Who may open the socket may steer: it is made for its owner alone (mode 600), and peers with another
user id than the owner's are refused on top of that.
"""

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from dqmstream.errors import ConfigurationError
from playback.replaying.steering import Steering

__all__ = ["COMMANDS", "answering", "ask"]

COMMANDS: Final = ("next-run", "next-lumisection", "status")
_LONGEST: Final = 4096
_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 30.0
"""A replay on a busy machine does what it is told, late: who gave up would tell it once more."""
_MOST_CLIENTS: Final = 8
_LONGEST_PATH: Final = 100
"""Names of sockets have 108 bytes at most."""


class _Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    command: str


@asynccontextmanager
async def answering(
    path: Path, steering: Steering, status: Callable[[], Mapping[str, object]]
) -> AsyncIterator[None]:
    """Take commands at `path` for the length of the block.

    Raises
    ------
    ConfigurationError
        If another replay answers there, or a socket cannot be made there.
    """
    clients = asyncio.Semaphore(_MOST_CLIENTS)
    logger = structlog.get_logger()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, ValueError):
            async with clients, asyncio.timeout(_SECONDS):
                reply = await _reply(reader, writer)
                writer.write(msgspec.json.encode(reply) + b"\n")
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def _reply(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Mapping[str, object]:
        user = _user_of(writer)
        if user not in {0, os.getuid()}:
            logger.warning("command of another user is refused", client=f"user {user}")
            return {"error": f"user {user} may not steer a replay of user {os.getuid()}"}
        try:
            request = msgspec.json.decode(await reader.readline(), type=_Request)
        except msgspec.MsgspecError as error:
            return {"error": f"expected a line of JSON with a command: {error}"}
        if request.command not in COMMANDS:
            return {"error": f"command {request.command!r:.40}: expected {', '.join(COMMANDS)}"}
        if request.command != "status":
            logger.info(
                "replay is told", reason=request.command, client=f"user {user}", run=steering.run
            )
        if request.command == "next-run":
            steering.next_run()
        elif request.command == "next-lumisection":
            steering.next_lumisection()
        return status()

    listening = await asyncio.to_thread(_listening, path)
    is_over = False
    try:
        async with asyncio.TaskGroup() as tasks:

            def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                if is_over:
                    writer.transport.abort()
                else:
                    tasks.create_task(answer(reader, writer), name="command")

            server = await asyncio.start_unix_server(take, sock=listening, limit=_LONGEST)
            async with server:
                yield
            is_over = True
    finally:
        with suppress(FileNotFoundError):
            await asyncio.to_thread(path.unlink)


def ask(path: Path, command: str) -> dict[str, Any]:
    """Give a command; what the replay answers: run, LS, seconds behind its schedule. Blocks.

    Raises
    ------
    ConfigurationError
        If nobody answers there, or the command is refused.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_ANSWER_SECONDS)
            connection.connect(str(path))
            connection.sendall(msgspec.json.encode({"command": command}) + b"\n")
            with connection.makefile("rb") as stream:
                reply: dict[str, Any] = msgspec.json.decode(stream.readline(_LONGEST))
    except (OSError, msgspec.MsgspecError) as error:
        msg = (
            f"no replay answers at {path} ({error}): start one by `dqmstream playback replay "
            "--daemon`, and name its folder by --data or its socket by --socket"
        )
        raise ConfigurationError(msg) from error
    if "error" in reply:
        raise ConfigurationError(str(reply["error"]))
    return reply


def _user_of(writer: asyncio.StreamWriter) -> int:
    connection: Any = writer.get_extra_info("socket")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, user, _ = struct.unpack("3i", found)
    return int(user)


def _listening(path: Path) -> socket.socket:
    """A socket at a path where nobody answers; one that a dead replay left is removed."""
    if len(os.fsencode(path)) > _LONGEST_PATH:
        msg = f"socket {path}: the path is longer than {_LONGEST_PATH} bytes: name one by --socket"
        raise ConfigurationError(msg)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_socket():
            with socket.socket(socket.AF_UNIX) as other:
                if other.connect_ex(str(path)) == 0:
                    msg = f"another replay answers at {path}: stop it, or take another --socket"
                    raise ConfigurationError(msg)
            path.unlink()
        listening = socket.socket(socket.AF_UNIX)
        # Nobody can connect before it listens, and by then it is its owner's alone.
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(_MOST_CLIENTS)
    except OSError as error:
        msg = f"socket {path} cannot be made: {error}"
        raise ConfigurationError(msg) from error
    return listening
