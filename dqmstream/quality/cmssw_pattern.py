"""CMSSW's patterns of paths as ours: there `*` and `?` match `/` too (fnmatch without flags)."""

import re
from typing import Final

from dqmstream.quality.pattern import REGEX_PREFIX

__all__ = ["our_pattern"]

_PLAIN: Final = re.compile(r"[^*?\[\]\\]")


def our_pattern(pattern: str) -> str:
    """The glob or regular expression that matches the same paths as a pattern of fnmatch.

    A glob with `**` for each `*`, where that means the same, as it is easier to read.

    Raises
    ------
    ValueError
        If it is empty, has a class of characters by name (`[[:alpha:]]`), or a range of characters
        that falls (`[z-a]`).
    """
    if not pattern:
        msg = "expected a pattern, got nothing"
        raise ValueError(msg)
    merged = re.sub(r"\*+", "*", pattern)
    # `**/` is any number of whole folders in a glob, and so not what `*/` is in fnmatch.
    simple = not re.search(r"[?\[\\]|\*/", merged) and not merged.startswith(REGEX_PREFIX)
    if simple:
        return merged.replace("*", "**")
    return REGEX_PREFIX + _as_regex(merged)


def _as_regex(pattern: str) -> str:
    parts, rest = [], pattern
    while rest:
        first, rest = rest[0], rest[1:]
        if first == "*":
            parts.append(".*")
        elif first == "?":
            parts.append(".")
        elif first == "\\":
            escaped, rest = rest[:1], rest[1:]
            parts.append(re.escape(escaped or "\\"))
        elif first == "[" and (end := _end_of_class(rest)):
            parts.append(_class(rest[:end]))
            rest = rest[end + 1 :]
        else:
            parts.append(re.escape(first))
    return "".join(parts)


def _end_of_class(rest: str) -> int:
    """Where the bracket is closed that was opened before; 0 if it is not."""
    # A closing bracket that comes first is one of the characters.
    start = 2 if rest[:1] in ("!", "^") and rest[:1] else 1
    return max(rest.find("]", start), 0)


def _class(body: str) -> str:
    if "[:" in body or "[." in body or "[=" in body:
        msg = f"has a class of characters by name: [{body}]"
        raise ValueError(msg)
    negated = body[0] in "!^"
    inside = body[1:] if negated else body
    if any(first > last for first, last in re.findall("(.)-(.)", inside, re.DOTALL)):
        msg = f"has a range of characters that falls: [{body}]"
        raise ValueError(msg)
    escaped = re.sub(r"([\\\[\]^&~|])", r"\\\1", inside)
    return f"[{'^' if negated else ''}{escaped}]"
