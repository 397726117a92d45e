"""What is chosen of what is shipped, before anything runs."""

import msgspec
import pytest

from dqmstream.messages.booking import Booking
from dqmstream.quality.declaration import default_tests
from services import startup
from services.settings import Settings


def test_shipped_tests_are_those_whose_workspace_matches_one_that_is_filled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By name, or by a pattern of names."""
    one = default_tests()[0]
    shipped = tuple(
        msgspec.structs.replace(one, name=name, workspace=name)
        for name in ("pixel", "pix*", "regex:hlt|pixel", "hlt")
    )
    monkeypatch.setattr(startup, "default_tests", lambda: shipped)
    booking = Booking(workspace="pixel", elements=())
    found = startup.chosen_tests(Settings.model_validate({}), [booking])
    assert [test.name for test in found] == ["pixel", "pix*", "regex:hlt|pixel"]
