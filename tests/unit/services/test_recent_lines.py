"""The last warnings of a process, for its heartbeats."""

import structlog
from hypothesis import given
from hypothesis import strategies as st

from services.logging.logs import Hider
from services.logging.recent import RecentLines


def test_only_what_is_to_be_looked_at_is_kept_with_its_fields() -> None:
    lines = RecentLines()
    lines.keep({"level": "info", "event": "ready", "service": "filler-0"}, 1)
    lines.keep({"level": "warning", "event": "chunk refused", "service": "filler-0", "LS": 3}, 2)
    (kept,) = lines.of("filler-0")
    assert (kept.when, kept.level, kept.text) == (2, "warning", "chunk refused LS=3")


def test_a_service_has_its_own_lines_and_those_of_none() -> None:
    lines = RecentLines()
    lines.keep({"level": "error", "event": "mine", "service": "a"}, 3)
    lines.keep({"level": "error", "event": "yours", "service": "b"}, 2)
    lines.keep({"level": "error", "event": "anybody's"}, 1)
    assert [line.text for line in lines.of("a")] == ["anybody's", "mine"]


def test_what_the_log_hides_is_hidden_and_the_line_goes_on_as_it_was() -> None:
    lines = RecentLines()
    keep = lines.processor(Hider(["hunter2"]), lambda: 5)
    line = {"level": "warning", "event": "refused hunter2", "password": "abc", "service": "x"}
    assert keep(structlog.get_logger(), "warning", line) is line
    (kept,) = lines.of("x")
    assert kept.text == "refused *** password=***"
    assert line["password"] == "abc"  # noqa: S105


@given(st.lists(st.text(max_size=900), max_size=40))
def test_few_and_short_lines_are_kept_whatever_comes(texts: list[str]) -> None:
    lines = RecentLines()
    for when, text in enumerate(texts):
        lines.keep({"level": "warning", "event": text, "service": f"s{when % 3}"}, when)
    for service in ("s0", "s1", "s2"):
        kept = lines.of(service)
        assert len(kept) <= 8
        assert all(len(each.text) <= 300 for each in kept)
