"""Summaries of a workspace as a tree of folders: the worst of what is below, and what caused it.

CMS's reportSummary, reportSummaryContents and reportSummaryMap in one: a folder holds how many
tests came out how, the fraction of GOOD among those judged, and the leaf that is to blame. What was
not judged is counted beside it, never within.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.quality.summary import RANK, Summary

__all__ = ["Leaf", "SummaryNode", "summary_map", "summary_tree"]


class Leaf(NamedTuple):
    """One report, as summaries name it."""

    outcome: Outcome
    path: str
    qtname: str
    qtresult: float | None = None

    @property
    def order(self) -> tuple[int, float, str, str]:
        """Rises from the worst on; of equal outcomes the lowest qtresult is the worst."""
        result = 2.0 if self.qtresult is None else self.qtresult
        return (-RANK[self.outcome], result, self.path, self.qtname)


@dataclass(frozen=True, slots=True)
class SummaryNode:
    """A folder, an element, or several of them together.

    Parameters
    ----------
    summary
        Counts per outcome of all reports below.
    cause
        The leaf below whose outcome is the worst; None without reports.
    folders
        What is in it, by name: empty for an element.
    """

    summary: Summary = field(default_factory=Summary)
    cause: Leaf | None = None
    folders: Mapping[str, "SummaryNode"] = field(default_factory=dict)

    def __add__(self, other: "SummaryNode") -> "SummaryNode":
        """Both together, in any order and grouping."""
        causes = [one for one in (self.cause, other.cause) if one is not None]
        empty = SummaryNode()
        return SummaryNode(
            summary=self.summary + other.summary,
            cause=min(causes, key=lambda leaf: leaf.order, default=None),
            folders={
                name: self.folders.get(name, empty) + other.folders.get(name, empty)
                for name in sorted({*self.folders, *other.folders})
            },
        )

    def at(self, path: str) -> "SummaryNode | None":
        """The node of a folder or element below; itself for the empty path, None if there is
        none."""
        node = self
        for name in path.split("/") if path else ():
            found = node.folders.get(name)
            if found is None:
                return None
            node = found
        return node

    def cut(self, depth: int) -> "SummaryNode":
        """The same with that many levels of folders."""
        if depth <= 0:
            return SummaryNode(self.summary, self.cause)
        folders = {name: node.cut(depth - 1) for name, node in self.folders.items()}
        return SummaryNode(self.summary, self.cause, folders)

    def walk(self, path: str = "") -> Iterator[tuple[str, "SummaryNode"]]:
        """All nodes below with their paths, in order."""
        for name, node in self.folders.items():
            below = f"{path}/{name}" if path else name
            yield below, node
            yield from node.walk(below)


class _Growing:
    """A node that reports are still put into."""

    __slots__ = ("folders", "leaves")

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.folders: dict[str, _Growing] = {}

    def node(self) -> SummaryNode:
        folders = {name: self.folders[name].node() for name in sorted(self.folders)}
        own = SummaryNode(
            Summary.of(leaf.outcome for leaf in self.leaves),
            min(self.leaves, key=lambda leaf: leaf.order, default=None),
        )
        for node in folders.values():
            own += SummaryNode(node.summary, node.cause)
        return SummaryNode(own.summary, own.cause, folders)


def summary_tree(reports: Iterable[QualityReport]) -> SummaryNode:
    """The tree over the folders of all paths; an element is a node too, with its tests."""
    root = _Growing()
    for report in reports:
        place = root
        for name in report.path.split("/"):
            place = place.folders.setdefault(name, _Growing())
        place.leaves.append(Leaf(report.outcome, report.path, report.qtname, report.qtresult))
    return root.node()


def summary_map(
    trees: Mapping[str, SummaryNode],
) -> Mapping[str, Mapping[str, float | None]]:
    """CMS's reportSummaryMap: by workspace and first folder below what all its paths share, the
    fraction of GOOD among those judged; None where nothing was judged."""
    return {
        name: {
            folder: node.summary.good_fraction for folder, node in _first_fork(tree).folders.items()
        }
        for name, tree in trees.items()
    }


def _first_fork(tree: SummaryNode) -> SummaryNode:
    """The first node that has several folders, or elements."""
    while len(tree.folders) == 1:
        (only,) = tree.folders.values()
        if not only.folders:
            return tree
        tree = only
    return tree
