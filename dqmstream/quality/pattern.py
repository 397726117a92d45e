"""Patterns over paths: globs in which `*` stays within one folder, or regular expressions.

Everybody who may acknowledge an alarm or activate tests writes patterns, so none may take for ever:
what backtracking could take long for runs on RE2, in time linear in pattern and text.
"""

import re
from functools import lru_cache
from typing import Final, Protocol

from dqmstream.linear_regex import compile_linear

__all__ = ["REGEX_PREFIX", "Pattern", "compile_pattern", "matches"]

REGEX_PREFIX: Final = "regex:"

_TOKENS: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]/]*\]|.", re.DOTALL)
_FEW_STARS: Final = 2
"""With so many a glob backtracks over (length of the text)² steps at most; RE2 is ten times
slower for each match."""


class Pattern(Protocol):
    """A compiled pattern."""

    def fullmatch(self, string: str, /) -> object | None:
        """Something if the whole text matches, else None."""


def compile_pattern(pattern: str) -> Pattern:
    """An expression whose `fullmatch` says whether a path matches.

    In a glob `*` and `?` match within one folder and `**` over any number of them, `[...]` one of
    the characters: in CMSSW `*` matches `/` too, so that a limit tuned for one plot catches others.
    After `regex:` comes a regular expression of RE2, without lookaround and back references, that
    has to match the whole path.

    Raises
    ------
    ValueError
        If the pattern is empty or not a regular expression.
    """
    if not pattern or pattern == REGEX_PREFIX:
        msg = "expected a pattern, got nothing"
        raise ValueError(msg)
    if pattern.startswith(REGEX_PREFIX):
        return _linear(pattern.removeprefix(REGEX_PREFIX), pattern)
    tokens = _TOKENS.findall(pattern)
    expression = f"(?s:{''.join(map(_translated, tokens))})"
    if sum(token.startswith("*") for token in tokens) > _FEW_STARS:
        return _linear(expression, pattern)
    try:
        return re.compile(expression)
    except re.error as error:
        msg = f"{pattern!r} is not a pattern: {error}"
        raise ValueError(msg) from error


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern matches a whole text; nothing matches an empty pattern.

    Raises
    ------
    ValueError
        As `compile_pattern` does.
    """
    return bool(pattern) and _compiled(pattern).fullmatch(text) is not None


_compiled = lru_cache(maxsize=4096)(compile_pattern)


def _linear(expression: str, shown: str) -> Pattern:
    try:
        return compile_linear(expression)
    except ValueError as error:
        msg = f"{shown!r} is not a pattern: {error}"
        raise ValueError(msg) from error


def _translated(token: str) -> str:
    match token:
        case "**/":
            return "(?:[^/]+/)*"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if len(token) > 2 and token.startswith("["):
        body = token[1:-1]
        negated = body[0] in "!^"
        inside = "".join(one if one == "-" else re.escape(one) for one in body[negated:])
        return f"[^/{inside}]" if negated else f"[{inside}]"
    return re.escape(token)
