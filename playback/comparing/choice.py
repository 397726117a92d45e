"""What a side runs: workspaces, quality tests, alarm rules and references, as a TOML file says.

The keys have the names they have in the settings; every one may be missing::

    workspaces = ["pixel", "my_detector.dqm:workspace"]
    workspace_files = ["my.toml"]           # beside these
    quality_tests = "tests.toml"            # instead of the shipped ones
    alarm_rules = "alarms.toml"             # instead of the shipped ones
    references = ["good_run.parquet"]       # histograms that quality tests compare with
    catalogue = "production.references"     # what they compare with else: references of a system
    chunk_events = 500                      # cut chunks anew; as they were recorded if missing

Names of files are relative to the folder of this one.
"""

import hashlib
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from dqmstream.alarms.rules import AlarmRules, default_rules, read_rules
from dqmstream.errors import ConfigurationError
from dqmstream.histograms.layout import Layout
from dqmstream.identity import content_hash
from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import QualityTest, default_tests, read_tests
from dqmstream.quality.pattern import matches
from dqmstream.quality.plugins import load_plugins
from dqmstream.workspaces.fitting import fitting
from dqmstream.workspaces.registry import load_workspaces
from playback.comparing.held_references import HeldReferences, held_references
from playback.comparing.results import DeclaredTest

__all__ = ["Choice", "Running", "choose", "read_choice"]

_File = Annotated[str, msgspec.Meta(max_length=4096)]


class Choice(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """See the module. What is not said does not travel to the release that runs it, which may be
    older and not know of it."""

    workspaces: tuple[_File, ...] = ()
    workspace_files: tuple[_File, ...] = ()
    quality_tests: _File = ""
    alarm_rules: _File = ""
    references: tuple[_File, ...] = ()
    catalogue: _File = ""
    chunk_events: Annotated[int, msgspec.Meta(ge=0, le=10**6)] = 0

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it names."""
        named = [*self.workspace_files, self.quality_tests, self.alarm_rules, *self.references]
        named.append(self.catalogue)
        named += [name for name in self.workspaces if name.endswith(".toml")]
        return tuple(Path(name) for name in named if name)

    @property
    def packages(self) -> tuple[str, ...]:
        """Top-level packages of the workspaces that it names as `package.module:workspace`."""
        modules = (one.partition(":")[0] for one in self.workspaces if not one.endswith(".toml"))
        named = {one.partition(".")[0] for one in modules}
        return tuple(sorted(one for one in named if one.isidentifier()))

    def hash(self) -> str:
        """Of what it says and of all that is in its files.

        Raises
        ------
        ConfigurationError
            If a file cannot be read.
        """
        digests = []
        for path in self.files:
            try:
                digests.append(hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest())
            except OSError as error:
                msg = f"{path}: cannot be read: {error.strerror}"
                raise ConfigurationError(msg) from error
        # By its content alone: the same catalogue comes out of a log, and of a file somewhere.
        return content_hash([msgspec.structs.replace(self, catalogue=""), digests])


@dataclass(frozen=True, kw_only=True)
class Running:
    """A choice made real: what fills and judges."""

    layouts: tuple[Layout, ...]
    tests: tuple[QualityTest, ...]
    rules: AlarmRules
    references: HeldReferences

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told once all is judged: which references that was done with."""
        return self.references.notes

    @property
    def declared(self) -> tuple[DeclaredTest, ...]:
        """The quality tests as they stand in a result."""
        return tuple(map(_declared, self.tests))


def read_choice(file: Path | None) -> Choice:
    """The choice of a TOML file; without one, what is shipped.

    Raises
    ------
    ConfigurationError
        Naming the file and what in it is wrong.
    """
    if file is None:
        return Choice()
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Choice)
    except OSError as error:
        msg = f"configuration {file}: cannot be read: {error.strerror}"
        raise ConfigurationError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"configuration {file}: not TOML: {error}"
        raise ConfigurationError(msg) from error
    except msgspec.ValidationError as error:
        expected = ", ".join(Choice.__struct_fields__)
        msg = f"configuration {file}: {error}; the keys are {expected}"
        raise ConfigurationError(msg) from error
    return _beside(found, file.parent)


def _beside(choice: Choice, folder: Path) -> Choice:
    """With names of files relative to a folder made absolute."""

    def at(name: str) -> str:
        return str((folder / name).resolve()) if name else ""

    return msgspec.structs.replace(
        choice,
        workspaces=tuple(at(n) if n.endswith(".toml") else n for n in choice.workspaces),
        workspace_files=tuple(map(at, choice.workspace_files)),
        quality_tests=at(choice.quality_tests),
        alarm_rules=at(choice.alarm_rules),
        references=tuple(map(at, choice.references)),
        catalogue=at(choice.catalogue),
    )


def choose(choice: Choice, columns: Collection[str]) -> Running:
    """What fills and judges, as it would in the services.

    Parameters
    ----------
    columns
        Of the recording: without workspaces by name those are taken that fit it.

    Raises
    ------
    BookingError, ConfigurationError, SourceError
        If a workspace, a quality test, a rule or a reference is wrong.
    """
    of_files = load_workspaces(choice.workspace_files) if choice.workspace_files else ()
    bookings = load_workspaces(choice.workspaces or None)
    if not choice.workspaces:
        bookings = fitting(bookings, columns, beside=of_files)
    layouts = tuple(Layout(b) for b in sorted(bookings + of_files, key=lambda b: b.workspace))
    return Running(
        layouts=layouts,
        tests=_tests(choice, [layout.booking for layout in layouts]),
        rules=_rules(choice),
        references=held_references(choice.references, choice.catalogue, layouts),
    )


def _tests(choice: Choice, bookings: Sequence[Booking]) -> tuple[QualityTest, ...]:
    if choice.quality_tests:
        text = _text(choice.quality_tests, "quality tests")
        return read_tests(text, choice.quality_tests, load_plugins().algorithms)
    names = {booking.workspace for booking in bookings}
    tests = default_tests()
    return tuple(one for one in tests if any(matches(one.workspace, name) for name in names))


def _rules(choice: Choice) -> AlarmRules:
    if not choice.alarm_rules:
        return default_rules()
    return read_rules(_text(choice.alarm_rules, "alarm rules"), choice.alarm_rules)


def _text(file: str, what: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{what} {file}: cannot be read: {error}"
        raise ConfigurationError(msg) from error


def _declared(test: QualityTest) -> DeclaredTest:
    words: dict[str, Any] = msgspec.to_builtins(test, enc_hook=repr)
    for name in ("name", "workspace", "path", "enabled"):
        words.pop(name)
    return DeclaredTest(
        name=test.name,
        workspace=test.workspace,
        path=test.path,
        enabled=test.enabled,
        declared=words,
    )
