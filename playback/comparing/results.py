"""The result of one side: a folder that whoever compares can read, whatever release wrote it.

====================  ==========================================================================
`ran_in.json`         `RanIn`: Python and distributions; written by who starts the side
`begun.json`          `Begun`: which release and configuration ran on which recording
`bookings.msgpack`    the `Booking` of each workspace, by name
`tests.json`          `DeclaredTest`s: the quality tests in force
`lumisections/N`      `LumisectionResult` of LS N, MessagePack: contents and reports
`at`                  `AtWork`, JSON: what is being done, for the case that it is the last thing
`ended.json`          `Ended`: alarms, costs, what was logged, and how it ended; written last
====================  ==========================================================================

Every file but `at` is written whole or not at all. A result without `ended.json` is not one.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import msgspec

from dqmstream.errors import SourceError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking
from dqmstream.messages.histograms import ScalarValue
from dqmstream.messages.quality import QualityReports
from playback.comparing.dependencies import RanIn

__all__ = [
    "SCHEMA",
    "AlarmStep",
    "AtWork",
    "Begun",
    "Costs",
    "Crash",
    "DeclaredTest",
    "Ended",
    "LogLine",
    "LumisectionResult",
    "ResultFolder",
    "ResultWriter",
    "SideResult",
    "WorkspaceCosts",
    "WorkspaceResult",
    "contents_of",
]

SCHEMA: Final = 1
_RAN_IN: Final = "ran_in.json"
_DOING: Final = 300
_AT_BYTES: Final = 2_000
"""Room for so many characters of a name, whichever they are."""
_T = TypeVar("_T")


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Unknown fields of later releases are left aside: either release may be the newer one."""


class Begun(_Part, frozen=True, kw_only=True):
    """What runs on what. `events` is false of what was made already, of which no costs are known;
    `workspaces` of a file, which does not say of which its elements are; `declared` of an export,
    which does not say how they are filled."""

    schema: int = SCHEMA
    release: str
    """As it was asked for: `git:main@.`."""
    version: str
    hash: str
    """Of the release's code, and of its configuration."""
    recording: str
    run: int
    run_type: str = ""
    events: bool = True
    workspaces: bool = True
    declared: bool = True
    covers: tuple[int, ...] = ()
    """LSs that its LS 0 is the sum of, if it has but that; empty where these are not known."""


class DeclaredTest(_Part, frozen=True, kw_only=True):
    """A quality test in force; `declared` is all that is said of it, by name."""

    name: str
    workspace: str
    path: str
    enabled: bool
    declared: dict[str, Any]


class WorkspaceResult(_Part, frozen=True, kw_only=True):
    """Contents of a workspace in an LS, as `Contents.encode` writes them."""

    workspace: str
    cells: bytes
    scalars: dict[int, ScalarValue] = {}
    invalid: dict[int, str] = {}


class LumisectionResult(_Part, frozen=True, kw_only=True):
    """One LS: events, contents, reports of all scopes; chunks that could not be used by reason."""

    lumisection: int
    seen: int = 0
    selected: int = 0
    refused: dict[str, int] = {}
    contents: tuple[WorkspaceResult, ...] = ()
    reports: tuple[QualityReports, ...] = ()


class AtWork(_Part, frozen=True, kw_only=True):
    """What a side is at."""

    lumisection: int
    doing: str


class AlarmStep(_Part, frozen=True, kw_only=True):
    """A step of an alarm, and by which LS it came."""

    lumisection: int
    alarm: str
    event: str
    after: str


class WorkspaceCosts(_Part, frozen=True, kw_only=True):
    """What a workspace costs.

    `cpu` and `wall` are seconds per event of filling it, in each repeat the median over LSs;
    `judging` CPU seconds per LS. Bytes: `booked` are its cells, `made` what its filler takes,
    `working` the most it takes while it fills, `kept` what each further LS leaves behind.
    """

    workspace: str
    cpu: tuple[float, ...] = ()
    wall: tuple[float, ...] = ()
    judging: float = 0.0
    booked: int = 0
    made: int = 0
    working: int = 0
    kept: int = 0


class Costs(_Part, frozen=True, kw_only=True):
    """What a side costs: CPU seconds and wall-clock seconds in all, highest memory in bytes, and
    CPU seconds per event of filling all (`cpu_per_event`, one for each repeat)."""

    cpu: float = 0.0
    wall: float = 0.0
    memory: int = 0
    events: int = 0
    cpu_per_event: tuple[float, ...] = ()
    decoding: float = 0.0
    """CPU seconds per event of reading and decoding chunks."""
    workspaces: tuple[WorkspaceCosts, ...] = ()


class LogLine(_Part, frozen=True, kw_only=True):
    """Lines logged of one kind, `text` without their values: how many, and the first as it was."""

    level: str
    logger: str
    text: str
    count: int
    first: str


class Crash(_Part, frozen=True, kw_only=True):
    """A side that did not get to its end: at which LS, doing what, and the last it said."""

    lumisection: int
    doing: str
    why: str
    said: str = ""


