"""A status report as tables in a terminal."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dqmstream.identity import kind_of_service
from services.status.statuses import ServiceStatus, StatusReport

__all__ = ["status_tables"]

_STATE_STYLES = {"ready": "green", "starting": "yellow", "stopping": "dim", "stale": "bold red"}


def status_tables(report: StatusReport) -> RenderableType:
    """What somebody should look at, then services, open LSs, lag and topics."""
    parts = (_services(report.services), _open(report), _lag(report), _topics(report))
    return Group(_verdict(report), *(each for part in parts for each in ("", part)))


def _verdict(report: StatusReport) -> Text:
    if not report.problems:
        return Text("nothing to look at", style="bold green")
    return Text("\n").join(Text(problem, style="bold red") for problem in report.problems)


def _table(title: str, *columns: str) -> Table:
    """A table whose columns named with a trailing `>` are flush right."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, header_style="dim"
    )
    for column in columns:
        right = column.endswith(">")
        table.add_column(column.rstrip(">"), justify="right" if right else "left", no_wrap=right)
    return table


def _services(services: Iterable[ServiceStatus]) -> Table:
    table = _table(
        "services",
        "service",
        "process",
        "state",
        "age>",
        "run>",
        "LS>",
        "lag>",
        "memory>",
        "waits for",
    )
    for each in services:
        table.add_row(
            each.service,
            each.process,
            Text(each.state, style=_STATE_STYLES[each.state]),
            duration(each.age),
            _number(each.run),
            _number(each.lumisection),
            _number(each.lag),
            size(each.memory),
            ", ".join(each.waits_for),
        )
    return table


def _open(report: StatusReport) -> RenderableType:
    table = _table("open lumisections", "run>", "LS>", "", "since>", "partitions", "waits for")
    for each in report.open:
        table.add_row(
            str(each.run),
            str(each.lumisection),
            f"late {each.segment}" if each.segment else "",
            duration(each.age),
            ", ".join(map(str, each.partitions)),
            ", ".join(
                f"{name} (missing)" if name in report.missing else name for name in each.awaiting
            ),
        )
    return table if report.open else Text("no lumisection is open", style="dim")


def _lag(report: StatusReport) -> Table:
    table = _table("lag", "topic", "partition>", "service", "process", "position>", "end>", "lag>")
    table.caption, table.caption_justify = "positions are those of the last heartbeat", "left"
    # Fillers and comparators share partitions out; the others read all of everything.
    for each in report.positions:
        if each.lag or kind_of_service(each.service) in {"filler", "comparator"}:
            table.add_row(
                each.topic,
                str(each.partition),
                each.service,
                each.process,
                str(each.position),
                str(each.end),
                Text(str(each.lag), style="yellow" if each.lag else ""),
            )
    return table


def _topics(report: StatusReport) -> Table:
    table = _table("topics", "topic", "partitions>", "records>", "newest>")
    empty = [each.name for each in report.topics if not each.records]
    for each in report.topics:
        if each.records:
            table.add_row(each.name, str(each.partitions), f"{each.records:,}", duration(each.age))
    if empty:
        table.caption, table.caption_justify = f"empty: {', '.join(empty)}", "left"
    return table


def duration(seconds: float | None) -> str:
    """Seconds in the unit that fits; `-` if unknown."""
    if seconds is None:
        return "-"
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return (
                f"{seconds / unit:.1f} s"
                if name == "s" and seconds < 10
                else (f"{seconds / unit:.0f} {name}")
            )
    return f"{seconds / 86_400:.0f} d"


def size(count: int) -> str:
    """Bytes in megabytes; `-` for none."""
    return f"{count / 1e6:.0f} MB" if count else "-"


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)
