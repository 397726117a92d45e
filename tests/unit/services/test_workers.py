"""Plug-ins run in workers: whatever one does, its elements are ERROR and all others are judged."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.histograms.contents import Contents
from dqmstream.histograms.layout import Layout
from dqmstream.messages.booking import Booking, Histogram, Integer
from dqmstream.messages.quality import Outcome, QualityReport
from dqmstream.quality.compiled import compile_tests
from dqmstream.quality.declaration import read_tests
from dqmstream.quality.judgement import judge
from dqmstream.quality.plugins import GROUP, Plugins, load_plugins
from services.plugins.bounds import WorkerSettings
from services.plugins.workers import Workers

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "plugin"
BAD = EntryPoint("bad", "tests.bad_plugin:ALGORITHMS", GROUP)
LAYOUT = Layout(
    Booking(
        workspace="pixel",
        elements=tuple(
            Histogram(path=path, axes=(Integer(lower=0, upper=4, label="x"),), fill=("x",))
            for path in ("one", "two")
        ),
    )
)


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins([BAD])


@pytest.fixture(scope="module")
def workers(plugins: Plugins) -> Iterator[Workers]:
    """Patient ones: a busy machine is no fault of a plug-in's."""
    with closing(Workers(plugins, bounds(60.0), monotonic=lambda: 0.0)) as workers:
        yield workers


def bounds(seconds: float) -> WorkerSettings:
    return WorkerSettings(seconds=seconds, memory=2 << 30, strikes=2, aside_seconds=60.0)


def judged(
    workers: Workers, plugins: Plugins, *names: str, first: int = 500
) -> dict[tuple[str, str], QualityReport]:
    text = "".join(
        f'[[quality_test]]\nname = "{name}"\nalgorithm = "{name}"\npath = "*"\n' for name in names
    )
    tests = read_tests(text, "tests.toml", plugins.algorithms)
    algorithms = workers.around(plugins.algorithms)
    workspace = compile_tests(tests, [LAYOUT], algorithms).workspaces[LAYOUT.hash]
    contents = Contents.empty(LAYOUT)
    for path in ("one", "two"):
        place = LAYOUT[path]
        contents.cells[place.offset : place.offset + 6] = 500
    contents.cells[LAYOUT["one"].offset + 1] = first
    reports = judge(
        contents,
        workspace,
        scope="lumisection",
        set_hash="s",
        run=1,
        lumisection=1,
        complete=True,
        versions=(1,),
    )
    return {(one.qtname, one.path): one for one in reports.reports}


@pytest.mark.parametrize(
    ("name", "said", "traced"),
    [
        ("exits", "ended with exit code 7", ""),
        ("leaves", "SystemExit('enough')", "in leaves"),
        ("crashes", "died of SIGSEGV", "in crashes"),
        ("eats", "MemoryError", "in eats"),
        ("not_a_number", "returned qtresult nan", ""),
        ("wrong_shape", "has shape", ""),
        ("nothing", "returned NoneType, expected Findings", ""),
        ("scribbles", "", ""),
    ],
)
def test_what_a_plug_in_does_is_an_error_of_its_elements_alone(
    workers: Workers, plugins: Plugins, name: str, said: str, traced: str
) -> None:
    fails_alone(workers, plugins, name, said, traced)


@pytest.mark.parametrize(("name", "traced"), [("hangs", "in hangs"), ("hangs_deaf", "")])
def test_one_that_hangs_is_an_error_of_its_elements_alone_once_its_time_is_over(
    plugins: Plugins, name: str, traced: str
) -> None:
    with closing(Workers(plugins, bounds(2.0))) as workers:
        fails_alone(workers, plugins, name, "did not answer within 2 s", traced)


def fails_alone(workers: Workers, plugins: Plugins, name: str, said: str, traced: str) -> None:
    found = judged(workers, plugins, "Plugin_good", f"Plugin_{name}", "DeadChannel")
    for path in ("one", "two"):
        bad = found[f"Plugin_{name}", path]
        assert bad.outcome is Outcome.ERROR
        assert said in bad.message
        assert traced in bad.trace
        assert found["Plugin_good", path].outcome is Outcome.GOOD
        assert found["DeadChannel", path].outcome is Outcome.GOOD


def test_one_that_raises_fails_only_for_the_elements_it_raises_for(
    workers: Workers, plugins: Plugins
) -> None:
    found = judged(workers, plugins, "Plugin_raises", first=13)
    assert found["Plugin_raises", "one"].outcome is Outcome.ERROR
    assert "LookupError('thirteen entries')" in found["Plugin_raises", "one"].message
    assert "in raises" in found["Plugin_raises", "one"].trace
    assert found["Plugin_raises", "two"].outcome is Outcome.GOOD


