"""Patterns over paths: globs in which `*` stays within one folder, or regular expressions."""

import re
from functools import lru_cache
from typing import Final

__all__ = ["REGEX_PREFIX", "compile_pattern", "matches"]

REGEX_PREFIX: Final = "regex:"

_TOKENS: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]/]*\]|.", re.DOTALL)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """An expression whose `fullmatch` says whether a path matches.

    In a glob `*` and `?` match within one folder and `**` over any number of them, `[...]` one of
    the characters: in CMSSW `*` matches `/` too, so that a limit tuned for one plot catches others.
    After `regex:` comes a regular expression that has to match the whole path.

    Raises
    ------
    ValueError
        If the pattern is empty or not a regular expression.
    """
    if not pattern or pattern == REGEX_PREFIX:
        msg = "expected a pattern, got nothing"
        raise ValueError(msg)
    try:
        if pattern.startswith(REGEX_PREFIX):
            return re.compile(pattern.removeprefix(REGEX_PREFIX))
        return re.compile("".join(map(_translated, _TOKENS.findall(pattern))), re.DOTALL)
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
        body = token[1:-1].replace("\\", "\\\\")
        negated = body[0] in "!^"
        return f"[^/{body[1:]}]" if negated else f"[{body}]"
    return re.escape(token)
