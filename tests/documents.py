"""Documents as tests: the fenced blocks of a page, played from its beginning to its end.

- `python`: run, one namespace for a page; `text` after it is what it prints;
- `toml`: read by whatever reads such a file: workspace, quality tests, project, settings;
- `json`: a message to the stream, or a layout; read by what reads these;
- `sh`: run by a shell that ends at the first error; `console`: `$ command` and what it prints.

A block whose first line is a comment with a file name is written to that file. `...` in shown
output stands for anything. A comment before a block says what is special about it:
`<!-- stays running -->` for a system that serves until the end of the page, and
`<!-- not run: why -->` for what cannot run in a test, whose commands and options must exist.
"""

import contextlib
import importlib.metadata
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import typer.main

from dqmstream.layouts.check import read_layout
from dqmstream.messages.booking import Booking
from dqmstream.notifications.declaration import read_notifications
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.sources.cms.madeup.plan import read_plan
from dqmstream.sources.synthetic.scenario import read_scenario
from dqmstream.store.retention import read_retention
from dqmstream.workspaces.registry import GROUP, load_workspaces
from playback.comparing.choice import read_choice
from playback.comparing.policy import read_policy
from services.cli import app
from services.gateway.protocol import read_message
from services.settings_layers import load_settings

__all__ = [
    "ROOT",
    "Block",
    "Player",
    "blocks_of",
    "missing_links",
    "plain_environment",
    "unknown_words",
]

ROOT: Final = Path(__file__).parents[1]
_FENCED: Final = re.compile(
    r"(?:^<!-- (?P<marker>[^\n]+?) -->\n\n?)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_FILE: Final = re.compile(r"# (?P<path>[\w./-]+\.\w+)(?: .*)?\n")
_NOT_RUN: Final = "not run: "
_STAYS: Final = "stays running"
_SECONDS: Final = 240


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """One fenced block, and on which line of its page it begins."""

    language: str
    text: str
    line: int
    marker: str = ""

    @property
    def not_run(self) -> str:
        """Why it does not run in a test; empty if it does."""
        return self.marker.removeprefix(_NOT_RUN) if self.marker.startswith(_NOT_RUN) else ""

    @property
    def path(self) -> str:
        """The file it is the contents of; empty if none is named."""
        found = _FILE.match(self.text)
        return found["path"] if found else ""

    @property
    def commands(self) -> list[str]:
        """Lines of a shell, without what they print."""
        if self.language == "console":
            return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]
        return self.text.splitlines() if self.language == "sh" else []


def blocks_of(page: str) -> list[Block]:
    """The fenced blocks of a page."""
    return [
        Block(
            language=found["language"],
            text=found["text"],
            line=page.count("\n", 0, found.start("text")),
            marker=found["marker"] or "",
        )
        for found in _FENCED.finditer(page)
    ]


def unknown_words(command: str) -> list[str]:
    """Commands and options of our program in a line of a shell that it does not have."""
    called = re.search(r"(?:^|[\s/(])dqmstream\s(.*)", re.sub(r"(^|\s)#.*", "", command))
    place: Any = typer.main.get_command(app)
    unknown = []
    for word in re.findall(r"[^\s)'`]+", called[1] if called else ""):
        if word in {"|", "&&", ";", "&"}:
            break
        if word.startswith("--"):
            known = {name for each in place.params for name in (*each.opts, *each.secondary_opts)}
            unknown += [word] if word.partition("=")[0] not in {*known, "--help"} else []
        elif hasattr(place, "commands"):
            if word not in place.commands:
                return [*unknown, word]
            place = place.commands[word]
    return unknown


