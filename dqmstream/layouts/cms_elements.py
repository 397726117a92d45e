"""Which of our elements show what a plot of CMS's DQM shows."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

__all__ = ["Counterpart", "Rule", "counterpart", "rules"]

_NOTHING = "no shipped workspace shows this"


class Counterpart(NamedTuple):
    """The cells that a plot becomes, each with paths drawn over each other; or why there are
    none."""

    cells: tuple[tuple[str, ...], ...]
    why: str = ""


class Rule(NamedTuple):
    """For paths that match, what is shown here; or with no cells, why nothing is."""

    pattern: re.Pattern[str]
    ours: Sequence[Sequence[str]]
    why: str


def counterpart(path: str) -> Counterpart:
    """What is shown here instead of a path of CMS's DQM."""
    for rule in rules():
        match = rule.pattern.fullmatch(path)
        if match is not None:
            cells = tuple(tuple(match.expand(one) for one in cell) for cell in rule.ours)
            return Counterpart(cells, rule.why)
    return Counterpart((), _NOTHING)


@cache
def rules() -> Sequence[Rule]:
    """The table `cms_elements.toml`; the first that matches counts."""
    text = (files("dqmstream.layouts") / "cms_elements.toml").read_text(encoding="utf-8")
    table: dict[str, list[dict[str, Any]]] = tomllib.loads(text)
    return [
        # What is there counts before what is not.
        *(Rule(re.compile(one["cms"]), one["ours"], "") for one in table["counterpart"]),
        *(Rule(re.compile(one["cms"]), (), one["why"]) for one in table["absent"]),
    ]
