"""A worker process: it runs algorithms of plug-ins, one call after another, for whoever judges.

Run as `python -m services.plugins.worker FD SECONDS START_SECONDS BYTES`: frames of a length and a
body come and go on the socket FD, whose end is the worker's end. A call is answered twice: once the
plug-in is imported, and once its test is done. Whatever a plug-in prints goes to stderr.
"""

import faulthandler
import os
import resource
import signal
import socket
import struct
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from dqmstream.quality.algorithm import Algorithm
from dqmstream.quality.isolated import answer, failure_of, unpack_call
from dqmstream.quality.plugins import algorithm_at

__all__ = ["LENGTH", "READY", "main"]

T = TypeVar("T")
LENGTH: Final = struct.Struct("<Q")
READY: Final = b"ready"
_GRACE: Final = 5
"""Seconds after which a worker that nobody has ended ends itself."""


def main() -> None:
    """Answer calls until the socket is closed."""
    descriptor, memory = int(sys.argv[1]), int(sys.argv[4])
    seconds, start_seconds = float(sys.argv[2]), float(sys.argv[3])
    # What is printed must not get between the frames, nor what hangs stay without a trace.
    os.dup2(2, 1)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    # Who ends the comparator at a terminal does not mean the workers: these end with their socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    known: dict[tuple[str, str], Algorithm[Any]] = {}
    with socket.socket(fileno=descriptor) as channel:
        _send(channel, READY)
        while (body := _receive(channel)) is not None:
            # Of the kernel, which ends the process even if all of Python hangs.
            signal.alarm(int(start_seconds) + _GRACE)
            begin = _reply(partial(_imported, body, known))
            _send(channel, READY)
            signal.alarm(int(seconds) + _GRACE)
            reply = begin if isinstance(begin, bytes) else _reply(begin)
            signal.alarm(0)
            _send(channel, reply)


def _imported(body: bytes, known: dict[tuple[str, str], Algorithm[Any]]) -> Callable[[], bytes]:
    """What a call asks for, ready to be run."""
    call = unpack_call(body)
    key = call.source, call.name
    if key not in known:
        sys.path[:] = [*call.path, *(one for one in sys.path if one not in call.path)]
        known[key] = algorithm_at(*key)
    return partial(answer, known[key], call)


def _reply(work: Callable[[], T]) -> T | bytes:
    """What comes of it, or the answer that says what it raised."""
    try:
        return work()
    except BaseException as error:  # of SystemExit, too, the comparator is told
        return failure_of(error, "".join(traceback.format_exception(error)))


def _send(channel: socket.socket, body: bytes) -> None:
    channel.sendall(LENGTH.pack(len(body)) + body)


def _receive(channel: socket.socket) -> bytes | None:
    head = _exactly(channel, LENGTH.size)
    return None if head is None else _exactly(channel, LENGTH.unpack(head)[0])


def _exactly(channel: socket.socket, count: int) -> bytes | None:
    body = bytearray(count)
    view, held = memoryview(body), 0
    while held < count:
        came = channel.recv_into(view[held:])
        if came == 0:
            return None
        held += came
    return bytes(body)


if __name__ == "__main__":
    main()