@dataclass(kw_only=True)
class Player:
    """Plays the blocks of one page, in a folder of its own.

    Parameters
    ----------
    folder
        Where files are written and commands run.
    environment
        Of the commands.
    replaced
        What stands for something else in a test, such as the port of a system.
    """

    folder: Path
    environment: Mapping[str, str]
    replaced: Mapping[str, str] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)
    _said: str = ""
    _running: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def play(self, block: Block) -> None:
        """Do what a block says; an AssertionError if what comes of it is not what is shown."""
        text = block.text
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        if block.path:
            path = self.folder / block.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        match block.language:
            case "python":
                self._python(text, block)
            case "toml":
                self._toml(text, block)
            case "json":
                _json(text)
            case "sh" if block.marker == _STAYS:
                self._start(text)
            case "sh":
                self._said = self._shell(text)
            case "console":
                self._console(text)
            case "text":
                assert_like(self._said, text)
            case _:
                msg = f"a block of language {block.language!r}: nobody knows how to play it"
                raise AssertionError(msg)

    def close(self) -> None:
        """End what stayed running."""
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _python(self, text: str, block: Block) -> None:
        if Path(block.path).name.startswith("test_"):
            return  # pytest runs it, as the page says.
        out = io.StringIO()
        code = compile(text, f"line {block.line}", "exec")
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out):
            exec(code, self.namespace)  # noqa: S102 the documentation of this project
        self._said = out.getvalue()

    def _toml(self, text: str, block: Block) -> None:
        path = self.folder / (block.path or f"line{block.line}.toml")
        path.write_text(text)
        document = tomllib.loads(text)
        if "elements" in document:
            load_workspaces([str(path)])
        elif "quality_test" in document:
            booked = [each for each in self.namespace.values() if isinstance(each, Booking)]
            unmatched = compile_tests(read_tests(text, str(path)), booked).unmatched
            assert not unmatched, f"quality tests {unmatched} match no element of the page"
        elif "project" in document:
            points = [
                importlib.metadata.EntryPoint(name, value, GROUP)
                for name, value in document["project"]["entry-points"][GROUP].items()
            ]
            assert load_workspaces(found=points)
        elif "fed_faults" in document:
            read_plan(text, str(path))
        elif "sums" in document:
            read_retention(path)
        elif "fault" in document:
            read_scenario(str(path))
        elif "allow" in document:
            read_policy(path)
        elif "chunk_events" in document:
            read_choice(path)
        elif "receiver" in document:
            read_notifications(text, str(path))
        else:
            load_settings({}, {}, path)

    def _shell(self, text: str) -> str:
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, f"{text}\nended with {ended.returncode}: {ended.stderr}"
        return ended.stdout

    def _console(self, text: str) -> None:
        for part in re.split(r"^(?=\$ )", text, flags=re.MULTILINE):
            if part:
                command, _, shown = part.removeprefix("$ ").partition("\n")
                assert_like(self._shell(command), shown)

    def _start(self, text: str) -> None:
        """Start a command that serves, and wait until it says where."""
        out, errors = self.folder / "out", self.folder / "errors"
        with out.open("wb") as stdout, errors.open("wb") as stderr:
            process = subprocess.Popen(
                ["bash", "-c", text],
                cwd=self.folder,
                env=dict(self.environment),
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self._running.append(process)
        for _ in range(_SECONDS * 10):
            if out.read_text().startswith("page: "):
                return
            assert process.poll() is None, errors.read_text()
            time.sleep(0.1)
        msg = f"{text} serves no page after {_SECONDS} s: {errors.read_text()}"
        raise AssertionError(msg)


def missing_links(page: Path) -> list[str]:
    """Targets of the links of a page that are no file, or no heading of one."""
    return [
        target
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text())
        if not _is_there(page, target)
    ]


def _is_there(page: Path, target: str) -> bool:
    name, _, heading = target.partition("#")
    file = page.parent / name if name else page
    if not file.exists():
        return False
    titles = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE) if heading else []
    slugs = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
    return not heading or heading in slugs


def _json(text: str) -> None:
    document = json.loads(text)
    if "tabs" in document:
        read_layout(text)
    else:
        read_message(text)


def assert_like(said: str, shown: str) -> None:
    """What was printed is what is shown, where `...` is anything: in a line, or lines."""
    pattern = "".join(
        r"(?:[^\n]*\n)*?"
        if line.strip() == "..."
        else r"[^\n]*".join(map(re.escape, line.rstrip().split("..."))) + r"[ \t]*\n"
        for line in shown.splitlines()
    )
    printed = said if not said or said.endswith("\n") else f"{said}\n"
    assert re.fullmatch(pattern, printed), f"the page shows:\n{shown}\nprinted was:\n{said}"


def plain_environment(**more: str) -> dict[str, str]:
    """This environment without settings of ours, its commands on PATH."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DQMSTREAM_")}
    path = f"{Path(sys.executable).parent}:{own.get('PATH', '')}"
    modules = ":".join(filter(None, [str(ROOT), own.get("PYTHONPATH", "")]))
    return {**own, "PATH": path, "PYTHONPATH": modules, "COLUMNS": "100", **more}
