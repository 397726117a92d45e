"""The boards in a terminal: bad first, stale grey, silence said."""

from typing import Any

from rich.console import Console

from services.top.screen import screen

NOW = 1_760_000_100_000_000_000
SECOND = 1_000_000_000


def boards(**changes: Any) -> dict[str, Any]:
    quality = {"worst": "GOOD", "lumisection": 2, "judged": 4, "not_judged": 0, "elements": {}}
    bad = quality | {"worst": "BAD", "elements": {"A/hot": ["BAD", 1, 0], "A/fine": ["GOOD", 1, 0]}}
    rows = {
        "aa": {"workspace": "aa", "filled": True, "lumisection": quality, "run": quality},
        "zz": {"workspace": "zz", "filled": True, "lumisection": bad, "run": quality},
        "no": {"workspace": "no", "filled": False, "lumisection": None, "run": None},
    }
    strip = {
        "1": {"closed": True, "complete": True, "worst": "GOOD"},
        "2": {"closed": True, "complete": False, "worst": "BAD"},
        "3": {"closed": False, "complete": False, "worst": "NOT_RUN"},
    }
    beat = {"service": "filler", "state": "ready", "when": NOW - SECOND}
    run = {
        "run": 7,
        "run_type": "pp_run",
        "marks": ["simulated"],
        "ended": False,
        "last_lumisection": 3,
        "events": 1200,
    }
    pulse = {"newest_set": NOW - SECOND, "stale_after": 15.0, "data_stale_after": 30.0}
    made: dict[str, Any] = {
        "run": {"header": {"run": run, "rate": 20.5, "conditions": {"pileup": 42.25}}, "rows": {}},
        "strip": {"header": {}, "rows": strip},
        "quality": {"header": {}, "rows": rows},
        "pulse": {"header": pulse, "rows": {"p/filler": beat}},
    }
    return made | changes


def drawn(of: dict[str, Any], now: int = NOW) -> str:
    """With the codes of colours."""
    console = Console(width=120, force_terminal=True, color_system="standard")
    with console.capture() as capture:
        console.print(screen(of, now))
    return capture.get()


def plain(of: dict[str, Any], now: int = NOW) -> list[str]:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(screen(of, now))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_the_head_says_run_marks_rate_and_pile_up() -> None:
    assert plain(boards())[0] == (
        "run 7 · pp_run · simulated · LS 3 · 1,200 events · 20.5 events/s · pile-up 42.2"
    )


def test_bad_workspaces_come_first_and_say_where_to_look() -> None:
    lines = plain(boards())
    names = [line.split()[0] for line in lines[4:7]]
    assert names == ["zz", "aa", "no"]
    assert lines[4].endswith("A/hot")
    assert lines[6].endswith("no data")


def test_open_and_incomplete_lumisections_have_marks_of_their_own() -> None:
    assert plain(boards())[1] == "LS 1-3 ■▨□"


def test_lumisections_whose_sources_could_not_use_something_are_named() -> None:
    """The newest of them; how many more there are is said."""
    strip = boards()["strip"]
    assert not any("noted" in line for line in plain(boards())), "nothing was noted"
    strip["rows"]["2"]["notes"] = {"file_missing": 1, "missing_events": 1234}
    assert plain(boards(strip=strip))[2] == "noted: LS 2 file missing 1, missing events 1,234"
    row = strip["rows"]["2"] | {"notes": {"file_gone": 1}}
    strip["rows"] = {str(number): row for number in range(1, 8)}
    assert plain(boards(strip=strip))[2] == (
        "noted: 3 more; LS 4 file gone 1; LS 5 file gone 1; LS 6 file gone 1; LS 7 file gone 1"
    )


def test_stale_data_are_grey_and_say_their_age() -> None:
    """Nothing green is left when no contents came for longer than the limit."""
    later = NOW + 60 * SECOND
    fresh, stale = drawn(boards()), drawn(boards(), later)
    green = "\x1b[32m"
    assert green in fresh
    assert green not in stale
    assert "no new data for 61 s" in stale
    assert "filler silent for 61 s" in stale


def test_an_ended_run_is_not_stale() -> None:
    of = boards()
    of["run"]["header"]["run"]["ended"] = True
    assert "no new data" not in "".join(plain(of, NOW + 600 * SECOND))


def test_nothing_yet_is_said() -> None:
    assert plain({}) == ["waiting for the gateway"]
    of = boards()
    of["run"]["header"] = {"run": None, "rate": None, "conditions": None}
    assert plain(of)[0] == "no run has come yet"
