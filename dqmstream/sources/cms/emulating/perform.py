"""Performing a plan on a real folder, in time."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from dqmstream.clock import Clock
from dqmstream.errors import ConfigurationError
from dqmstream.sources.cms.emulating.plan import EmulatedFile, Operation, Plan
from dqmstream.sources.cms.jsn import Jsn, JsnForm, encode_jsn
from dqmstream.sources.cms.limits import Limits
from dqmstream.sources.cms.pair import find_pair

__all__ = ["perform", "truth_path", "write_truth"]

_BLOCK = 1 << 20


async def perform(
    plan: Plan,
    folder: Path,
    clock: Clock,
    *,
    speed: float | None = 1.0,
    on_done: Callable[[Operation], None] | None = None,
) -> None:
    """Do what is planned, each operation at its time.

    Parameters
    ----------
    speed
        1 is real time, k is k times as fast, None does not wait.
    on_done
        Called after each operation.

    Raises
    ------
    ConfigurationError
        If the folder has one of the runs already.
    """
    await asyncio.to_thread(_check_new, plan, folder)
    start = clock.monotonic()
    for operation in plan.operations:
        if speed is not None:
            await asyncio.sleep(max(0.0, start + operation.at / speed - clock.monotonic()))
        await asyncio.to_thread(_do, operation, folder, plan.settings.run_key)
        if on_done is not None:
            on_done(operation)


def truth_path(folder: Path) -> Path:
    """Where the truth about a folder stands: beside it, for a watcher must not find it there."""
    return folder.with_name(f"{folder.name}.truth.json")


def write_truth(plan: Plan, folder: Path) -> Path:
    """Write what is planned, as JSON: settings, files, runs that end. Blocks."""
    path = truth_path(folder)
    truth = {"settings": plan.settings, "files": plan.files, "ended_runs": plan.ended_runs}
    path.write_bytes(msgspec.json.format(msgspec.json.encode(truth)))
    return path


def _check_new(plan: Plan, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for run in sorted({operation.run for operation in plan.operations}):
        if _run_folder(folder, run).exists():
            msg = f"{folder} has run {run} already: begin with another by --run"
            raise ConfigurationError(msg)


def _run_folder(folder: Path, run: int) -> Path:
    return folder / f"run{run:06d}"


def _do(operation: Operation, root: Path, run_key: str) -> None:
    folder, file = _run_folder(root, operation.run), operation.file
    match operation.what:
        case "run":
            folder.mkdir()
            key = f"run_key = {run_key}\nrun_unique_key = emulated-{operation.run}\n"
            _appear(root / f".run{operation.run}.global", key.encode())
        case "end":
            _appear(folder / f"run{operation.run:06d}_ls0000_EoR.jsn", b"")
        case "half":
            assert file is not None  # noqa: S101 planned with one
            _copy(file, folder)
            content = _jsn(file)
            # In place, as a file system does that does not keep renames whole.
            (folder / file.name).with_suffix(".jsn").write_bytes(content[: len(content) // 2])
        case "whole":
            assert file is not None  # noqa: S101 planned with one
            if not (folder / file.name).exists():
                _copy(file, folder)
            _appear((folder / file.name).with_suffix(".jsn"), _jsn(file))
        case "delete":
            assert file is not None  # noqa: S101 planned with one
            (folder / file.name).with_suffix(".jsn").unlink(missing_ok=True)
            (folder / file.name).unlink(missing_ok=True)


def _copy(file: EmulatedFile, folder: Path) -> None:
    """The first bytes of the recorded file, which appear whole."""
    part = folder / f".{file.name}.part"
    left = file.size
    with Path(file.source).open("rb") as source, part.open("wb") as target:
        while left and (block := source.read(min(left, _BLOCK))):
            target.write(block)
            left -= len(block)
    part.replace(folder / file.name)


def _jsn(file: EmulatedFile) -> bytes:
    """The recorded `.jsn` with the new name in it; size and checksum stay those of the record."""
    source = Path(file.source)
    recorded = find_pair(source, Limits()).jsn
    if recorded is None:
        recorded = Jsn(
            form=JsnForm.DQM,
            processed=file.events,
            accepted=file.events,
            errors=0,
            file=source.name,
        )
    renamed = msgspec.structs.replace(recorded, file=file.name)
    return encode_jsn(renamed, source=f"emulated_{os.getpid()}")


def _appear(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
