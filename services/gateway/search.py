"""Finding MonitorElements by glob or regular expression, in time linear in what is searched.

Both run on RE2: no pattern, however written, takes more than (pattern x text) steps or more than
a fixed memory, so a client cannot hang the gateway. RE2 has no back references and no lookaround;
a pattern with them is refused with RE2's own words.

A glob is matched against the whole path, without regard to case: `?` is one character and `*` any
number within one folder, `**` crosses folders, `[abc]` and `[a-z]` are one of several. A glob
without a slash is matched against the name alone, in any folder. A regular expression is searched
anywhere in the path, without regard to case.
"""

from collections.abc import Callable

import re2

from dqmstream.linear_regex import compile_linear

__all__ = ["Matches", "PatternError", "glob_matches", "regex_matches"]

Matches = Callable[[str], bool]


class PatternError(ValueError):
    """A glob or regular expression that cannot be used, and why."""


def glob_matches(glob: str, *, longest: int) -> Matches:
    """Whether a path is meant by a glob of at most `longest` characters."""
    _check(glob, longest)
    pattern = _translated(glob)
    return _searcher(f"^(?:{pattern})$" if "/" in glob else f"(?:^|/)(?:{pattern})$", glob)


def regex_matches(regex: str, *, longest: int) -> Matches:
    """Whether a regular expression of at most `longest` characters is found in a path."""
    _check(regex, longest)
    return _searcher(regex, regex)


def _check(pattern: str, longest: int) -> None:
    if not 1 <= len(pattern) <= longest:
        msg = f"a pattern of {len(pattern)} characters, expected 1 to {longest}"
        raise PatternError(msg)
    if not pattern.isprintable():
        msg = f"pattern {pattern!r} has characters that cannot be printed"
        raise PatternError(msg)


def _searcher(pattern: str, shown: str) -> Matches:
    try:
        compiled = compile_linear(pattern, ignore_case=True)
    except ValueError as error:
        msg = f"pattern {shown!r} is not a regular expression of RE2: {error}"
        raise PatternError(msg) from error
    return lambda path: compiled.search(path) is not None


def _translated(glob: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(glob):
        if glob.startswith("**", at):
            parts.append(".*")
            at += 2
            continue
        character = glob[at]
        end = glob.find("]", at + 2) if character == "[" else -1
        if end > 0:
            parts.append(_one_of(glob[at + 1 : end]))
            at = end + 1
            continue
        parts.append({"*": "[^/]*", "?": "[^/]"}.get(character) or re2.escape(character))
        at += 1
    return "".join(parts)


def _one_of(characters: str) -> str:
    negated = "^" if characters[0] in "!^" and len(characters) > 1 else ""
    inside = characters[1:] if negated else characters
    escaped = "".join(c if c == "-" else re2.escape(c) for c in inside)
    return f"[{negated}{escaped}]"
