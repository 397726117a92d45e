"""The files of a run that are open: those read last, within a bound of files and of bytes."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dqmstream.sources.fingerprint import fingerprint
from dqmstream.sources.tables.blocks import Blocks
from dqmstream.sources.tables.files import TableFile
from dqmstream.sources.tables.naming import Part

__all__ = ["MOST_OPEN", "KeptFiles"]

MOST_OPEN: Final = 100
"""Files that are open at once; a process may often have no more than 1024."""
_BLOCKS: Final = 4
"""So many blocks of the full size may be in memory, shared by all open files."""


class KeptFiles:
    """Opens files, and keeps those read last: the LSs of a run may go through all of them in turn.

    Parameters
    ----------
    run
        Which one.
    files, parts
        Which columns of each file, and what they become.
    block_bytes
        Most of a file at once. Where there are many files, less: it decides how much is read at
        once, never what comes of it.
    """

    def __init__(
        self,
        run: int,
        files: Sequence[TableFile],
        parts: Sequence[Sequence[Part]],
        block_bytes: int,
    ) -> None:
        self._run = run
        self._files = files
        self._parts = parts
        shared = _BLOCKS * block_bytes // min(len(files), MOST_OPEN)
        self._block_bytes = min(block_bytes, shared)
        self._open: OrderedDict[int, Blocks] = OrderedDict()

    def blocks(self, number: int) -> Blocks:
        """The blocks of a file; `unreadable` ones if it has changed since it was indexed."""
        if number not in self._open:
            if len(self._open) >= MOST_OPEN:
                self._open.popitem(last=False)[1].close()
            file = self._files[number]
            refused = _changed(file)
            made = Blocks(file.table, self._parts[number], self._block_bytes, refused=refused)
            self._open[number] = made
        self._open.move_to_end(number)
        return self._open[number]

    def close(self) -> None:
        """Let go of all files; not of what was unpacked and has later runs, which will be read."""
        for number, blocks in self._open.items():
            file = self._files[number]
            if file.table.unpacks and self._run < file.last_run:
                blocks.forget()
            else:
                blocks.close()
        self._open.clear()


def _changed(file: TableFile) -> str:
    """Why a file is not the one that was indexed; empty if it is."""
    path: Path = file.table.path
    try:
        now = fingerprint(path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    if now == list(file.print):
        return ""
    return f"{path} has changed since its rows were looked up: {now} came, expected {file.print}"
