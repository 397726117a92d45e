"""Layouts of the CMS DQM GUI as ours: a folder of its pages is a layout, a page a tab.

Where all pages of a folder have one plot, as the GUI's quick collections often do, they are cells
of one tab instead: there the GUI shows the folder as a grid as well.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from dqmstream.errors import BookingError, ConfigurationError
from dqmstream.identity import normal_path
from dqmstream.layouts.check import checked
from dqmstream.layouts.cms_draw import draw_of
from dqmstream.layouts.cms_elements import Counterpart, counterpart
from dqmstream.layouts.cms_names import names_of, unordered
from dqmstream.layouts.cms_text import plain_text
from dqmstream.layouts.layout import MOST_CELLS, MOST_COLUMNS, MOST_TABS, Cell, Layout, Tab
from dqmstream.messages.struct import Value

__all__ = ["Unmapped", "import_cms"]

_MOST_PAGES: Final = 2_000
_MOST_PLOTS: Final = 20_000
_LONGEST_ECHO: Final = 80
_LONGEST_TITLE: Final = 200
_LONGEST_TAB: Final = 100
_GRID: Final = 4
_MOST_OVERLAYS: Final = 9

_Pages = Mapping[str, Sequence["_Row"]]


class Unmapped(Value, frozen=True, kw_only=True):
    """A plot of which nothing is known here: where in the file it is, and why."""

    where: str
    path: str
    reason: str


@dataclass(kw_only=True, slots=True)
class _Read:
    """What was found on the way through a file."""

    known: Mapping[str, str]
    mapped: int = 0
    elsewhere: int = 0
    unmapped: list[Unmapped] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)

    def lost(self, where: str, path: str, reason: str) -> None:
        self.unmapped.append(Unmapped(where=where, path=path[:255], reason=reason))


_Row = list[list[Cell]]
"""Of each plot the cells that it becomes."""


def import_cms(
    document: Mapping[str, Any], file: str, *, known: Mapping[str, str]
) -> tuple[Sequence[Layout], int, Sequence[Unmapped], Sequence[str]]:
    """Layouts of a document: pages by name, each rows of plots.

    Parameters
    ----------
    known
        Workspaces by the paths of elements that are booked.

    Returns
    -------
    The layouts; how many plots show elements known here; those that do not; what was left out.

    Raises
    ------
    ConfigurationError
        If that is no such document, or too large.
    """
    read = _Read(known=known)
    if len(document) > _MOST_PAGES:
        msg = f"{file}: {len(document)} pages, expected at most {_MOST_PAGES}"
        raise ConfigurationError(msg)
    folders: dict[str, dict[str, list[_Row]]] = {}
    for name in sorted(document):
        folder, _, page = name.rpartition("/")
        rows = list(_rows(document[name], name, file, read))
        folders.setdefault(folder, {})[page] = rows
        if read.mapped + len(read.unmapped) > _MOST_PLOTS:
            msg = f"{file}: more than {_MOST_PLOTS} plots"
            raise ConfigurationError(msg)
    stem = file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    names = names_of(list(folders), stem)
    layouts = [
        one
        for folder, pages in folders.items()
        for one in _layouts(names[folder], pages, file, read)
    ]
    if read.elsewhere and known:
        note = f"{read.elsewhere} of {read.mapped} mapped plots are of workspaces not booked here"
        read.notes[note] = None
    return layouts, read.mapped, read.unmapped, list(read.notes)


# ---------------------------------------------------------------------- plots


def _rows(raw: Any, page: str, file: str, read: _Read) -> Iterator[_Row]:
    if isinstance(raw, Mapping) and "layout" in raw:
        raw = raw["layout"]
    if not isinstance(raw, list):
        msg = f"{file}: page {page[:_LONGEST_ECHO]!r}: expected a list of rows, got {_kind(raw)}"
        raise ConfigurationError(msg)
    for number, row in enumerate(raw, 1):
        where = f"{page}, row {number}"
        if isinstance(row, str):
            reason = "a name where a row of plots was expected: a program was to fill it in"
            read.lost(where, row, reason)
            continue
        if not isinstance(row, list):
            msg = f"{file}: {where[:_LONGEST_ECHO]}: expected a list of plots, got {_kind(row)}"
            raise ConfigurationError(msg)
        cells = [_plot(plot, f"{where}, plot {at}", file, read) for at, plot in enumerate(row, 1)]
        yield [one for one in cells if one]


def _plot(raw: Any, where: str, file: str, read: _Read) -> list[Cell]:
    """The cells that a plot becomes; none for one that has no path."""
    plot = {"path": raw} if isinstance(raw, str) else raw
    if not isinstance(plot, Mapping) or not isinstance(plot.get("path"), str):
        msg = f"{file}: {where[:_LONGEST_ECHO]}: expected an object with a path, got {_kind(raw)}"
        raise ConfigurationError(msg)
    options, description = plot.get("draw") or {}, plot.get("description") or ""
    if not isinstance(options, Mapping):
        msg = f"{file}: {where[:_LONGEST_ECHO]}: draw: expected an object, got {_kind(options)}"
        raise ConfigurationError(msg)
    draw, reference, notes = draw_of(options)
    read.notes |= dict.fromkeys(f"{one}: left out" for one in notes)
    more = set(plot) - {"path", "draw", "description", "overlays"}
    read.notes |= dict.fromkeys(f"{name!r} of a plot is unknown: left out" for name in sorted(more))
    try:
        path = normal_path(plot["path"])
    except BookingError as error:
        read.lost(where, plot["path"], str(error))
        return []
    found = _ours(path, read)
    if found.cells:
        read.mapped += 1
        read.elsewhere += not any(one in read.known for cell in found.cells for one in cell)
    else:
        read.lost(where, path, found.why)
    over = [_over(one, where, read) for one in _overlays(plot.get("overlays"), where, file)]
    return [
        Cell(
            paths=tuple(dict.fromkeys([*paths, *over]))[: _MOST_OVERLAYS + 1],
            description=plain_text(str(description)),
            draw=draw,
            reference=reference,
        )
        for paths in found.cells or ((path,),)
    ]


def _ours(path: str, read: _Read) -> Counterpart:
    """What is booked under the same path is the same."""
    return Counterpart(((path,),)) if path in read.known else counterpart(path)


def _overlays(raw: Any, where: str, file: str) -> Sequence[str]:
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(one, str) for one in raw):
        msg = f"{file}: {where[:_LONGEST_ECHO]}: overlays: expected a list of paths"
        raise ConfigurationError(msg)
    return raw[:_MOST_OVERLAYS]


def _over(raw: str, where: str, read: _Read) -> str:
    """The element that is drawn over another; one without a counterpart keeps its path."""
    path = "/".join(part for part in raw.strip().split("/") if part)
    found = _ours(path, read)
    if not found.cells:
        read.notes[f"{where}: overlay {path!r}: {found.why}"] = None
        return path
    return found.cells[0][0]


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a truth value"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")


# ---------------------------------------------------------------------- layouts


def _layouts(name: str, pages: _Pages, file: str, read: _Read) -> Iterator[Layout]:
    is_grid = all(sum(map(len, rows)) <= 1 for rows in pages.values())
    tabs = [tab for tab in (_grid(name, pages) if is_grid else _tabs(pages)) if tab.cells]
    for start in range(0, len(tabs), MOST_TABS):
        more = f" {start // MOST_TABS + 1}" if start else ""
        shown = tabs[start : start + MOST_TABS]
        paths = [path for tab in shown for cell in tab.cells for path in cell.paths]
        workspaces = {read.known[path] for path in paths if path in read.known}
        layout = Layout(
            name=f"{name}{more}",
            title=f"{name.rsplit('/', 1)[-1]}{more}",
            workspaces=tuple(sorted(workspaces))[:MOST_TABS],
            tabs=tuple(shown),
        )
        yield checked(layout, f"{file}: {layout.name}")


def _grid(name: str, pages: _Pages) -> Iterator[Tab]:
    """Pages of one plot, as cells; of one that became several, each has the title it is booked
    with."""
    cells = [
        _titled(cell, page) if len(plot) == 1 else cell
        for page, rows in pages.items()
        for row in rows
        for plot in row
        for cell in plot
    ]
    of = name.rsplit("/", 1)[-1]
    for start in range(0, len(cells), MOST_CELLS):
        more = f" {start // MOST_CELLS + 1}" if start else ""
        yield Tab(name=f"{of}{more}", columns=_GRID, cells=tuple(cells[start : start + MOST_CELLS]))


def _titled(cell: Cell, page: str) -> Cell:
    title = unordered(page).replace("_", " ").strip()[:_LONGEST_TITLE]
    return Cell(
        paths=cell.paths,
        title="".join(one for one in title if one.isprintable()),
        description=cell.description,
        draw=cell.draw,
        reference=cell.reference,
    )


def _tabs(pages: _Pages) -> Iterator[Tab]:
    taken: set[str] = set()
    for page, rows in pages.items():
        flat = [[cell for plot in row for cell in plot] for row in rows]
        short = [
            row[at : at + MOST_COLUMNS] for row in flat for at in range(0, len(row), MOST_COLUMNS)
        ]
        columns = _columns([len(row) for row in short])
        cells = [
            Cell(
                paths=cell.paths,
                description=cell.description,
                draw=cell.draw,
                reference=cell.reference,
                span=span,
            )
            for row in short
            for cell, span in zip(row, _spans(len(row), columns), strict=True)
        ]
        printable = "".join(one for one in page if one.isprintable()).strip() or "page"
        for start in range(0, len(cells), MOST_CELLS):
            name = printable[: _LONGEST_TAB - 6].strip()
            more = (f"{name} {number}" for number in count(2))
            while name in taken:
                name = next(more)
            taken.add(name)
            yield Tab(name=name, columns=columns, cells=tuple(cells[start : start + MOST_CELLS]))


def _columns(lengths: Sequence[int]) -> int:
    """So many that each row can fill its width; where that takes too many, those of the longest."""
    together = math.lcm(*lengths) if lengths else 1
    return together if together <= MOST_COLUMNS else max(lengths)


def _spans(cells: int, columns: int) -> list[int]:
    """Columns of each cell of a row: as equal as can be, all of them together."""
    each, more = divmod(columns, cells)
    return [each + (number < more) for number in range(cells)]
