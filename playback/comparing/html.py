"""The report as one HTML file that needs no other, with the plots of both sides. Pure."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from dqmstream.histograms.memory import bytes_said
from playback.comparing.dependencies import Dependency
from playback.comparing.difference import Drawn
from playback.comparing.finding import Finding
from playback.comparing.markdown import chance_words, events_words, factor
from playback.comparing.overlay import overlays
from playback.comparing.plot_memory import PlotMemory
from playback.comparing.report import Report, SideWords
from playback.comparing.spending import Figure

__all__ = ["html"]

_DRAWN: Final = 60
_LISTED: Final = 2_000
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #18202c; --muted: #5b6474; --paper: #fff; --line: #c4cad4;
  --old: #0072b2; --new: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --muted: #a3adbd; --paper: #14181f;
  --line: #3a4353; --old: #58b4e8; --new: #ff9a5c; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1rem; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid var(--line);
  vertical-align: top; }
td { overflow-wrap: anywhere; }
td code { overflow-wrap: break-word; }
td:first-child { white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
code { font-size: .93em; }
.over { font-weight: 700; color: var(--new); }
.muted { color: var(--muted); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1rem; }
figure { margin: 0; border: 1px solid var(--line); padding: .5rem; }
figcaption { overflow-wrap: anywhere; font-size: .9em; }
svg.overlay { width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--muted); }
svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .frame { fill: none; stroke: var(--line); }
svg path { fill: none; stroke-width: 1.5; }
svg .production { stroke: var(--old); }
svg .candidate { stroke: var(--new); stroke-dasharray: 5 2; }
svg .apart { stroke: var(--ink); stroke-width: 1; }
pre { overflow: auto; border: 1px solid var(--line); padding: .5rem; }
"""


def html(report: Report, drawn: Sequence[Drawn]) -> str:
    """The whole report; `drawn` elements in the order of the findings."""
    body = "\n".join(_body(report, drawn))
    title = f"Playback: {report.verdict}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def _body(report: Report, drawn: Sequence[Drawn]) -> Iterator[str]:
    yield "<table><tr><th></th><th>release</th><th>version</th><th>hash</th><th>LSs</th></tr>"
    yield _side("production", report.production)
    yield _side("candidate", report.candidate)
    yield "</table>"
    found = report.compared
    yield (
        f"<p>Run {report.run}{_of(report.recording)}: {found['lumisections']:,} LSs"
        f"{events_words(found)}, {found['elements']:,} elements, {found['contents']:,} contents and"
        f" {found['verdicts']:,} verdicts compared{chance_words(found)}.</p>"
    )
    yield from _crashes(report)
    wrong = [one for one in report.findings if not one.allowed]
    allowed = [one for one in report.findings if one.allowed]
    yield from _findings("Not allowed", wrong)
    yield from _findings("Allowed", allowed)
    yield from _plots(drawn)
    yield from _costs(report.figures)
    yield from _memory(report.plots)
    yield from _dependencies(report.dependencies)
    for name, words in (
        ("Rules of the policy that allowed nothing", report.unused),
        ("Notes", report.notes),
    ):
        if words:
            yield f"<h2>{name}</h2><ul>"
            yield from (f"<li>{escape(one)}</li>" for one in words)
            yield "</ul>"


def _of(recording: str) -> str:
    return f" of <code>{escape(recording)}</code>" if recording else ""


def _side(name: str, side: SideWords) -> str:
    kept = ' <span class="muted">(result kept from before)</span>' if side.kept else ""
    return (
        f"<tr><th>{name}</th><td><code>{escape(side.release)}</code>{kept}</td>"
        f"<td>{escape(side.words)}</td><td><code>{escape(side.hash)}</code></td>"
        f'<td class="number">{side.lumisections}</td></tr>'
    )


