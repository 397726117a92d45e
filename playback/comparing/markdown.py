"""The report as Markdown: short enough for the comment of a pull request. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from dqmstream.histograms.memory import bytes_said
from playback.comparing.dependencies import Dependency
from playback.comparing.finding import Finding, Kind
from playback.comparing.plot_memory import PlotMemory
from playback.comparing.report import Report, SideWords
from playback.comparing.spending import Figure

__all__ = ["SIGNS", "chance_words", "dear", "events_words", "factor", "markdown"]

SIGNS: Final = {0: "held", 1: "not held", 3: "not judged"}
_LISTED: Final = 12
_KINDS_LISTED: Final = 40
_DEAREST: Final = 12


def markdown(report: Report) -> str:
    """The whole report; of each kind only the first findings, and how many more there are."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"# Playback: {report.verdict}"
    yield ""
    yield "| | release | version | LSs |\n|---|---|---|---|"
    yield _row("production", report.production)
    yield _row("candidate", report.candidate)
    yield ""
    yield _compared(report)
    yield from _crashes(report)
    wrong = [one for one in report.findings if not one.allowed]
    allowed = [one for one in report.findings if one.allowed]
    if wrong:
        yield "\n## Not allowed\n"
        yield from _findings(wrong)
    if allowed:
        yield "\n## Allowed\n"
        yield from _findings(allowed, why=True)
    if report.figures:
        yield "\n## Costs\n"
        yield from _costs(report.figures)
    if report.plots:
        yield "\n## Memory of plots, in each LS\n"
        yield from _plots(report.plots)
    if report.dependencies:
        yield "\n## Dependencies that differ\n"
        yield from _dependencies(report.dependencies)
    if report.unused:
        yield "\n## Rules of the policy that allowed nothing\n"
        yield from (f"- {_text(one)}" for one in report.unused)
    if report.notes:
        yield "\n## Notes\n"
        yield from (f"- {_text(one)}" for one in report.notes)


def _row(name: str, side: SideWords) -> str:
    kept = " (result kept from before)" if side.kept else ""
    return f"| {name} | `{_cell(side.release)}`{kept} | {side.words} | {side.lumisections} |"


def _compared(report: Report) -> str:
    found = report.compared
    words = [
        f"{found['lumisections']:,} LSs{events_words(found)}",
        f"{found['elements']:,} elements",
        f"{found['contents']:,} contents",
        f"{found['verdicts']:,} verdicts",
    ]
    of = f" of `{_cell(report.recording)}`" if report.recording else ""
    return f"Compared{of}, run {report.run}: {', '.join(words)}{chance_words(found)}."


def events_words(compared: Mapping[str, int]) -> str:
    """How many events there were, if that is known."""
    return f" with {compared['events']:,} events" if "events" in compared else ""


def chance_words(compared: Mapping[str, int]) -> str:
    """How many elements differ, but need only agree as two samples do; empty if none."""
    chance = compared["within_chance"]
    return f"; {chance:,} elements differ no more than chance allows" if chance else ""


def _crashes(report: Report) -> Iterator[str]:
    for name, side in (("production", report.production), ("candidate", report.candidate)):
        if side.crash is not None and side.crash.said:
            yield f"\n<details><summary>The last that the {name} said</summary>\n"
            yield f"```\n{side.crash.said.strip().replace('```', '` ` `')}\n```\n</details>"


def _findings(findings: Sequence[Finding], *, why: bool = False) -> Iterator[str]:
    kinds = dict.fromkeys(one.kind for one in findings)
    for kind in kinds:
        own = [one for one in findings if one.kind is kind]
        yield f"**{kind.value}** ({len(own):,})\n"
        for one in own[: _KINDS_LISTED if len(kinds) == 1 else _LISTED]:
            because = f" - allowed by {_text(one.allowed)}" if why else ""
            yield f"- `{_cell(one.subject)}`{_of(one)}: {_text(one.text)}{because}"
        left = len(own) - (_KINDS_LISTED if len(kinds) == 1 else _LISTED)
        if left > 0:
            yield f"- and {left:,} more, in report.json"
        yield ""


def _of(finding: Finding) -> str:
    if finding.workspace and finding.workspace != finding.subject and finding.kind is not Kind.TIME:
        return f" ({_text(finding.workspace)})"
    return ""


def dear(figures: Sequence[Figure]) -> list[Figure]:
    """Those of the whole side, those over their budget, and of the others the first to grow."""
    whole = [one for one in figures if not one.workspace or one.over]
    rest = [one for one in figures if one.workspace and not one.over and one.most is not None]
    rest.sort(key=lambda one: one.candidate / one.most if one.most else 0.0, reverse=True)
    return whole + rest[:_DEAREST]


def _costs(figures: Sequence[Figure]) -> Iterator[str]:
    yield "| of | what | production | candidate | ratio | budget |"
    yield "|---|---|---:|---:|---:|---:|"
    for one in dear(figures):
        most = "" if one.most is None else f"{one.most:.4g}"
        over = " **over**" if one.over else ""
        yield (
            f"| {_cell(one.workspace) or 'all'} | {one.what} [{one.unit}] | {one.production:.4g} "
            f"| {one.candidate:.4g} | {one.ratio:.3g} | {most}{over} |"
        )


def _plots(plots: Sequence[PlotMemory]) -> Iterator[str]:
    yield "| plot | workspace | production | candidate | factor | budget |"
    yield "|---|---|---:|---:|---:|---:|"
    for one in plots[:_KINDS_LISTED]:
        over = " **over**" if one.over else ""
        yield (
            f"| `{_cell(one.path)}` | {_text(one.workspace)} | {bytes_said(one.production)} "
            f"| {bytes_said(one.candidate)} | {factor(one)} | {bytes_said(one.most)}{over} |"
        )
    if len(plots) > _KINDS_LISTED:
        yield f"\nand {len(plots) - _KINDS_LISTED:,} more that changed, in report.json"


def factor(plot: PlotMemory) -> str:
    """By how much the memory of a plot changed."""
    if not plot.production:
        return "new"
    return f"{plot.ratio:.3g}" if plot.candidate else "gone"


def _dependencies(dependencies: Sequence[Dependency]) -> Iterator[str]:
    yield "| distribution | production | candidate |"
    yield "|---|---|---|"
    for one in dependencies[:_KINDS_LISTED]:
        tried = " (what is tried)" if one.release else ""
        was, now = (_text(version) or "none" for version in (one.production, one.candidate))
        yield f"| `{_cell(one.name)}`{tried} | {was} | {now} |"
    if len(dependencies) > _KINDS_LISTED:
        yield f"\nand {len(dependencies) - _KINDS_LISTED:,} more, in report.json"


def _cell(text: str) -> str:
    """Within backticks or a table."""
    return text.replace("`", "'").replace("|", "\\|").replace("\n", " ")


def _text(text: str) -> str:
    """Words that mean nothing but themselves."""
    for sign in "\\`*_<>[]#|":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\n", " ")
