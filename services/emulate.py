"""What `dqmstream emulate` does: plan, write down the truth, perform."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import typer

from dqmstream.clock import SystemClock
from dqmstream.sources.cms.emulating.perform import perform, write_truth
from dqmstream.sources.cms.emulating.plan import Operation, Plan, plan
from dqmstream.sources.cms.emulating.recorded import read_recorded
from dqmstream.sources.cms.emulating.settings import EmulationSettings
from services.shutdown import run_until_stopped

__all__ = ["emulate"]


def emulate(
    *,
    folder: Path,
    files: Sequence[Path],
    speed: float,
    emulation: Mapping[str, object],
    json: bool,
) -> int:
    """Write runs into a folder, in time, until all are written or it is stopped."""
    settings = EmulationSettings(**emulation)  # type: ignore[arg-type]
    planned = plan(settings, read_recorded(files))
    folder.parent.mkdir(parents=True, exist_ok=True)
    truth = write_truth(planned, folder)
    done = Counter[str]()

    def tell(operation: Operation) -> None:
        done[operation.what] += 1
        if not json and operation.what != "delete":
            typer.echo(_line(operation))

    status = run_until_stopped(
        lambda: perform(planned, folder, SystemClock(), speed=speed, on_done=tell)
    )
    if json:
        document = msgspec.json.encode(_summary(planned, truth, done))
        typer.echo(msgspec.json.format(document).decode())
    else:
        typer.echo(f"truth: {truth}")
    return status


def _line(operation: Operation) -> str:
    file = operation.file
    if file is None:
        return f"run {operation.run} {'begins' if operation.what == 'run' else 'ends'}"
    what = "half of " if operation.what == "half" else ""
    faults = f"  {', '.join(file.faults)}" if file.faults else ""
    return (
        f"run {file.run} LS {file.lumisection:>4} {what}{file.name}  "
        f"{file.readable} of {file.events} events{faults}"
    )


def _summary(planned: Plan, truth: Path, done: Mapping[str, int]) -> dict[str, object]:
    faults = Counter[str](fault for file in planned.files for fault in file.faults)
    return {
        "truth": str(truth),
        "operations": dict(done),
        "events": sum(file.events for file in planned.files),
        "readable": sum(file.readable for file in planned.files),
        "faults": dict(faults),
    }
