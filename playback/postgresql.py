"""A real PostgreSQL for tests and benchmarks: a cluster of its own on the loopback address."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from sqlalchemy.engine import make_url

from dqmstream.errors import ConfigurationError, StoreError
from playback.broker.ports import free_port

__all__ = ["DATABASE", "PASSWORD", "PostgreSQL", "postgresql"]

PASSWORD: Final = "of a test's: b@se/"  # noqa: S105 with what a URL has to quote
_USER: Final = "dqm"
DATABASE: Final = "dqm"
_SECONDS: Final = 60.0


class PostgreSQL:
    """A server that can be stopped and started again.

    Parameters
    ----------
    folder
        Its cluster.
    programs
        Where its programs are.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder = folder
        self._programs = programs
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For SQLAlchemy, without the password."""
        return f"postgresql+psycopg://{_USER}@127.0.0.1:{self._port}/{DATABASE}"

    def make(self) -> None:
        """Make the cluster, and a database in it."""
        password = self._folder / "password"
        password.write_text(PASSWORD)
        options = ["--auth=scram-sha-256", f"--pwfile={password}", f"--username={_USER}"]
        command = [str(self._programs / "initdb"), "--no-sync", "--encoding=UTF8", *options]
        password.chmod(0o644)
        subprocess.run(  # noqa: S603 the server's own
            [*command, str(self._folder / "data")],
            check=True,
            stdout=subprocess.DEVNULL,
            user=_owner(),
            cwd=self._folder,
        )
        self.start("postgres")
        with self.connected("postgres") as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")

    def start(self, database: str = DATABASE) -> None:
        """Start the server and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "port": str(self._port), "fsync": "off"}
        settings["unix_socket_directories"] = str(self._folder)
        command = [str(self._programs / "postgres"), "-D", str(self._folder / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdout=log, stderr=log, user=_owner(), cwd=self._folder
            )
        until = time.monotonic() + _SECONDS
        while True:
            try:
                self.connected(database).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    msg = f"PostgreSQL does not start: {(self._folder / 'log').read_text()}"
                    raise StoreError(msg) from None
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        """Cut off all clients and stop, as for a restart of the machine."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_SECONDS)
            self._process = None

    def url_of(self, database: str) -> str:
        """For SQLAlchemy, with the password."""
        url = make_url(self.url).set(password=PASSWORD, database=database)
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """One statement outside of any transaction."""
        with self.connected(database) as connection:
            connection.execute(statement.encode())

    def replica(self) -> "PostgreSQL":
        """Another server, to be started, that follows this one and can only be read."""
        folder = self._folder / "replica"
        folder.mkdir()
        if (owner := _owner()) is not None:
            shutil.chown(folder, owner)
        command = [str(self._programs / "pg_basebackup"), "--write-recovery-conf", "--no-sync"]
        command += ["--checkpoint=fast", "--pgdata", str(folder / "data")]
        command += ["--host=127.0.0.1", f"--port={self._port}", f"--username={_USER}"]
        subprocess.run(  # noqa: S603
            command,
            check=True,
            user=owner,
            cwd=folder,
            env={**os.environ, "PGPASSWORD": PASSWORD},
        )
        return PostgreSQL(folder, self._programs)

    def connected(self, database: str) -> "psycopg.Connection[tuple[object, ...]]":
        """A connection of its own."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self._port,
            user=_USER,
            password=PASSWORD,
            dbname=database,
            autocommit=True,
            connect_timeout=10,
        )


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A server for the length of the block; fails where there is none to start."""
    # Not below pytest's folder: that is open to its owner only, and root may not run a server.
    folder = Path(tempfile.mkdtemp(prefix="dqmstream-postgresql-"))
    try:
        if (owner := _owner()) is not None:
            shutil.chown(folder, owner)
        server = PostgreSQL(folder, _programs())
        try:
            server.make()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _owner() -> str | None:
    """Who runs it: the server refuses root."""
    return "postgres" if os.geteuid() == 0 else None


def _programs() -> Path:
    """The folder of `initdb` and `postgres`: of the distribution, or on the path."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = shutil.which("initdb")
    if versions:
        return versions[-1].parent
    if found is None:
        msg = "no PostgreSQL: scripts/postgresql installs the distribution's"
        raise ConfigurationError(msg)
    return Path(found).resolve().parent