def _crashes(report: Report) -> Iterator[str]:
    for name, side in (("production", report.production), ("candidate", report.candidate)):
        if side.crash is not None and side.crash.said:
            yield f"<details><summary>The last that the {name} said</summary>"
            yield f"<pre>{escape(side.crash.said)}</pre></details>"


def _findings(name: str, findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield f"<h2>{name} ({len(findings):,})</h2>"
    yield "<table><tr><th>kind</th><th>of</th><th>workspace</th><th>what</th></tr>"
    for one in findings[:_LISTED]:
        why = f' <span class="muted">({escape(one.allowed)})</span>' if one.allowed else ""
        yield (
            f"<tr><td>{one.kind.value}</td><td><code>{escape(one.subject)}</code></td>"
            f"<td>{escape(one.workspace)}</td><td>{escape(one.text)}{why}</td></tr>"
        )
    yield "</table>"
    if len(findings) > _LISTED:
        yield f"<p>{len(findings) - _LISTED:,} more are in report.json.</p>"


def _plots(drawn: Sequence[Drawn]) -> Iterator[str]:
    if not drawn:
        return
    yield '<h2>Plots, over the run</h2><div class="plots">'
    for one in drawn[:_DRAWN]:
        for picture in overlays(one):
            caption = f"<figcaption><code>{escape(one.path)}</code></figcaption>"
            yield f"<figure>{picture}{caption}</figure>"
    yield "</div>"
    if len(drawn) > _DRAWN:
        yield f"<p>{len(drawn) - _DRAWN:,} more elements are not drawn.</p>"


def _costs(figures: Sequence[Figure]) -> Iterator[str]:
    if not figures:
        return
    yield "<h2>Costs</h2>"
    yield _heads(("of", "what"), ("production", "candidate", "ratio", "budget"))
    for one in figures:
        words = (escape(one.workspace) or "all", f"{escape(one.what)} [{escape(one.unit)}]")
        most = "" if one.most is None else f"{one.most:.4g}"
        numbers = (f"{one.production:.4g}", f"{one.candidate:.4g}", f"{one.ratio:.3g}", most)
        yield _row(words, numbers, over=one.over)
    yield "</table>"


def _memory(plots: Sequence[PlotMemory]) -> Iterator[str]:
    if not plots:
        return
    yield "<h2>Memory of plots, in each LS</h2>"
    yield _heads(("plot", "workspace"), ("production", "candidate", "factor", "budget"))
    for one in plots:
        words = (f"<code>{escape(one.path)}</code>", escape(one.workspace))
        sizes = [bytes_said(size) for size in (one.production, one.candidate, one.most)]
        yield _row(words, (*sizes[:2], factor(one), sizes[2]), over=one.over)
    yield "</table>"


def _heads(words: Sequence[str], numbers: Sequence[str]) -> str:
    cells = [f"<th>{one}</th>" for one in words]
    cells += [f'<th class="number">{one}</th>' for one in numbers]
    return f"<table><tr>{''.join(cells)}</tr>"


def _row(words: Sequence[str], numbers: Sequence[str], *, over: bool) -> str:
    """A row of what is escaped already; one over its budget stands out."""
    cells = [f"<td>{one}</td>" for one in words]
    cells += [f'<td class="number">{one}</td>' for one in numbers]
    kind = ' class="over"' if over else ""
    return f"<tr{kind}>{''.join(cells)}</tr>"


def _dependencies(dependencies: Sequence[Dependency]) -> Iterator[str]:
    if not dependencies:
        return
    yield "<h2>Dependencies that differ</h2><table><tr><th>distribution</th>"
    yield "<th>production</th><th>candidate</th></tr>"
    for one in dependencies:
        tried = ' <span class="muted">(what is tried)</span>' if one.release else ""
        yield (
            f"<tr><td><code>{escape(one.name)}</code>{tried}</td>"
            f"<td>{escape(one.production) or 'none'}</td>"
            f"<td>{escape(one.candidate) or 'none'}</td></tr>"
        )
    yield "</table>"
