"""Calling a command: what people can mend is said in a sentence, not in a traceback."""

import errno
import select
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import typer

from dqmstream.errors import DqmError, LogError, LogOwnedError, StoreError, leaves

__all__ = ["invoke"]

_FAILED = 1
_WRONG = 2


def invoke(function: Callable[..., int | None], **arguments: Any) -> None:
    """Call a command, end with its status: 1 if log or store failed, 2 if it was asked wrongly."""
    try:
        status = function(**arguments)
    except DqmError as error:
        _stop([error])
    except BaseExceptionGroup as group:
        if _nobody_reads(group):
            # As a single error it is what a command line ends quietly with, as others in pipes do.
            raise BrokenPipeError(errno.EPIPE, "nobody reads what is printed") from None
        causes, others = group.split(DqmError)
        if others is not None or causes is None:
            raise
        _stop(leaves(causes))
    if status:
        raise typer.Exit(status)


def _nobody_reads(group: BaseExceptionGroup) -> bool:
    """Whether all that went wrong is that the reader of a pipe, as `head`, has gone."""
    if not all(isinstance(error, BrokenPipeError) for error in leaves(group)):
        return False
    streams = select.poll()
    for stream in (sys.stdout, sys.stderr):
        streams.register(stream.fileno(), 0)
    return bool(streams.poll(0))


def _stop(errors: list[DqmError]) -> NoReturn:
    typer.echo(f"dqmstream: {'; '.join(_sentences(errors))}", err=True)
    failed = any(
        isinstance(error, LogError | StoreError) and not isinstance(error, LogOwnedError)
        for error in errors
    )
    raise typer.Exit(_FAILED if failed else _WRONG)


def _sentences(errors: list[DqmError]) -> list[str]:
    """What went wrong, each thing once, and in which services."""
    services: dict[str, list[str]] = {}
    for error in errors:
        services.setdefault(str(error), []).extend(getattr(error, "__notes__", ()))
    return [
        f"{' and '.join(dict.fromkeys(names))}: {text}" if names else text
        for text, names in services.items()
    ]
