"""Lines that a side logs."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from playback.comparing.runner import Lines


@pytest.fixture
def lines() -> Iterator[Lines]:
    before = structlog.get_config()
    lines = Lines()
    lines.listen()
    yield lines
    logging.getLogger().removeHandler(lines)
    logging.captureWarnings(False)
    structlog.configure(**before)


def test_lines_that_differ_in_their_values_are_of_one_kind(lines: Lines) -> None:
    """Whichever way they are logged: else every time and path would be a line of its own."""
    for number in range(3):
        logging.getLogger("old").warning("%d bins are empty", number)
        structlog.get_logger("new").warning("bins are empty", number=number)
    structlog.get_logger("new").info("nothing of interest")
    assert [(one.logger, one.text, one.count, one.first) for one in lines.counted()] == [
        ("new", "bins are empty", 3, "bins are empty number=0"),
        ("old", "%d bins are empty", 3, "0 bins are empty"),
    ]
