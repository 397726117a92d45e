"""CMSSW's short names of classes, which begin the names of branches.

Rule: CMSSW `FWCore/Utilities/src/FriendlyName.cc`: template arguments come before the template,
`vector` becomes `s`, `::` and blanks vanish. Its special cases (associations, owning and sorted
collections, unordered ones) are not here: INIT gives the names of all real branches.
"""

import re
from functools import lru_cache
from typing import Final

__all__ = ["friendly_name"]

_WORDS: Final = (
    (re.compile(r"\bstd::vector\b|(?<!::)\bvector\b"), "s"),
    (re.compile(r"\bstd::string\b|(?<!::)\bstring\b"), "String"),
    (re.compile(r"(?<!::)\b(set|map|pair|bitset|array)(?=<)"), r"std\1"),
    (re.compile(r"\bunsigned "), "u"),
    (re.compile(r"\blong "), "l"),
    (re.compile(r"\*"), "ptr"),
)


@lru_cache(maxsize=4096)
def friendly_name(class_name: str) -> str:
    """`recoTracks` of `std::vector<reco::Track>`, with or without `std::`."""
    name = class_name.strip()
    for spelled, word in _WORDS:
        name = spelled.sub(word, name)
    return _turned(name).replace("::", "").replace(" ", "")


def _turned(name: str) -> str:
    """Arguments of templates before their names, inside first."""
    while (close := name.find(">")) >= 0:
        opened = name.rfind("<", 0, close)
        if opened < 0:
            break
        start = max(name.rfind(mark, 0, opened) for mark in "<,") + 1
        arguments = name[opened + 1 : close].replace(",", "")
        name = name[:start] + arguments + name[start:opened] + name[close + 1 :]
    return name
