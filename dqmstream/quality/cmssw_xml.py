"""CMSSW's files of quality tests: what stands in their XML, not yet what it means.

::

    <TESTSCONFIGURATION>
      <QTEST name="x"><TYPE>ContentsXRange</TYPE><PARAM name="xmin">0</PARAM>...</QTEST>
      <LINK name="glob of paths"><TestName activate="true">x</TestName></LINK>
    </TESTSCONFIGURATION>

The structure is that of CMSSW DQMServices/Components/plugins/QualityTester.cc; other elements are
passed over, as there.
"""

from dataclasses import dataclass, field
from typing import Final

# A document type, with which entities could be declared, is refused before any is expanded.
from xml.parsers import expat

from dqmstream.errors import ConfigurationError

__all__ = ["MAX_BYTES", "CmsswFile", "CmsswLink", "CmsswTest", "read_cmssw_xml"]

MAX_BYTES: Final = 8 << 20
"""Largest file that is read; the largest known has 35 kB."""
_ROOT: Final = "TESTSCONFIGURATION"


@dataclass(frozen=True, kw_only=True, slots=True)
class CmsswTest:
    """A QTEST: its name, TYPE, and parameters in their order, all as text; and its line."""

    name: str
    type: str
    parameters: tuple[tuple[str, str], ...]
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CmsswLink:
    """A TestName of a LINK: which test runs on which elements, and whether it does."""

    pattern: str
    test: str
    active: bool
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CmsswFile:
    """What could be read of a file, and what could not."""

    name: str
    tests: tuple[CmsswTest, ...]
    links: tuple[CmsswLink, ...]
    problems: tuple[str, ...] = ()


def read_cmssw_xml(data: bytes, file: str) -> CmsswFile:
    """Tests and links of a file.

    Of one that is not well-formed, all that ends before the first mistake is read, and the mistake
    is a problem: a file in use at CMS ends with a wrong tag.

    Raises
    ------
    ConfigurationError
        If it is too large, not XML, has a document type or entities, or another root element.
    """
    if len(data) > MAX_BYTES:
        msg = f"{file}: {len(data)} bytes, expected at most {MAX_BYTES}"
        raise ConfigurationError(msg)
    reading = _Reading(file=file)
    parser = reading.parser
    problems = []
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        why = f"not well-formed XML at line {error.lineno}: {expat.ErrorString(error.code)}"
        if not reading.open and not reading.tests and not reading.links:
            msg = f"{file}: {why}"
            raise ConfigurationError(msg) from error
        problems.append(
            f"{why}; read are the {len(reading.tests)} tests and {len(reading.links)} links before"
        )
    return CmsswFile(
        name=file,
        tests=tuple(reading.tests),
        links=tuple(reading.links),
        problems=(*reading.problems, *problems),
    )


@dataclass(kw_only=True, slots=True)
class _Reading:
    """A file being read: elements that are open, and what was in those that are closed."""

    file: str
    tests: list[CmsswTest] = field(default_factory=list)
    links: list[CmsswLink] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    outer: dict[str, str] = field(default_factory=dict)
    line: int = 0
    type: str = ""
    parameters: list[tuple[str, str]] = field(default_factory=list)
    parser: expat.XMLParserType = field(init=False)

    def __post_init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text.append
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.parser.EntityDeclHandler = self.refuse

    def refuse(self, *_declared: object) -> None:
        msg = f"{self.file}: has a document type, expected plain XML: entities are not expanded"
        raise ConfigurationError(msg)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self.open and tag != _ROOT:
            msg = f"{self.file}: the root element is {tag!r}, expected {_ROOT!r}"
            raise ConfigurationError(msg)
        self.open.append(tag)
        self.text.clear()
        self.attributes = attributes
        if len(self.open) == 2:
            self.outer, self.line = attributes, self.parser.CurrentLineNumber
            self.type, self.parameters = "", []

    def end(self, _tag: str) -> None:
        text = "".join(self.text).strip()
        match self.open[1:]:
            case ["QTEST"]:
                self.end_test()
            case ["QTEST", "TYPE"]:
                self.type = text
            case ["QTEST", "PARAM"]:
                self.parameters.append((self.attributes.get("name", ""), text))
            case ["LINK", "TestName"]:
                self.end_link(text)
        self.open.pop()
        self.text.clear()

    def end_test(self) -> None:
        name = self.outer.get("name", "").strip()
        if not name:
            self.problems.append(f"the QTEST at line {self.line} has no name")
            return
        self.tests.append(
            CmsswTest(name=name, type=self.type, parameters=tuple(self.parameters), line=self.line)
        )

    def end_link(self, test: str) -> None:
        line = self.parser.CurrentLineNumber
        pattern = self.outer.get("name", "")
        if not pattern:
            self.problems.append(f"the LINK at line {self.line} has no name")
            return
        active = self.attributes.get("activate", "").strip().lower()
        if active not in ("true", "1", "false", "0"):
            self.problems.append(
                f"the TestName {test!r} at line {line}: activate is {active!r}, "
                "expected true or false"
            )
            return
        self.links.append(
            CmsswLink(pattern=pattern, test=test, active=active in ("true", "1"), line=line)
        )
