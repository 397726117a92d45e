"""CMSSW's quality tests as ours: one table of our TOML for each LINK and test that it names.

What cannot be mapped is said, with the reason; nothing is passed over in silence.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from dqmstream.errors import ConfigurationError
from dqmstream.messages.struct import Value
from dqmstream.quality.cmssw_pattern import our_pattern
from dqmstream.quality.cmssw_types import TYPES, Given, NotMappedError, Taken, aliased
from dqmstream.quality.cmssw_xml import CmsswFile, CmsswLink, CmsswTest
from dqmstream.quality.declaration import Scope, read_tests
from dqmstream.quality.declared_table import usable_name

__all__ = ["Imported", "ImportedTest", "NotMapped", "Note", "import_cmssw"]

_WARNING: Final = 0.9
_ERROR: Final = 0.5
"""CMSSW's thresholds of tests that do not say theirs."""
_LONGEST: Final = 90
"""Characters of a name that are kept: a number may follow."""


class ImportedTest(Value, frozen=True, kw_only=True):
    """A test in our terms: its name, where it is from, and its table as text."""

    name: str
    algorithm: str
    path: str
    enabled: bool
    file: str
    link: str
    toml: str


class NotMapped(Value, frozen=True, kw_only=True):
    """What is in a file and not in the result: a link of a test, or a test, or the rest of it."""

    file: str
    test: str = ""
    link: str = ""
    reason: str


class Note(Value, frozen=True, kw_only=True):
    """What was left out or assumed of a test that is in the result."""

    file: str
    test: str
    text: str


class Imported(Value, frozen=True, kw_only=True):
    """The result for some files."""

    tests: tuple[ImportedTest, ...]
    unmapped: tuple[NotMapped, ...]
    notes: tuple[Note, ...]

    @property
    def toml(self) -> str:
        """The file of tests, as `read_tests` reads it."""
        files = ", ".join(dict.fromkeys(test.file for test in self.tests))
        head = f"# Quality tests of CMSSW, from {_one_line(files)}."
        return "\n\n".join([head, *(test.toml for test in self.tests)]) + "\n"


def import_cmssw(
    files: Sequence[CmsswFile], *, scope: Scope = "run", corrected: bool = False
) -> Imported:
    """Tests of CMSSW's files as ours.

    Parameters
    ----------
    scope
        Of all tests: CMSSW judges what its elements hold, which most often is the run so far.
    corrected
        Without CMSSW's mistakes. Thresholds were chosen with them: without them they are others.
    """
    found: list[_Table] = []
    unmapped: list[NotMapped] = []
    notes: list[Note] = []
    for file in files:
        unmapped += [NotMapped(file=file.name, reason=problem) for problem in file.problems]
        tests = {test.name: test for test in file.tests}
        for name, count in Counter(test.name for test in file.tests).items():
            if count > 1:
                text = f"is defined {count} times, the last one counts"
                notes.append(Note(file=file.name, test=name, text=text))
        tables: dict[str, _Written | NotMappedError] = {}
        for name, test in tests.items():
            tables[name] = _written(test, corrected=corrected)
        linked = set()
        for link in dict.fromkeys(_without_line(link) for link in file.links):
            linked.add(link.test)
            table = tables.get(link.test)
            try:
                found.append(_linked(file, link, table, scope))
            except NotMappedError as error:
                unmapped.append(
                    NotMapped(file=file.name, test=link.test, link=link.pattern, reason=str(error))
                )
        unmapped += [
            NotMapped(file=file.name, test=name, reason="no LINK names it")
            for name in tests
            if name not in linked
        ]
        for name in tests:
            table = tables[name]
            if isinstance(table, _Written) and name in linked:
                notes += [Note(file=file.name, test=name, text=text) for text in table.notes]
    return Imported(tests=tuple(_named(found)), unmapped=tuple(unmapped), notes=tuple(notes))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """A test with its lines of TOML that do not depend on a link."""

    algorithm: str
    lines: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Table:
    """A test on one link."""

    file: str
    link: CmsswLink
    written: _Written
    path: str
    scope: Scope


