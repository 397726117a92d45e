"""What a PromQL expression reads: names of metrics, and labels it goes by. Enough for our files."""

import re
from typing import Final

__all__ = ["labels_in", "metrics_in"]

_WORDS: Final = {
    *(
        "sum",
        "max",
        "min",
        "rate",
        "increase",
        "histogram_quantile",
        "absent",
        "round",
        "count_over_time",
    ),
    *("by", "on", "and", "or", "unless", "offset"),
}
_TEXT: Final = re.compile(r'"[^"]*"')
_MATCHERS: Final = re.compile(r"\{([^}]*)\}")
_GROUPING: Final = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
_RANGE: Final = re.compile(r"\[[^\]]*\]")
_OFFSET: Final = re.compile(r"\boffset\s+\w+")
_NAME: Final = re.compile(r"(?<![\w:.])[A-Za-z_:][\w:]*")


def metrics_in(expression: str) -> set[str]:
    """Names of all series; whatever is neither a known word nor a name counts as one too."""
    bare = _TEXT.sub('""', expression)
    for pattern in (_GROUPING, _MATCHERS, _RANGE, _OFFSET):
        bare = pattern.sub(" ", bare)
    return set(_NAME.findall(bare)) - _WORDS


def labels_in(expression: str) -> set[str]:
    """Names of all labels that are matched or grouped by."""
    bare = _TEXT.sub('""', expression)
    matched = [part for text in _MATCHERS.findall(bare) for part in text.split(",")]
    grouped = [part for text in _GROUPING.findall(bare) for part in text.split(",")]
    names = {re.split(r"[=!~]", part.strip())[0] for part in [*matched, *grouped]}
    return names - {""}
