"""Paths of MonitorElements as a tree of folders."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Folder", "folder_of"]


class Folder(NamedTuple):
    """One folder: its subfolders with the elements below each, and its own elements' paths."""

    folder: str
    folders: dict[str, int]
    elements: list[str]


def folder_of(folder: str, paths: Iterable[str]) -> Folder | None:
    """A folder (empty: the root) of the tree of some paths; None if nothing lies below it."""
    name = folder.strip("/")
    prefix = f"{name}/" if name else ""
    below: Counter[str] = Counter()
    elements = []
    for path in paths:
        if not path.startswith(prefix):
            continue
        first, _, rest = path[len(prefix) :].partition("/")
        if rest:
            below[first] += 1
        else:
            elements.append(path)
    if prefix and not below and not elements:
        return None
    return Folder(name, dict(sorted(below.items())), sorted(elements))
