"""Which steps of which alarms a subscription is told."""

from typing import Any

import msgspec
import pytest

from dqmstream.notifications.subscription import takers
from tests.notified import step, subscription


@pytest.mark.parametrize(
    ("given", "fields", "taken"),
    [
        ({}, {}, True),
        ({"alarms": ("quality:Muon/*",)}, {}, True),
        ({"alarms": ("quality:*",)}, {}, False),  # `*` stays in one folder
        ({"alarms": ("quality:**",)}, {}, True),
        ({"alarms": ("regex:.*empty",)}, {}, True),
        ({"workspaces": ("Mu*",)}, {}, True),
        ({"workspaces": ("Tracker", "Muon")}, {}, True),
        ({"workspaces": ("Tracker",)}, {}, False),
        ({"paths": ("Muon/*",), "tests": ("other",)}, {}, False),
        ({"paths": ("Muon/*",), "tests": ("pt_*",)}, {}, True),
        ({"severity": "medium"}, {"severity": "low"}, False),
        ({"severity": "medium"}, {"severity": "high"}, True),
        ({"kinds": ("process",)}, {}, False),
        ({"kinds": ("process",)}, {"kind": "process"}, True),
        ({"audience": "expert"}, {}, False),
        ({"audience": "expert"}, {"audience": "expert"}, True),
        ({"run_types": ("cosmic*",)}, {}, False),
        ({"run_types": ("cosmic*",)}, {"run_type": "cosmics_run"}, True),
        ({"run_types": ("cosmic*",)}, {"run_type": ""}, True),  # rather one too many
        ({"enabled": False}, {}, False),
        ({}, {"event": "acknowledged", "after": "acknowledged"}, False),
        ({"events": ("acknowledged",)}, {"event": "acknowledged", "after": "acknowledged"}, True),
        ({"events": ("returned",)}, {}, False),
        ({}, {"event": "", "after": "raised", "number": 0}, True),  # of the first version
        ({}, {"after": "shelved"}, False),
        ({"hidden": True}, {"after": "shelved"}, True),
        ({}, {"event": "shelved", "after": "shelved"}, False),
        ({"events": ("shelved",)}, {"event": "shelved", "after": "shelved"}, True),
        # What was put aside and still stands is news when it comes back.
        ({}, {"event": "unshelved", "before": "shelved", "after": "raised"}, True),
        ({}, {"event": "unmasked", "before": "masked", "after": "normal"}, False),
        ({"floods": False}, {"flags": ("flood",)}, False),
        ({"floods": False}, {"kind": "flood", "flags": ("flood",)}, True),
        ({}, {"flags": ("flood",)}, True),
    ],
)
def test_a_step_is_told_if_it_matches_all_that_is_given(
    given: dict[str, Any], fields: dict[str, Any], taken: bool
) -> None:
    assert subscription(**given).takes(step(**fields)) is taken


def test_subscriptions_after_a_last_one_are_not_asked() -> None:
    first = subscription("first", workspaces=("Muon",), last=True)
    second = subscription("second")
    assert takers([first, second], step()) == [first]
    assert takers([first, second], step(workspace="Tracker")) == [second]
    not_last = msgspec.structs.replace(first, last=False)
    assert takers([not_last, second], step()) == [not_last, second]


def test_what_was_declared_is_told_in_words() -> None:
    given = subscription(severity="high", events=("raised",), workspaces=("a", "b"), interval=30.0)
    assert given.declared() == {
        "workspaces": "a, b",
        "severity": "high",
        "events": "raised",
        "wait": "0.0",
        "interval": "30.0",
    }
