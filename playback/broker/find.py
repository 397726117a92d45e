"""Finding Kafka's jars and a Java to run them; fetching the jars once when there are none."""

import fcntl
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playback.broker.errors import BrokerError

__all__ = [
    "KAFKA_VERSION",
    "Java",
    "class_archive",
    "find_java",
    "find_kafka",
    "find_program",
    "locked",
]

KAFKA_VERSION: Final = "4.3.1"
"""The release that is fetched. A KAFKA_HOME may hold any release of Kafka 4."""

_OLDEST_KAFKA: Final = 4
_OLDEST_JAVA: Final = 17
_FETCH_SECONDS: Final = 600.0
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM: Final = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dqmstream</groupId>
  <artifactId>broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


def find_kafka(environment: Mapping[str, str]) -> Path:
    """Folder of the jars of a Kafka 4: `KAFKA_HOME`, or the cache, filled once by Maven.

    Parameters
    ----------
    environment
        `KAFKA_HOME` (an unpacked release; its `libs/` is used), `XDG_CACHE_HOME` or `HOME` for
        the place of the cache, `PATH` for Maven.

    Raises
    ------
    BrokerError
        `KAFKA_HOME` holds no Kafka 4, or Maven is missing or failed.
    """
    home = environment.get("KAFKA_HOME")
    if home:
        libraries = Path(home) / "libs"
        _check_release(libraries)
        return libraries
    cached = _cache(environment) / f"kafka-{KAFKA_VERSION}"
    # The folder is moved into place when it is complete: if it is there, it is whole.
    if not cached.is_dir():
        with locked(cached):
            if not cached.is_dir():
                _fetch(cached, environment)
    return cached


@dataclass(frozen=True, slots=True)
class Java:
    """A program that runs Java, and the version it says it is."""

    path: Path
    version: str


def find_java(environment: Mapping[str, str]) -> Java:
    """The `java` of `JAVA_HOME`, or of `PATH`.

    Raises
    ------
    BrokerError
        There is none, or it is older than Kafka 4 needs.
    """
    home = environment.get("JAVA_HOME")
    hint = f"Kafka needs Java {_OLDEST_JAVA} or newer: apt-get install default-jre-headless"
    java = Path(home) / "bin" / "java" if home else find_program("java", hint, environment)
    try:
        answer = subprocess.run(  # noqa: S603 the user's own Java
            [java, "-version"], capture_output=True, check=True, text=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        msg = f"{java} does not run: {error}; {hint}"
        raise BrokerError(msg) from error
    found = re.search(r'version "((?:1\.)?(\d+)[^"]*)"', answer.stderr)
    if found is None or int(found[2]) < _OLDEST_JAVA:
        msg = f"{java} is {answer.stderr.partition(chr(10))[0]!r}; {hint}"
        raise BrokerError(msg)
    return Java(java, found[1])


def class_archive(libraries: Path, java: Java) -> Path | None:
    """Where Kafka's classes are kept as this Java loaded them: halves the work of a start.

    It may not be there yet: `python -m playback.broker --fetch` makes it. Java itself checks that
    it fits the jars, and goes on without it if not. None for the jars of a `KAFKA_HOME`: nothing is
    written beside those.
    """
    if libraries.name != f"kafka-{KAFKA_VERSION}":
        return None
    return libraries.with_name(f"{libraries.name}-java-{java.version}.jsa")


def find_program(name: str, hint: str, environment: Mapping[str, str]) -> Path:
    """A program on the `PATH`; `hint` says in the error how to get it."""
    path = shutil.which(name, path=environment.get("PATH", ""))
    if path is None:
        msg = f"no program {name!r} on the PATH; {hint}"
        raise BrokerError(msg)
    return Path(path)


def _check_release(libraries: Path) -> None:
    names = sorted(path.name for path in libraries.glob("kafka_2.*-*.jar"))
    found = [re.fullmatch(r"kafka_2\.\d+-(\d+)\.[\d.]+\.jar", name) for name in names]
    if not any(match is not None and int(match[1]) >= _OLDEST_KAFKA for match in found):
        msg = (
            f"KAFKA_HOME: {libraries} has no jar of Kafka {_OLDEST_KAFKA} "
            f"(found {', '.join(names) or 'none'}); name the folder of an unpacked release, "
            "or unset it to have the jars fetched"
        )
        raise BrokerError(msg)


def _cache(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CACHE_HOME")
    folder = (Path(base) if base else Path(environment.get("HOME", "~")) / ".cache") / "dqmstream"
    folder = folder.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"the cache for Kafka's jars cannot be made: {error}; set XDG_CACHE_HOME"
        raise BrokerError(msg) from error
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process makes what will be at `path`, others wait; the lock ends with its holder."""
    with path.with_name(f"{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(target: Path, environment: Mapping[str, str]) -> None:
    hint = (
        "it fetches Kafka's jars: apt-get install maven, "
        "or set KAFKA_HOME to the folder of an unpacked Kafka 4"
    )
    maven = find_program("mvn", hint, environment)
    with tempfile.TemporaryDirectory(prefix=f"{target.name}-", dir=target.parent) as name:
        folder = Path(name)
        (folder / "pom.xml").write_text(_POM)
        command = [str(maven), "-q", "-B", "-f", str(folder / "pom.xml"), _COPY]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={folder / 'libs'}"]
        try:
            result = subprocess.run(  # noqa: S603 the machine's Maven
                command,
                cwd=folder,
                env=dict(environment),
                capture_output=True,
                check=False,
                text=True,
                timeout=_FETCH_SECONDS,
            )
        except (OSError, subprocess.SubprocessError) as error:
            msg = f"fetching Kafka {KAFKA_VERSION} with {maven}: {error}"
            raise BrokerError(msg) from error
        if result.returncode != 0:
            tail = (result.stdout + result.stderr)[-2000:]
            msg = f"fetching Kafka {KAFKA_VERSION} with {maven}: status {result.returncode}: {tail}"
            raise BrokerError(msg)
        (folder / "libs").rename(target)
