"""One worker as those who ask it see it: a process, and the socket to it."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import Final

from services.plugins.bounds import WorkerSettings

__all__ = ["DeadError", "WorkerProcess"]

_LENGTH_BYTES: Final = 8
_LARGEST: Final = 512 << 20
"""Bytes of an answer."""
_HEARD: Final = 16 << 10
"""Bytes of what it printed last."""
_TRACE: Final = 1_000
_MARKS: Final = ("Fatal Python error", "Current thread 0x")
_LAST_WORDS: Final = 3.0
"""Seconds a worker has to say where it hangs, and to end."""
_QUIET: Final = 0.1
"""Seconds without a word, after which it has said so."""


def _last_words(said: str) -> str:
    """Where it was, which faulthandler says innermost first; else the end of what it printed."""
    found = next((at for mark in _MARKS if (at := said.rfind(mark)) >= 0), -1)
    return said[found : found + _TRACE] if found >= 0 else said[-_TRACE:]


class DeadError(Exception):
    """A worker that did not answer."""


class WorkerProcess:
    """One process, and the socket to it."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._said = b""
        self._hangs = False
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 our own module
                [
                    sys.executable,
                    "-m",
                    "services.plugins.worker",
                    str(theirs.fileno()),
                    str(settings.seconds),
                    str(settings.start_seconds),
                    str(settings.memory),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                # One core is enough for a test, and threads take address space.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            )
        self._listener = Thread(target=self._listen, name="worker-stderr", daemon=True)
        self._listener.start()
        self._is_ready = False

    def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def ask(self, body: bytes) -> bytes:
        """The answer to a call; DeadError if there is none."""
        if not self._is_ready:
            self._answer(time.monotonic() + self._settings.start_seconds, "start")
            self._is_ready = True
        try:
            self._socket.settimeout(self._settings.seconds)
            self._socket.sendall(len(body).to_bytes(_LENGTH_BYTES, "little"))
            self._socket.sendall(body)
        except TimeoutError:
            raise self._late("answer", self._settings.seconds) from None
        except OSError:
            raise self._died() from None
        # The first call of a plug-in imports it, which is no work of its test.
        self._answer(time.monotonic() + self._settings.start_seconds, "import it")
        return self._answer(time.monotonic() + self._settings.seconds, "answer")

    def end(self) -> str:
        """End the process; what it said last, and if it hangs, where."""
        if self._hangs and self.is_alive():
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGUSR1)
            self._hear_out()
        self._socket.close()
        self._process.kill()
        self._process.wait()
        self._listener.join(_LAST_WORDS)
        return _last_words(self._said.decode(errors="replace"))

    def _hear_out(self) -> None:
        """Wait until it has said where it hangs, or for so long that it will not."""
        deadline, heard = time.monotonic() + _LAST_WORDS, b""
        while time.monotonic() < deadline and self.is_alive():
            time.sleep(_QUIET)
            if heard == self._said and any(mark.encode() in heard for mark in _MARKS):
                return
            heard = self._said

    def _answer(self, deadline: float, what: str) -> bytes:
        length = int.from_bytes(self._exactly(_LENGTH_BYTES, deadline, what), "little")
        if length > _LARGEST:
            msg = f"its answer has {length} bytes, expected at most {_LARGEST}"
            raise DeadError(msg)
        return bytes(self._exactly(length, deadline, what))

    def _exactly(self, count: int, deadline: float, what: str) -> bytearray:
        body = bytearray()
        while len(body) < count:
            left = deadline - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                self._socket.settimeout(left)
                came = self._socket.recv(min(count - len(body), 1 << 20))
            except TimeoutError:
                settings = self._settings
                limit = settings.seconds if what == "answer" else settings.start_seconds
                raise self._late(what, limit) from None
            except OSError:
                raise self._died() from None
            if not came:
                raise self._died()
            body += came
        return body

    def _late(self, what: str, seconds: float) -> DeadError:
        self._hangs = True
        return DeadError(f"it did not {what} within {seconds:g} s, and was ended")

    def _died(self) -> DeadError:
        try:
            code = self._process.wait(_LAST_WORDS)
        except subprocess.TimeoutExpired:
            return DeadError("it closed its socket")
        if code < 0:
            return DeadError(f"its process died of {signal.Signals(-code).name}")
        return DeadError(f"its process ended with exit code {code}")

    def _listen(self) -> None:
        with self._process.stderr or open(os.devnull, "rb") as said:  # noqa: PTH123
            while chunk := said.read1(4096):  # type: ignore[attr-defined]
                self._said = (self._said + chunk)[-_HEARD:]
