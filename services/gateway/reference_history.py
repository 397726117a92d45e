"""What was decided of references, out of the record of decisions."""

from typing import Any, Final

from dqmstream.errors import MessageError
from dqmstream.messages.operations import Command
from dqmstream.messages.topics import COMMANDS
from dqmstream.messages.wire import CODEC
from dqmstream.transport.compacted import read_to_end
from dqmstream.transport.log import Log
from services.gateway.patience import log_within
from services.references.publishing import subject_of_name

__all__ = ["history_of"]

_SECONDS: Final = 20.0


async def history_of(log: Log, name: str, workspace: str | None) -> list[dict[str, Any]]:
    """Every step in the life of all versions of a name, the oldest first.

    Raises
    ------
    ProblemError
        503 if the log is away.
    """
    found: dict[tuple[int, str, str], dict[str, Any]] = {}
    async with log_within(_SECONDS):
        async for record in read_to_end(log, COMMANDS):
            command = _command(record.key, record.headers, record.value, name)
            if command is None:
                continue
            row = _row(command)
            if workspace in {None, row["workspace"]}:
                # Written twice where the log did not answer the first time.
                found[command.when, command.action, row["version"]] = row
    return [found[key] for key in sorted(found)]


def _command(key: bytes | None, headers: Any, value: bytes | None, name: str) -> Command | None:
    if key is None or value is None or not key.startswith(b"reference/"):
        return None
    try:
        message = CODEC.decode(headers, value)
    except MessageError:
        return None
    if not isinstance(message, Command) or not message.subject.endswith(f"/{name}"):
        return None
    workspace = _workspace(message)
    return message if message.subject == subject_of_name(workspace, name) else None


def _workspace(command: Command) -> str:
    return command.subject.removeprefix("reference/").rpartition("/")[0]


def _row(command: Command) -> dict[str, Any]:
    arguments = dict(command.arguments)
    return {
        "when": command.when,
        "who": command.who,
        "why": command.why,
        "action": command.action,
        "workspace": _workspace(command),
        "version": arguments.pop("version", ""),
        "number": int(arguments.pop("number", "0")),
        "status": arguments.pop("status", ""),
        "arguments": arguments,
    }