def _written(test: CmsswTest, *, corrected: bool) -> _Written | NotMappedError:
    """The test in our terms, or why it cannot be."""
    algorithm = aliased(test.type)
    given = Given(left=dict(test.parameters))
    if algorithm != test.type:
        given.notes.append(f"TYPE {test.type!r} is another name of {algorithm!r}")
    if len(given.left) < len(test.parameters):
        given.notes.append("a parameter is given twice, the last one counts")
    try:
        if algorithm not in TYPES:
            msg = f"TYPE {test.type!r} is unknown"
            raise NotMappedError(msg)
        error, warning = given.number("error", _ERROR), given.number("warning", _WARNING)
        taken = TYPES[algorithm](given)
        lines = tuple(_lines(algorithm, taken, (warning, error), given, corrected=corrected))
    except NotMappedError as why:
        return why
    given.notes += [
        f"parameter {name!r} is unknown to {algorithm}, left out" for name in sorted(given.left)
    ]
    return _Written(algorithm=algorithm, lines=lines, notes=tuple(given.notes))


def _lines(
    algorithm: str,
    taken: Taken,
    thresholds: tuple[float, float],
    given: Given,
    *,
    corrected: bool,
) -> Iterator[str]:
    warning, error = thresholds
    parameters, least = dict(taken.parameters), taken.least
    if error > warning:
        given.notes.append(
            f"warning {warning:g} is below error {error:g}, which comes first: left out"
        )
        warning = error
    if algorithm == "CheckVariance" and (corrected or warning > 1):
        if warning <= 0:
            msg = "warning and error are not above 0: it cannot fail"
            raise NotMappedError(msg)
        # A spread below `warning` warns: as a share of it, below 1.
        parameters["minimum"], warning, error = warning, 1.0, max(error, 0.0) / warning
        corrected = True
    if max(warning, error) > 1:
        msg = f"warning is {warning:g} and error {error:g}: above 1 nothing can pass"
        raise NotMappedError(msg)
    if not corrected:
        parameters["cmssw_compatible"] = True
        least = max(least, 1)
    if least:
        yield f"min_entries = {least}"
    yield f"warning = {_number(max(warning, 0.0))}"
    yield f"error = {_number(max(error, 0.0))}"
    if algorithm == "Comp2RefEqualH":
        yield 'normalise = "none"'
    if parameters:
        inside = ", ".join(f"{key} = {_number(value)}" for key, value in parameters.items())
        yield f"parameters = {{ {inside} }}"


def _linked(
    file: CmsswFile, link: CmsswLink, written: "_Written | NotMappedError | None", scope: Scope
) -> _Table:
    if written is None:
        msg = f"no QTEST is named {link.test!r}"
        raise NotMappedError(msg)
    if isinstance(written, NotMappedError):
        raise written
    try:
        path = our_pattern(link.pattern)
    except ValueError as error:
        msg = f"LINK {link.pattern!r} {error}"
        raise NotMappedError(msg) from error
    table = _Table(file=file.name, link=link, written=written, path=path, scope=scope)
    try:
        read_tests(_toml(table, "t"), "it")
    except ConfigurationError as error:
        reason = str(error).removeprefix("it: quality test 't': ")
        msg = f"is not a test of ours: {reason}"
        raise NotMappedError(msg) from error
    return table


def _named(tables: Sequence[_Table]) -> Iterator[ImportedTest]:
    """With names of their own: those of a test with several links are numbered."""
    short = [usable_name(table.link.test[:_LONGEST]) for table in tables]
    count, seen = Counter(short), Counter[str]()
    taken = set(short)
    for table, start in zip(tables, short, strict=True):
        name = start
        while count[start] > 1:
            seen[start] += 1
            name = f"{start} ({seen[start]})"
            if name not in taken:
                taken.add(name)
                break
        yield ImportedTest(
            name=name,
            algorithm=table.written.algorithm,
            path=table.path,
            enabled=table.link.active,
            file=table.file,
            link=table.link.pattern,
            toml=_toml(table, name),
        )


def _toml(table: _Table, name: str) -> str:
    lines = [
        f"# LINK {_one_line(table.link.pattern)}, {_one_line(table.file)}",
        "[[quality_test]]",
        f"name = {_string(name)}",
        f"algorithm = {_string(table.written.algorithm)}",
        f"path = {_string(table.path)}",
        f"scope = {_string(table.scope)}",
        *([] if table.link.active else ["enabled = false"]),
        *table.written.lines,
    ]
    return "\n".join(lines)


def _without_line(link: CmsswLink) -> CmsswLink:
    """A link that is there twice is one."""
    return CmsswLink(pattern=link.pattern, test=link.test, active=link.active, line=0)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


def _number(value: float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _string(text: str) -> str:
    """A TOML string; a literal one where that saves doubled backslashes."""
    if "\\" in text and "'" not in text and text == _one_line(text):
        return f"'{text}'"
    escaped = re.sub(r'([\\"])', r"\\\1", text)
    return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda one: f"\\u{ord(one[0]):04x}", escaped) + '"'