class Ended(_Part, frozen=True, kw_only=True):
    """How a side ended."""

    alarms: tuple[AlarmStep, ...] = ()
    costs: Costs | None = None
    logged: tuple[LogLine, ...] = ()
    crash: Crash | None = None
    notes: tuple[str, ...] = ()
    """What was left out or assumed, to be told in the report."""


class SideResult(Protocol):
    """What is compared: a result in a folder, or in memory."""

    @property
    def begun(self) -> Begun: ...
    @property
    def ended(self) -> Ended: ...
    @property
    def ran_in(self) -> RanIn | None:
        """None of what was made already."""
        ...

    @property
    def layouts(self) -> Mapping[str, Layout]:
        """By workspace."""
        ...

    @property
    def tests(self) -> Sequence[DeclaredTest]: ...
    @property
    def lumisections(self) -> Sequence[int]:
        """Rising numbers of those there are."""
        ...

    def lumisection(self, number: int) -> LumisectionResult:
        """One of them."""
        ...


def contents_of(result: LumisectionResult, layouts: Mapping[str, Layout]) -> dict[str, Contents]:
    """Contents of each workspace in an LS."""
    return {
        one.workspace: Contents.decode(layouts[one.workspace], one.cells, one.scalars, one.invalid)
        for one in result.contents
    }


class ResultWriter:
    """Writes a result into an empty folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "lumisections").mkdir(parents=True, exist_ok=True)
        self._at: int | None = None

    def runs_in(self, ran_in: RanIn) -> None:
        """What it is about to run in."""
        _write(self.folder / _RAN_IN, msgspec.json.encode(ran_in))

    def begin(
        self, begun: Begun, bookings: Sequence[Booking], tests: Sequence[DeclaredTest]
    ) -> None:
        """What is run."""
        _write(self.folder / "bookings.msgpack", msgspec.msgpack.encode(bookings))
        _write(self.folder / "tests.json", msgspec.json.encode(tests))
        _write(self.folder / "begun.json", msgspec.json.encode(begun))

    def at(self, lumisection: int, doing: str) -> None:
        """Note what comes next; it outlives the process, not the machine."""
        if self._at is None:
            self._at = os.open(self.folder / "at", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        # One write of one length: whoever reads sees this line or the one before.
        line = msgspec.json.encode(AtWork(lumisection=lumisection, doing=doing[:_DOING]))
        os.pwrite(self._at, line.ljust(_AT_BYTES), 0)

    def add(self, result: LumisectionResult) -> None:
        """One LS."""
        path = self.folder / "lumisections" / f"{result.lumisection:08}.msgpack"
        _write(path, msgspec.msgpack.encode(result))

    def end(self, ended: Ended) -> None:
        """The last thing."""
        if self._at is not None:
            os.close(self._at)
            self._at = None
        _write(self.folder / "ended.json", msgspec.json.format(msgspec.json.encode(ended)))


@dataclass(frozen=True)
class ResultFolder:
    """A result in a folder.

    Raises
    ------
    SourceError
        With reason `bad_result` if a file is missing, broken, or of a later schema.
    """

    folder: Path

    @cached_property
    def begun(self) -> Begun:
        found = _read(self.folder / "begun.json", Begun)
        if found.schema > SCHEMA:
            detail = f"{self.folder}: schema {found.schema}, this release reads up to {SCHEMA}"
            raise SourceError("bad_result", detail)
        return found

    @cached_property
    def ran_in(self) -> RanIn | None:
        path = self.folder / _RAN_IN
        return _read(path, RanIn) if path.is_file() else None

    @cached_property
    def ended(self) -> Ended:
        return _read(self.folder / "ended.json", Ended)

    @cached_property
    def layouts(self) -> Mapping[str, Layout]:
        bookings = _read(self.folder / "bookings.msgpack", tuple[Booking, ...])
        return {one.workspace: Layout(one) for one in bookings}

    @cached_property
    def tests(self) -> Sequence[DeclaredTest]:
        return _read(self.folder / "tests.json", tuple[DeclaredTest, ...])

    @cached_property
    def lumisections(self) -> Sequence[int]:
        files = (self.folder / "lumisections").glob("*.msgpack")
        return sorted(int(path.stem) for path in files)

    @property
    def at(self) -> AtWork | None:
        """What was done last, if anything was noted."""
        path = self.folder / "at"
        return _read(path, AtWork) if path.is_file() and path.stat().st_size else None

    def lumisection(self, number: int) -> LumisectionResult:
        path = self.folder / "lumisections" / f"{number:08}.msgpack"
        return _read(path, LumisectionResult)


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        raw = path.read_bytes()
        decode = msgspec.msgpack.decode if path.suffix == ".msgpack" else msgspec.json.decode
        return decode(raw, type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise SourceError("bad_result", f"{path}: {error}") from error


def _write(path: Path, body: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
