"""The run key: what kind of run this is, from the hidden file `.run346373.global` beside the data.

Facts: CMSSW `DQM/Integration/python/config/dqmPythonTypes.py`; `fff_simulator.py` of fff_dqmtools.
"""

from pathlib import Path

import msgspec

__all__ = ["DEFAULT_RUN_KEY", "RUN_KEYS", "RunKey", "parse_run_key", "read_run_key"]

DEFAULT_RUN_KEY = "pp_run"
RUN_KEYS = frozenset(
    {
        "pp_run",
        "pp_run_stage1",
        "cosmic_run",
        "cosmic_run_stage1",
        "hi_run",
        "hpu_run",
        "commissioning_run",
    }
)
_MAX_BYTES = 4096


class RunKey(msgspec.Struct, frozen=True, kw_only=True):
    """Run type, and how sure we are of it.

    `note` is empty when the file said so, else why `run_key` is the default.
    """

    run_key: str = DEFAULT_RUN_KEY
    run_unique_key: str = ""
    note: str = ""


def parse_run_key(text: str) -> RunKey:
    """Run key from lines `name = value`; an unknown or empty one becomes `pp_run`, with a note."""
    lines = (line.partition("=") for line in text.splitlines())
    values = {name.strip(): value.strip() for name, separator, value in lines if separator}
    found = values.get("run_key", "")
    known = found in RUN_KEYS
    note = "" if known else f"run_key {found[:60]!r} is not known, taken as {DEFAULT_RUN_KEY}"
    return RunKey(
        run_key=found if known else DEFAULT_RUN_KEY,
        run_unique_key=values.get("run_unique_key", ""),
        note=note,
    )


def read_run_key(folder: Path, run: int) -> RunKey:
    """Run key of `run` from `folder` or the folder above, where the DAQ keeps it.

    A missing or unreadable file gives the default with a note: a run is monitored all the same.
    """
    tried = [place / f".run{run}.global" for place in (folder, folder.parent)]
    notes = []
    for path in tried:
        try:
            with path.open("rb") as stream:
                return parse_run_key(stream.read(_MAX_BYTES).decode("utf-8", "replace"))
        except OSError as error:
            notes.append(f"{path}: {error.strerror}")
    note = f"run {run}: {'; '.join(notes)}; taken as {DEFAULT_RUN_KEY}"
    return RunKey(note=note)
