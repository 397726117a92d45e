"""Finding Kafka and Java, and what is said when they are not there."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from playback.broker import BrokerError, Cluster, find_java, find_kafka
from playback.broker.find import KAFKA_VERSION, Java, class_archive

_SHELL = "/usr/bin:/bin"


def _program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _libraries(folder: Path, *names: str) -> Path:
    (folder / "libs").mkdir()
    for name in names:
        (folder / "libs" / name).touch()
    return folder / "libs"


def test_an_unpacked_release_is_taken_before_the_cache(tmp_path: Path) -> None:
    libraries = _libraries(tmp_path, "kafka_2.13-4.1.0.jar", "scala-library-2.13.18.jar")
    assert find_kafka({"KAFKA_HOME": str(tmp_path)}) == libraries


@pytest.mark.parametrize("names", [(), ("kafka_2.13-3.9.1.jar",), ("kafka-clients-4.3.1.jar",)])
def test_a_kafka_home_without_kafka_4_says_what_was_found(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    _libraries(tmp_path, *names)
    with pytest.raises(BrokerError, match=r"KAFKA_HOME: .*libs has no jar of Kafka 4"):
        find_kafka({"KAFKA_HOME": str(tmp_path)})


def test_a_full_cache_needs_no_maven(tmp_path: Path) -> None:
    cached = tmp_path / "dqmstream" / f"kafka-{KAFKA_VERSION}"
    cached.mkdir(parents=True)
    assert find_kafka({"XDG_CACHE_HOME": str(tmp_path), "PATH": ""}) == cached


def test_the_cache_is_below_home_by_default(tmp_path: Path) -> None:
    cached = tmp_path / ".cache" / "dqmstream" / f"kafka-{KAFKA_VERSION}"
    cached.mkdir(parents=True)
    assert find_kafka({"HOME": str(tmp_path)}) == cached


def test_without_maven_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"'mvn' .*apt-get install maven, or set KAFKA_HOME"):
        find_kafka({"XDG_CACHE_HOME": str(tmp_path), "PATH": str(tmp_path)})


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match="set XDG_CACHE_HOME"):
        find_kafka({"XDG_CACHE_HOME": str(tmp_path / "file")})


def test_a_failed_fetch_says_why_and_leaves_nothing_behind(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "mvn", "echo 'unknown host'; mkdir libs; touch libs/half; exit 1")
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{_SHELL}"}
    with pytest.raises(BrokerError, match=r"status 1: unknown host"):
        find_kafka(environment)
    assert [path.suffix for path in (tmp_path / "dqmstream").iterdir()] == [".lock"]


def test_it_is_fetched_once_however_many_ask(tmp_path: Path) -> None:
    script = f"echo called >> {tmp_path / 'calls'}; sleep 0.2; mkdir libs; touch libs/kafka.jar"
    _program(tmp_path / "bin", "mvn", script)
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{_SHELL}"}
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(find_kafka, [environment] * 4))
    assert found == {tmp_path / "dqmstream" / f"kafka-{KAFKA_VERSION}"}
    assert [path.name for path in found.pop().iterdir()] == ["kafka.jar"]
    assert (tmp_path / "calls").read_text() == "called\n"


def test_without_java_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"'java' .*apt-get install default-jre-headless"):
        find_java({"PATH": str(tmp_path)})


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.2"])
def test_an_old_java_is_refused_by_its_version(tmp_path: Path, version: str) -> None:
    _program(tmp_path / "bin", "java", f"echo 'openjdk version \"{version}\"' >&2")
    with pytest.raises(BrokerError, match=f"{version}.*Java 17 or newer"):
        find_java({"JAVA_HOME": str(tmp_path)})


def test_a_java_that_fails_is_named(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "java", "exit 1")
    with pytest.raises(BrokerError, match="java does not run"):
        find_java({"JAVA_HOME": str(tmp_path)})


def test_java_home_is_taken_before_the_path(tmp_path: Path) -> None:
    java = _program(tmp_path / "bin", "java", "echo 'openjdk version \"21.0.1\" 2023' >&2")
    found = find_java({"JAVA_HOME": str(tmp_path), "PATH": ""})
    assert found == Java(java, "21.0.1")


def test_classes_are_archived_for_each_java_but_never_beside_a_kafka_home(tmp_path: Path) -> None:
    cached, java = tmp_path / f"kafka-{KAFKA_VERSION}", Java(Path("java"), "21.0.1")
    assert class_archive(cached, java) == tmp_path / f"kafka-{KAFKA_VERSION}-java-21.0.1.jsa"
    assert class_archive(tmp_path / "libs", java) is None


@pytest.mark.parametrize("brokers", [0, 4])
def test_a_cluster_has_one_to_three_brokers(tmp_path: Path, brokers: int) -> None:
    with pytest.raises(BrokerError, match=f"{brokers} brokers"):
        Cluster.start(tmp_path, brokers=brokers)