def test_one_that_says_too_much_is_heard_out(workers: Workers, plugins: Plugins) -> None:
    assert judged(workers, plugins, "Plugin_chatters")["Plugin_chatters", "one"].outcome is (
        Outcome.GOOD
    )


def test_one_that_ends_workers_again_and_again_is_put_aside_for_a_while(plugins: Plugins) -> None:
    now = [0.0]
    settings = WorkerSettings(strikes=2, aside_seconds=60.0)
    with closing(Workers(plugins, settings, monotonic=lambda: now[0])) as workers:
        said = []
        for moment in (0, 1, 2, 59, 62):
            now[0] = moment
            report = judged(workers, plugins, "Plugin_exits")["Plugin_exits", "one"]
            assert report.outcome is Outcome.ERROR
            if moment == 59:
                assert "2 workers in a row: it is not run for 60 s" in report.message
            said.append("exit code 7" in report.message)
        assert said == [True, True, False, False, True]


def test_a_worker_killed_between_two_calls_is_replaced(plugins: Plugins) -> None:
    with closing(Workers(plugins)) as workers:
        for _ in range(2):
            found = judged(workers, plugins, "Plugin_good")
            assert found["Plugin_good", "one"].outcome is Outcome.GOOD
            workers._idle[0]._process.kill()
            workers._idle[0]._process.wait()


def test_workers_start_when_first_needed_and_end_with_their_pool(plugins: Plugins) -> None:
    with closing(Workers(plugins)) as workers:
        judged(workers, plugins, "DeadChannel")
        assert workers._idle == []
        judged(workers, plugins, "Plugin_good")
        (worker,) = workers._idle
        assert worker.is_alive()
    assert not worker.is_alive()


def test_the_hash_of_code_is_that_of_the_plug_in_too(plugins: Plugins) -> None:
    with closing(Workers(plugins)) as workers:
        apart = workers.around(plugins.algorithms)["Plugin_good"]
        assert apart.measure.__module__ == "tests.bad_plugin"


def test_a_worker_that_nobody_asks_any_more_ends() -> None:
    """Its socket closes with the process that started it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "services.plugins.worker",
                str(theirs.fileno()),
                "1",
                "1",
                str(2 << 30),
            ],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        assert ours.recv(64).endswith(b"ready")
        ours.close()
        assert process.wait(120) == 0


def test_the_example_of_the_documentation_judges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    plugins = load_plugins([EntryPoint("asymmetry", "my_quality_tests:LEFT_RIGHT", GROUP)])
    with closing(Workers(plugins)) as workers:
        even = judged(workers, plugins, "LeftRight", first=500)["LeftRight", "one"]
        odd = judged(workers, plugins, "LeftRight", first=900)["LeftRight", "one"]
    assert (even.outcome, even.measured, even.p_value) == (Outcome.GOOD, 0.0, 1.0)
    assert odd.outcome is Outcome.BAD
    assert odd.measured == pytest.approx((1000 - 1200) / np.sqrt(2400 / 4), rel=1e-9)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("tests.no_such_plugin:X", "ModuleNotFoundError"),
        ("tests.bad_plugin:good", "expected an Algorithm or several"),
        ("dqmstream.quality.algorithms.mean:ALGORITHMS", "has the name of one of dqmstream itself"),
    ],
)
def test_a_plug_in_that_is_none_is_refused_by_name(value: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"plug-in 'mine'.*{value}.*{said}"):
        load_plugins([EntryPoint("mine", value, GROUP)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "two words"}, "a name of letters"),
        ({"parameters": dict}, "a subclass of Parameters"),
        ({"warning": "0.9"}, "error 1e-05, warning '0.9', expected"),
        ({"error": 0.5, "warning": 0.1}, "error <= warning"),
        ({"min_entries": None}, "min_entries is None"),
        ({"refusal": "none"}, "refusal cannot be called"),
    ],
)
def test_a_plug_in_that_would_fail_when_it_is_used_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], said: str
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    point = EntryPoint("mine", "my_quality_tests:LEFT_RIGHT", GROUP)
    flawed = replace(point.load(), **changes)
    monkeypatch.setattr("my_quality_tests.LEFT_RIGHT", flawed)
    with pytest.raises(ConfigurationError, match=f"plug-in 'mine'.*{said}"):
        load_plugins([point])
