"""The policy: what may change, by pattern, and what it may cost."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dqmstream.errors import ConfigurationError
from playback.comparing.finding import UNJUDGED, Finding, Kind
from playback.comparing.policy import Allow, Policy, applied, read_policy, unused

FINDING = Finding(
    kind=Kind.VERDICT, subject="Pixel/Layer1/charge", workspace="pixel", test="charge", text="x"
)


def test_an_empty_file_allows_as_little_as_none(tmp_path: Path) -> None:
    """The workflow in the docs names one: a package begins with an empty one."""
    file = tmp_path / "policy.toml"
    file.touch()
    assert read_policy(file) == read_policy(None) == Policy()


def test_without_a_file_nothing_may_change() -> None:
    (judged,) = applied(read_policy(None), [FINDING])
    assert judged.allowed == ""


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        """
        tolerance = 1e-6
        pinned = ["numpy", "awkward*"]
        [statistical]
        paths = ["Pixel/**"]
        false_discovery = 0.05
        [[allow]]
        what = ["contents", "verdict"]
        path = "Pixel/**"
        test = "ch*"
        why = "a new estimator"
        [budget]
        time_ratio = 3.0
        [[workspace_budget]]
        workspace = "pixel*"
        kept_kib = 0.0
        """
    )
    policy = read_policy(file)
    assert (policy.tolerance, policy.budget.time_ratio) == (1e-6, 3.0)
    assert policy.pinned == ("numpy", "awkward*")
    assert policy.is_statistical("Pixel/a/b")
    assert not policy.is_statistical("Ecal/a")
    assert policy.budget_of("pixel_new").kept_kib == 0.0
    assert policy.budget_of("ecal").kept_kib == 16.0
    (judged,) = applied(policy, [FINDING])
    assert judged.allowed == "rule 1: a new estimator"
    assert unused(policy, [judged]) == ()
    assert unused(policy, []) == ("rule 1 (a new estimator)",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("allow = 1", "Expected `array`"),
        ('[[allow]]\nwhat = ["contents"]', "missing required field `why`"),
        ('[[allow]]\nwhat = ["content"]\nwhy = "x"', "kinds are nothing-filled, missing, events"),
        ('[[allow]]\nwhat = ["crash"]\nwhy = "x"', "allow 1: crash can never be allowed"),
        ('[[allow]]\nwhat = []\nwhy = "x"', "length >= 1"),
        ('[[allow]]\nwhat = ["contents"]\nwhy = "x"\npath = "regex:("', "is not a pattern"),
        ("[budget]\ntime = 2", "unknown field `time`"),
        ("tolerances = 1e-9", "unknown field `tolerances`; expected tolerance, pinned, "),
        ("[budget]\ntime_ratio = 0.5", ">= 1.0"),
        ("[statistical]\nfalse_discovery = 1.0", "< 1.0"),
        ('pinned = ["regex:("]', "is not a pattern"),
        ("a = ", "Invalid value"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_policy(file)
    assert str(file) in str(refused.value)
    assert expected in str(refused.value)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_policy(tmp_path / "none.toml")


@given(kind=st.sampled_from(Kind), test=st.sampled_from(["", "charge", "size"]))
def test_a_rule_allows_its_kinds_and_tests_and_no_others(kind: Kind, test: str) -> None:
    finding = Finding(kind=kind, subject="Pixel/x", test=test, text="")
    rule = Allow(what=(Kind.VERDICT,), test="charge", why="w")
    (judged,) = applied(Policy(allow=(rule,)), [finding])
    allowed = kind is Kind.VERDICT and test == "charge"
    assert judged.allowed.startswith("rule") is allowed


@given(st.sampled_from(sorted(UNJUDGED)))
def test_what_was_not_judged_is_not_allowed_by_any_rule(kind: Kind) -> None:
    policy = Policy(allow=(Allow(what=tuple(Kind), why="all"),))
    (judged,) = applied(policy, [Finding(kind=kind, subject="candidate", text="")])
    assert judged.allowed == ""
