"""What a side runs: workspaces, quality tests, alarm rules and references, as a TOML file says.

The keys have the names they have in the settings; every one may be missing::

    workspaces = ["pixel", "my_detector.dqm:workspace"]
    workspace_files = ["my.toml"]           # beside these
    quality_tests = "tests.toml"            # instead of the shipped ones
    alarm_rules = "alarms.toml"             # instead of the shipped ones
    references = ["good_run.parquet"]       # histograms that quality tests compare with
    chunk_events = 500                      # cut chunks anew; as they were recorded if missing

Names of files are relative to the folder of this one.
"""

import hashlib
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from dqmstream.alarms.rules import AlarmRules, default_rules, read_rules
from dqmstream.errors import ConfigurationError, MessageError, SourceError
from dqmstream.histograms.layout import Layout
from dqmstream.identity import content_hash
from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import QualityTest, default_tests, read_tests
from dqmstream.quality.inputs import Chosen, ChosenReference, NoReference, References, Wanted
from dqmstream.quality.pattern import matches
from dqmstream.quality.plugins import load_plugins
from dqmstream.references.uploaded import fit_upload
from dqmstream.sources.histograms.describe import Description
from dqmstream.sources.histograms.reading import open_files
from dqmstream.workspaces.fitting import fitting
from dqmstream.workspaces.registry import load_workspaces
from playback.comparing.results import DeclaredTest

__all__ = ["Choice", "Running", "choose", "read_choice"]

_File = Annotated[str, msgspec.Meta(max_length=4096)]


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See the module."""

    workspaces: tuple[_File, ...] = ()
    workspace_files: tuple[_File, ...] = ()
    quality_tests: _File = ""
    alarm_rules: _File = ""
    references: tuple[_File, ...] = ()
    chunk_events: Annotated[int, msgspec.Meta(ge=0, le=10**6)] = 0

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it names."""
        named = [*self.workspace_files, self.quality_tests, self.alarm_rules, *self.references]
        named += [name for name in self.workspaces if name.endswith(".toml")]
        return tuple(Path(name) for name in named if name)

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
        return content_hash([self, digests])


@dataclass(frozen=True, kw_only=True)
class Running:
    """A choice made real: what fills and judges."""

    layouts: tuple[Layout, ...]
    tests: tuple[QualityTest, ...]
    rules: AlarmRules
    references: References
    notes: tuple[str, ...] = ()

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
    references, notes = _references(choice.references, layouts)
    return Running(
        layouts=layouts,
        tests=_tests(choice, [layout.booking for layout in layouts]),
        rules=_rules(choice),
        references=references,
        notes=notes,
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


def _references(
    files: Sequence[str], layouts: Sequence[Layout]
) -> tuple[References, tuple[str, ...]]:
    """The newest named file that has an element is its reference."""
    known: dict[tuple[str, str], ChosenReference] = {}
    for file in files:
        for layout in layouts:
            for path, reference in _of_file(Path(file), layout):
                known[layout.workspace, path] = reference

    def references(wanted: Wanted) -> Chosen:
        found = known.get((wanted.workspace, wanted.path))
        if wanted.kind != "histogram" or found is None:
            return NoReference(f"no {wanted.kind} among the files of the configuration")
        return (found,)

    return references, () if files else ("no references: quality tests that need one do not run",)


def _of_file(file: Path, layout: Layout) -> Iterator[tuple[str, ChosenReference]]:
    (opened,) = open_files([file], Description())
    try:
        fitted = fit_upload(opened.histograms(), layout.workspace, layout)
    except MessageError as error:
        if error.reason == "empty_reference":
            return  # a file of other workspaces
        raise SourceError(error.reason, f"reference {file}: {error.detail}") from error
    for place in fitted.contents.layout:
        yield (
            place.element.path,
            ChosenReference(
                version=content_hash([opened.incarnation, layout.workspace]),
                name=file.name,
                contents=fitted.contents,
                element=place,
            ),
        )


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
