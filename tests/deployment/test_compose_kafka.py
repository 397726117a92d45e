"""The broker's settings in the compose file, read by a real Kafka."""

import os
import subprocess
from pathlib import Path

import pytest

from playback.broker.find import find_java, find_kafka
from tests.deployment.files import COMPOSE, load

_ENVIRONMENT: dict[str, object] = load(COMPOSE)["services"]["kafka"]["environment"]
# Not settings: the image's start script takes these.
_OF_THE_SCRIPT = {"KAFKA_HEAP_OPTS"}


def _properties(folder: Path, **changed: object) -> Path:
    """What the image makes of its environment: KAFKA_LOG_DIRS is log.dirs."""
    given = _ENVIRONMENT | {"KAFKA_LOG_DIRS": folder / "data"} | changed
    lines = [
        f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={value}\n"
        for name, value in given.items()
        if name.startswith("KAFKA_") and name not in _OF_THE_SCRIPT
    ]
    path = folder / "server.properties"
    path.write_text("".join(lines))
    return path


def _format(properties: Path) -> subprocess.CompletedProcess[str]:
    """The first thing the image does; it reads and checks all settings of the broker."""
    return subprocess.run(
        [
            find_java(os.environ).path,
            "-XX:TieredStopAtLevel=1",
            *("-cp", f"{find_kafka(os.environ)}/*"),
            "kafka.tools.StorageTool",
            *("format", "--cluster-id", str(_ENVIRONMENT["CLUSTER_ID"])),
            *("--config", properties),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def test_kafka_takes_the_settings(tmp_path: Path) -> None:
    done = _format(_properties(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data" / "meta.properties").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"KAFKA_INTER_BROKER_LISTENER_NAME": "NOWHERE"}, {"KAFKA_PROCESS_ROLES": "leader"}],
)
def test_kafka_refuses_settings_that_contradict_each_other(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    assert _format(_properties(tmp_path, **wrong)).returncode != 0
