"""What is told of a comparison: one document, as JSON for programs, Markdown for a pull request,
and HTML for people who want to see the plots. Pure but for writing files.
"""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from playback.comparing.dependencies import Dependency
from playback.comparing.difference import ALLOWED, DIFFERS, Compared, Difference, Drawn
from playback.comparing.finding import Finding, Kind
from playback.comparing.plot_memory import PlotMemory, worth_telling
from playback.comparing.results import Crash, SideResult
from playback.comparing.spending import Figure

__all__ = ["FILES", "Report", "SideWords", "report_of", "write_report"]

FILES: Final = ("report.json", "report.md", "report.html")
_SCHEMA: Final = 1


class SideWords(msgspec.Struct, frozen=True, kw_only=True):
    """Which release a side was, and how it ended. `kept` says that its result was there already;
    `python` is empty of what was made already."""

    release: str
    version: str
    hash: str
    lumisections: int
    python: str = ""
    kept: bool = False
    crash: Crash | None = None

    @property
    def words(self) -> str:
        """Its version, and on which Python."""
        return f"{self.version} on {self.python}" if self.python else self.version


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. `status` is the exit status, `verdict` says it in words."""

    schema: int = _SCHEMA
    status: int
    verdict: str
    production: SideWords
    candidate: SideWords
    recording: str
    run: int
    policy: str
    compared: dict[str, int]
    """How much was; without `events` where neither side says how many there were."""
    counts: dict[str, int]
    """Findings that may not be, by kind."""
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]
    plots: tuple[PlotMemory, ...] = ()
    """Memory of the dearest plots and of those that changed, in bytes for each LS."""
    dependencies: tuple[Dependency, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def report_of(
    difference: Difference,
    production: SideResult,
    candidate: SideResult,
    *,
    recording: str,
    policy: str,
    kept: tuple[bool, bool] = (False, False),
) -> Report:
    """The report of a difference.

    Parameters
    ----------
    recording, policy
        Names of what was given; empty for none.
    """
    return Report(
        status=difference.status,
        verdict=_verdict(difference),
        production=_side(production, kept[0]),
        candidate=_side(candidate, kept[1]),
        recording=recording,
        run=candidate.begun.run,
        policy=policy,
        compared=_compared(difference.compared),
        counts=_counts(difference.wrong),
        findings=difference.findings,
        figures=difference.figures,
        plots=worth_telling(difference.plots),
        dependencies=difference.dependencies,
        unused=difference.unused,
        notes=difference.notes,
    )


def _side(side: SideResult, kept: bool) -> SideWords:
    return SideWords(
        release=side.begun.release,
        version=side.begun.version,
        hash=side.begun.hash,
        lumisections=len(side.lumisections),
        python="" if side.ran_in is None else side.ran_in.python,
        kept=kept,
        crash=side.ended.crash,
    )


def _compared(compared: Compared) -> dict[str, int]:
    events = {} if compared.events is None else {"events": compared.events}
    return {
        "lumisections": compared.lumisections,
        **events,
        "elements": compared.elements,
        "contents": compared.contents,
        "verdicts": compared.verdicts,
        "within_chance": compared.within_chance,
    }


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counted = Counter(one.kind for one in findings)
    return {kind.value: counted[kind] for kind in Kind if counted[kind]}


def _verdict(difference: Difference) -> str:
    wrong = len(difference.wrong)
    if difference.status == ALLOWED:
        noted = [one for one in difference.findings if one.kind is not Kind.DESCRIBED]
        if not noted:
            return "no difference"
        return f"{_many(len(noted), 'difference')}, all of them allowed"
    if difference.status == DIFFERS:
        return f"{_many(wrong, 'difference')} that {'is' if wrong == 1 else 'are'} not allowed"
    return "could not be judged"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def write_report(report: Report, drawn: Sequence[Drawn], folder: Path) -> None:
    """Write `FILES` into a folder, each whole or not at all."""
    from playback.comparing.html import html  # noqa: PLC0415 only where it is asked for
    from playback.comparing.markdown import markdown  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    bodies = (
        msgspec.json.format(msgspec.json.encode(report)),
        markdown(report).encode(),
        html(report, drawn).encode(),
    )
    for name, body in zip(FILES, bodies, strict=True):
        part = folder / f".{name}.{os.getpid()}.part"
        part.write_bytes(body)
        part.replace(folder / name)
