"""Fillers beside a watcher wait longer than it does, or the user is told that they do not."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli import app
from services.settings_layers import load_settings
from services.waiting import waiting_longer

SECONDS = st.one_of(st.none(), st.floats(0.001, 10_000))


@given(
    missing=st.floats(0.001, 10_000),
    lumisection=SECONDS,
    run=SECONDS,
)
def test_whatever_is_set_stays_and_nothing_closes_before_a_file_is_given_up_in_silence(
    missing: float, lumisection: float | None, run: float | None
) -> None:
    given = {"lumisection_timeout": lumisection, "run_timeout": run}
    assume((run or 300.0) >= (lumisection or 60.0))
    settings, warnings = waiting_longer(load_settings(given, {}), missing)
    assert lumisection in {None, settings.lumisection_timeout}
    assert run in {None, settings.run_timeout}
    assert settings.lumisection_timeout <= settings.run_timeout
    assert warnings or min(settings.lumisection_timeout, settings.run_timeout) > missing
    assert not (warnings and lumisection is None and run is None)


def test_by_default_a_lumisection_stays_open_beyond_the_240_s_of_the_cms_way() -> None:
    settings, warnings = waiting_longer(load_settings({}, {}), 240.0)
    assert (settings.lumisection_timeout, settings.run_timeout) == (300.0, 300.0)
    assert warnings == ()
    settings, _ = waiting_longer(load_settings({}, {}), 600.0)
    assert (settings.lumisection_timeout, settings.run_timeout) == (660.0, 660.0)


def test_watch_says_which_time_out_is_too_short_and_where_it_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DQMSTREAM_LUMISECTION_TIMEOUT", "5")
    monkeypatch.delenv("DQMSTREAM_KAFKA", raising=False)
    flags = ["--send-only", "--missing-timeout", "30"]
    result = CliRunner().invoke(app, ["watch", str(tmp_path), *flags])
    assert result.exit_code != 0, "there is no broker to send to"
    assert (
        "lumisection_timeout is 5 s (environment), and a file is waited for up to 30 s"
        in result.output
    )
