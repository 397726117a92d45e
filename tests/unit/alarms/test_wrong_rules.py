"""The model finds what it is for: each of these mistakes is caught."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from msgspec.structs import replace

from dqmstream.alarms import alarm, judged, life
from dqmstream.alarms.register import AlarmRegister
from dqmstream.messages.alarms import AlarmState
from tests.unit.alarms.test_model import Lives

Patch = pytest.MonkeyPatch
SEARCH = settings(
    max_examples=1500,
    stateful_step_count=40,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def written_without(change: Callable[[AlarmState], dict[str, Any]]) -> Callable[[Patch], None]:
    """What is written of a state lacks something, and so does what a restart finds."""

    def apply(patch: Patch) -> None:
        kept = AlarmRegister.kept

        def wrong(self: AlarmRegister, **arguments: Any) -> list[AlarmState]:
            return [replace(one, **change(one)) for one in kept(self, **arguments)]

        patch.setattr(AlarmRegister, "kept", wrong)

    return apply


def patched(owner: object, name: str, wrong: object) -> Callable[[Patch], None]:
    """Another function in place of one of ours."""
    return lambda patch: patch.setattr(owner, name, wrong)


def never_returned(self: life.Life, why: str) -> None:
    self.change(clearing=None)
    self.rest()
    self.say("normal", why)


def unshelved_early(self: life.Life) -> None:
    if self.state.shelf is not None and self.when >= self.state.shelf.until - 20 * 10**9:
        self.unshelve("alarms", "early")
    self.live("")
    self._escalate()


def no_clock(self: life.Life) -> None:
    """Only ticks look at the clock."""


WRONG = {
    "records are taken again after a restart": written_without(lambda _: {"through": {}}),
    "acknowledgements are lost with the process": written_without(
        lambda one: {"life": "raised"} if one.life == "acknowledged" else {}
    ),
    "shelves are lost with the process": written_without(lambda _: {"shelf": None}),
    "delays begin anew with the process": written_without(
        lambda _: {"pending": None, "clearing": None}
    ),
    "lumisections are forgotten with the process": written_without(lambda _: {"judged": ()}),
    "steps are numbered anew with the process": written_without(lambda _: {"number": 0}),
    "nothing latches": patched(life.Life, "_return", never_returned),
    "shelves end early": patched(life.Life, "pass_time", unshelved_early),
    "the clock is not looked at": patched(life.Life, "pass_time", no_clock),
    "one good lumisection is enough": patched(judged, "_trailing_good", lambda *_: 99),
    "acknowledged for ever": patched(
        life.Life, "_follow_level", lambda self, _: self.change(level=self.state.now)
    ),
    "out of service is for ever": patched(alarm._Step, "_put_back", lambda *_: ""),
}


QUICK = {
    "steps are numbered anew with the process",
    "lumisections are forgotten with the process",
    "the clock is not looked at",
    "one good lumisection is enough",
}


@pytest.mark.parametrize(
    "wrong",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in WRONG],
)
def test_a_wrong_rule_is_caught(wrong: str, monkeypatch: Patch) -> None:
    WRONG[wrong](monkeypatch)
    with pytest.raises((AssertionError, KeyError, ExceptionGroup)):
        run_state_machine_as_test(Lives, settings=SEARCH)  # type: ignore[no-untyped-call]
