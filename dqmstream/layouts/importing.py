"""Files of layouts: our JSON, one layout or several, and the layout files of the CMS DQM GUI."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from dqmstream.errors import ConfigurationError
from dqmstream.layouts.check import document_of, layout_of
from dqmstream.layouts.cms_import import Unmapped, import_cms
from dqmstream.layouts.layout import Layout
from dqmstream.messages.struct import Value

__all__ = ["LARGEST_FILE", "ImportedLayouts", "import_layouts"]

LARGEST_FILE: Final = 2 << 20
"""Characters."""
_MOST: Final = 200
"""Layouts of one file."""
_MOST_NOTES: Final = 200


class ImportedLayouts(Value, frozen=True, kw_only=True):
    """What a file comes to: its layouts, how many of its plots are of elements that are known
    here, which are not, with the reason, and in words what else was left out."""

    layouts: tuple[Layout, ...]
    mapped: int = 0
    unmapped: tuple[Unmapped, ...] = ()
    notes: tuple[str, ...] = ()


def import_layouts(
    text: str, file: str, *, known: Mapping[str, str], name: str | None = None
) -> ImportedLayouts:
    """The layouts of a file.

    Parameters
    ----------
    text, file
        Its content, and its name for messages.
    known
        Workspaces by the paths of elements that are booked.
    name
        Of the layout instead of its own, where there is one; of several, the parts before theirs.

    Raises
    ------
    ConfigurationError
        If it is none of these files, or a layout in it cannot be shown.
    """
    if len(text) > LARGEST_FILE:
        msg = f"{file}: {len(text)} characters, expected at most {LARGEST_FILE}"
        raise ConfigurationError(msg)
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        msg = f"{file}: not JSON: {error}"
        raise ConfigurationError(msg) from error
    if not isinstance(document, dict) or not document:
        msg = f"{file}: expected a layout, an object with `layouts`, or layouts of the CMS DQM GUI"
        raise ConfigurationError(msg)
    found = _ours(document, file, known) or import_cms(document, file, known=known)
    layouts, mapped, unmapped, notes = found
    if len(layouts) > _MOST:
        msg = f"{file}: {len(layouts)} layouts, expected at most {_MOST} of one file"
        raise ConfigurationError(msg)
    renamed = tuple(_renamed(layouts, name, file))
    return ImportedLayouts(
        layouts=renamed, mapped=mapped, unmapped=tuple(unmapped), notes=tuple(notes[:_MOST_NOTES])
    )


def _ours(
    document: Mapping[str, Any], file: str, known: Mapping[str, str]
) -> tuple[Sequence[Layout], int, Sequence[Unmapped], Sequence[str]] | None:
    """Layouts of our own; None if the document is something else."""
    if "tabs" in document:
        layouts = [layout_of(document, file)]
    elif isinstance(document.get("layout"), dict):
        # As GET answers: with who wrote it, which is not taken over.
        layouts = [layout_of(document["layout"], file)]
    elif set(document) == {"layouts"} and isinstance(document["layouts"], list):
        layouts = [
            layout_of(one, f"{file}: layout {number}")
            for number, one in enumerate(document["layouts"], 1)
        ]
    else:
        return None
    mapped, unmapped = 0, []
    for layout in layouts:
        for tab in layout.tabs:
            for number, cell in enumerate(tab.cells, 1):
                for path in cell.paths:
                    if path in known:
                        mapped += 1
                        continue
                    where = f"{layout.name}, tab {tab.name!r}, cell {number}"
                    unmapped.append(Unmapped(where=where, path=path, reason="is not booked here"))
    return layouts, mapped, unmapped, []


def _renamed(layouts: Sequence[Layout], name: str | None, file: str) -> Sequence[Layout]:
    if not name:
        found = list(layouts)
    elif len(layouts) == 1:
        found = [msgspec.structs.replace(layouts[0], name=name)]
    else:
        found = [msgspec.structs.replace(one, name=f"{name}/{one.name}") for one in layouts]
    names = [one.name for one in found]
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        msg = f"{file}: more than one layout is named {twice[0]!r}"
        raise ConfigurationError(msg)
    return [layout_of(document_of(one), file) for one in found] if name else found
