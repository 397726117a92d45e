"""The page's boards as a screen of text. Only GOOD is green; what is stale is grey with its age."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.status.table import duration

__all__ = ["BOARDS", "Boards", "screen"]

BOARDS: Final = ("run", "strip", "quality", "pulse")

Boards = Mapping[str, Mapping[str, Any]]
"""Name of a board to its `header` and `rows`, as the gateway's stream has them."""

_STYLES: Final = {"GOOD": "green", "WARNING": "yellow", "BAD": "bold red", "ERROR": "magenta"}
_GREY: Final = "bright_black"
_LUMISECTIONS: Final = 60
_COMPLAINTS: Final = 4
_NOTED: Final = 4
"""LSs of which is told in words what their sources could not use: the newest."""


def screen(boards: Boards, now: int) -> RenderableType:
    """Everything that has come of the boards, as of the wall clock `now` in nanoseconds."""
    if "pulse" not in boards or "run" not in boards:
        return Text("waiting for the gateway", style=_GREY)
    stale = _stale(boards["pulse"]["header"], now)
    parts: list[RenderableType] = [_head(boards["run"]["header"], stale)]
    if "strip" in boards and boards["strip"]["rows"]:
        parts.append(_strip(boards["strip"]["rows"], grey=stale is not None))
        parts += _notes(boards["strip"]["rows"])
    if "quality" in boards:
        parts += ["", _workspaces(boards["quality"]["rows"], grey=stale is not None)]
    parts += ["", _services(boards["pulse"], now)]
    return Group(*parts)


def _stale(pulse: Mapping[str, Any], now: int) -> float | None:
    """Seconds since the newest histogram set, if that is too long ago."""
    if pulse["newest_set"] is None:
        return None
    age = max(0.0, (now - pulse["newest_set"]) / 1e9)
    return age if age > pulse["data_stale_after"] else None


def _head(header: Mapping[str, Any], stale: float | None) -> Text:
    run = header["run"]
    if run is None:
        return Text("no run has come yet", style=_GREY)
    words = [f"run {run['run']}", run["run_type"] or "run type unknown"]
    words += [*run.get("marks", ()), "ended" if run["ended"] else ""]
    if run["last_lumisection"] is not None:
        words.append(f"LS {run['last_lumisection']}")
    if run["events"] is not None:
        words.append(f"{run['events']:,} events")
    if header["rate"] is not None:
        words.append(f"{header['rate']:.3g} events/s")
    conditions = header["conditions"] or {}
    if conditions.get("fill") is not None:
        words.append(f"fill {conditions['fill']}")
    if conditions.get("pileup") is not None:
        words.append(f"pile-up {conditions['pileup']:.1f}")
    text = Text(" · ".join(word for word in words if word), style="bold")
    if stale is not None and not run["ended"]:
        text.append(f"\nno new data for {duration(stale)}", style="bold red")
    return text


def _strip(rows: Mapping[str, Mapping[str, Any]], *, grey: bool) -> Text:
    """A block for each of the newest LSs: its worst outcome; hollow while it is open."""
    numbers = sorted(map(int, rows))[-_LUMISECTIONS:]
    text = Text(f"LS {numbers[0]}-{numbers[-1]} ", style=_GREY)
    for number in numbers:
        row = rows[str(number)]
        mark = "□" if not row["closed"] else "■" if row["complete"] else "▨"
        text.append(mark, style=_style(row["worst"], grey=grey))
    return text


def _notes(rows: Mapping[str, Mapping[str, Any]]) -> list[Text]:
    """What the sources of an LS could not use, such as a file that never came: a line, or none."""
    shown = sorted(map(int, rows))[-_LUMISECTIONS:]
    noted = [number for number in shown if rows[str(number)].get("notes")]
    if not noted:
        return []
    words = [f"{len(noted) - _NOTED} more"] if len(noted) > _NOTED else []
    for number in noted[-_NOTED:]:
        counts = rows[str(number)]["notes"]
        reasons = (f"{reason.replace('_', ' ')} {count:,}" for reason, count in counts.items())
        words.append(f"LS {number} {', '.join(reasons)}")
    return [Text(f"noted: {'; '.join(words)}", style="yellow", overflow="ellipsis", no_wrap=True)]


def _workspaces(rows: Mapping[str, Mapping[str, Any]], *, grey: bool) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("workspace", "LS", "of this LS", "of the run", "judged", "not", "look at"):
        table.add_column(column, justify="right" if column in {"LS", "judged", "not"} else "left")
    for name, row in sorted(rows.items(), key=lambda each: _order(each[1])):
        last, whole = row["lumisection"], row["run"]
        if last is None and whole is None:
            table.add_row(Text(name, style=_GREY), *[""] * 5, _quiet(row))
            continue
        shown = last or whole
        table.add_row(
            Text(name, style=_GREY if grey else ""),
            str(shown["lumisection"]),
            _worst(last, grey=grey),
            _worst(whole, grey=grey),
            str(shown["judged"]),
            str(shown["not_judged"] or ""),
            Text(", ".join(_complaints(row)), overflow="ellipsis", no_wrap=True),
        )
    return table


def _quiet(row: Mapping[str, Any]) -> Text:
    return Text("not judged" if row["filled"] else "no data", style=_GREY)


def _order(row: Mapping[str, Any]) -> tuple[int, str]:
    """Bad ones first, silent ones last."""
    worst = [row[scope]["worst"] for scope in ("lumisection", "run") if row[scope] is not None]
    ranks = {"BAD": 0, "WARNING": 1, "ERROR": 2, "GOOD": 4}
    return min((ranks.get(each, 3) for each in worst), default=5), row["workspace"]


def _worst(verdict: Mapping[str, Any] | None, *, grey: bool) -> Text:
    if verdict is None:
        return Text("-", style=_GREY)
    return Text(verdict["worst"], style=_style(verdict["worst"], grey=grey))


def _complaints(row: Mapping[str, Any]) -> Iterable[str]:
    """Paths of elements that are not GOOD, the bad ones first."""
    found: dict[str, str] = {}
    for scope in ("run", "lumisection"):
        for path, (worst, *_) in (row[scope] or {}).get("elements", {}).items():
            if worst in {"BAD", "WARNING", "ERROR"}:
                found[path] = worst
    paths = sorted(found, key=lambda path: (found[path] != "BAD", path))
    more = [f"{len(paths) - _COMPLAINTS} more"] if len(paths) > _COMPLAINTS else []
    return [*paths[:_COMPLAINTS], *more]


def _services(pulse: Mapping[str, Any], now: int) -> Text:
    """Services that beat, and those that do not any more."""
    text = Text()
    limit = pulse["header"]["stale_after"]
    for row in sorted(pulse["rows"].values(), key=lambda each: str(each["service"])):
        age = max(0.0, (now - row["when"]) / 1e9)
        silent = age > limit and row["state"] != "stopping"
        if text:
            text.append("  ")
        words = f"{row['service']} silent for {duration(age)}" if silent else row["service"]
        ready = row["state"] == "ready" and not silent
        text.append(words, style="bold red" if silent else "green" if ready else _GREY)
    return text or Text("no service beats", style="bold red")


def _style(outcome: str, *, grey: bool) -> str:
    return _GREY if grey else _STYLES.get(outcome, _GREY)
