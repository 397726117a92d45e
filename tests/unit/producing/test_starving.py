"""When a selection starves what depends on it."""

import pytest

from dqmstream.producing.starving import starves


@pytest.mark.parametrize(
    ("seen", "selected", "expected"),
    [
        (0, 0, False),  # nothing came: the selection has nothing to do with it
        (1, 0, True),
        (999, 0, True),
        (999, 1, False),
        (1000, 9, True),
        (1000, 10, False),
        (10**6, 10, False),
    ],
)
def test_an_ls_starves_when_next_to_nothing_is_left_of_many_events(
    seen: int, selected: int, expected: bool
) -> None:
    assert starves(seen, selected) is expected
