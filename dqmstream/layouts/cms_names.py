"""Names of layouts that are imported: of folders of the CMS DQM GUI, without what orders them."""

import re
from collections.abc import Sequence
from itertools import count
from typing import Final

__all__ = ["names_of", "unordered"]

_ORDER: Final = re.compile(r"^\d+[a-z]?(?:\s*-\s*|\s+)(?=\S)")
"""The number before a name, by which the GUI orders pages."""
_NOT_ALLOWED: Final = re.compile(r"[^A-Za-z0-9_. +-]+")


def unordered(name: str) -> str:
    """A name without the number before it."""
    return _ORDER.sub("", name)


def names_of(folders: Sequence[str], stem: str) -> dict[str, str]:
    """Names of layouts by folder, each its own, without numbers where that keeps them apart.

    Parameters
    ----------
    stem
        Of the file: the name where there is no folder.
    """
    short = {one: _name(one, stem, ordered=False) for one in folders}
    taken: set[str] = set()
    found = {}
    for folder in folders:
        is_shared = list(short.values()).count(short[folder]) > 1
        wanted = _name(folder, stem, ordered=True) if is_shared else short[folder]
        free = (f"{wanted} {number}" for number in count(2))
        while wanted in taken:
            wanted = next(free)
        taken.add(wanted)
        found[folder] = wanted
    return found


def _name(folder: str, stem: str, *, ordered: bool) -> str:
    parts = [part for part in folder.split("/") if part.strip() and part != "Layouts"]
    if not ordered:
        parts = [unordered(part) for part in parts]
    allowed = [_NOT_ALLOWED.sub("_", part).strip(" ").lstrip(".") for part in parts or [stem]]
    # A layout has up to four parts, each of which ends in a character, and 50 leave room for more.
    cut = [part[:50].strip(" ") or "_" for part in [*allowed[:3], " ".join(allowed[3:])]]
    return "/".join(cut if allowed[3:] else cut[:-1])
