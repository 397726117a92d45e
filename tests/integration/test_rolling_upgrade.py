"""A run comes while all processes are replaced by those of another release, and then back: nothing
is lost, nothing is counted twice, and whoever looks at a plot goes on looking."""

import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

import dqmstream
from dqmstream.client import Client
from dqmstream.client.errors import GatewayError
from dqmstream.store.database import Database
from dqmstream.store.schema import revision
from playback.bench.deployment import Deployment, deployed
from playback.bench.program import command, environment, finished
from tests.integration.test_kafka import contents_in_log, contents_in_store, get, loaded, wait_for
from tests.wheels import another_release

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PATIENCE = 120
LENGTH = 60
SYNTHETIC = ["--lumisections", str(LENGTH), "--rate", "30", "--seconds", "4", "--seed", "5"]
SOURCE = [*SYNTHETIC, "--no-faults"]
PATH = "Pixel/clusters_per_event"
NEXT = "9.9.0"
NEW_TEST = "pixel clusters, as of the next release"
DECLARED = f"""
[[quality_test]]
name = "{NEW_TEST}"
algorithm = "MeanWithinExpected"
workspace = "pixel"
path = "{PATH}"
parameters = {{ xmin = 0.0, xmax = 80.0 }}
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table("of_the_next_release", sa.Column("run", sa.BigInteger(), primary_key=True))


def lost(connection):
    yield from ()


def downgrade():
    op.drop_table("of_the_next_release")
"""


class Watcher(threading.Thread):
    """A program that follows a plot of the run, and connects again whenever its gateway goes."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self.connections = 0
        self.entries: list[int] = []
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.is_set():
            try:
                with Client(self._address) as client:
                    for number, element in enumerate(client.follow(PATH, window="run")):
                        self.connections += number == 0
                        self.entries.append(element.entries)
                        if self.done.is_set():
                            break
            except GatewayError:
                self.done.wait(0.2)

    def goes_on(self, connections: int) -> bool:
        """Connected once more than so many times, and then seeing more than before."""
        return self.connections > connections and self.entries[-1] > max(self.entries[:-2])


class Rollout:
    """Processes of one release are replaced by those of another, while a program looks on."""

    def __init__(self, system: Deployment, watcher: Watcher) -> None:
        self._system = system
        self._watcher = watcher
        self._port = system.address.rpartition(":")[2]

    @property
    def version(self) -> str:
        """Of the gateway that answers."""
        return str(get(self._system.address, "openapi.json")["info"]["version"])

    def new_before_old(self, service: str, old: list[str], new: list[str]) -> None:
        """Those that share their work: the new ones work before the old ones go."""
        for name in new:
            self._system.start(name, service)
        self._system.wait(*new)
        for name in old:
            assert self._system.end(name) == 0

    def old_before_new(self, services: Mapping[str, str]) -> None:
        """Those that work alone, or have one address: they go on where they stood."""
        connections = self._watcher.connections
        for name in services:
            assert self._system.end(name) == 0
        self.start(services, connections)

    def start(self, services: Mapping[str, str], connections: int) -> None:
        """Start some that are not there; whoever looks at the gateway finds it again."""
        for name, service in services.items():
            port = {"port": self._port} if service == "serve" else {}
            self._system.start(name, service, **port)
        self._system.wait(*services)
        if "serve" in services.values():
            wait_for("the plot goes on", lambda: self._watcher.goes_on(connections))


def _judged(address: str) -> set[int]:
    """LSs of which there is a report of the quality test that is new."""
    rows = get(address, "runs/1/reports", path=PATH, lumisections=f"1-{LENGTH}", limit=5000)
    return {row["lumisection"] for row in rows["reports"] if row["qtname"] == NEW_TEST}


def _whole(address: str, lumisection: int) -> bool:
    """Whether an LS has been judged that is complete."""
    if not get(address, "runs")["runs"]:
        return False
    rows = get(address, "runs/1/reports", lumisections=str(lumisection), scope="lumisection")
    return any(row["complete"] for row in rows["reports"])


def _schema(settings: Mapping[str, str]) -> str | None:
    database = Database(loaded(settings).store_url, writing=False)
    try:
        return revision(database)[0]
    finally:
        database.close()


def test_a_run_is_whole_while_all_processes_become_another_release_and_are_rolled_back(
    kafka: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """The other has one quality test more, and a store of a newer schema."""
    alone = {"data": str(tmp_path / "alone"), "port": "0", "workspaces": "pixel"}
    finished(["demo", *SOURCE, "--speed", "0", "--exit", "--json"], alone, timeout=PATIENCE)
    truth = contents_in_store(alone, 1)
    assert len(truth) == LENGTH
    schema = _schema(alone)
    assert schema is not None
    newer = f"{int(schema) + 1:04}"
    other = another_release(
        tmp_path / "other",
        NEXT,
        {
            f"dqmstream/store/migrations/versions/{newer}_next.py": MIGRATION.format(
                revision=newer, before=schema
            )
        },
        {"dqmstream/quality/default.toml": DECLARED},
    )
    settings: Mapping[str, str] = {
        "kafka": kafka,
        "kafka_prefix": kafka_prefix,
        "data": str(tmp_path / "data"),
        "workspaces": "pixel",
        "partitions": "3",
    }
    produce = ["produce", "--synthetic", *SOURCE, "--json"]
    with deployed(settings, fillers=2) as system:
        watcher = Watcher(system.address)
        rollout = Rollout(system, watcher)
        with subprocess.Popen(
            command([*produce, "--speed", "1"]),
            env=environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as producer:
            watcher.start()
            wait_for("the plot is seen", lambda: bool(watcher.entries))
            wait_for("LS 1 is judged", lambda: _whole(system.address, 1))
            system.python = other
            rollout.old_before_new({"recorder": "record", "comparator": "compare"})
            assert rollout.version == dqmstream.__version__, "it still is of the release before"
            rollout.new_before_old("fill", ["filler 0", "filler 1"], ["filler 2", "filler 3"])
            rollout.old_before_new({"gateway": "serve"})
            assert rollout.version == NEXT
            wait_for("the new quality test speaks", lambda: bool(_judged(system.address)))
            # Back. A gateway reads the store, so the newer one goes before the schema does.
            system.python = None
            rollout.new_before_old("fill", ["filler 2", "filler 3"], ["filler 0", "filler 1"])
            connections = watcher.connections
            for name in ("gateway", "recorder", "comparator"):
                assert system.end(name) == 0
            migrate = ["store", "migrate", "--to", schema, "--json"]
            done = finished(migrate, settings, timeout=PATIENCE, python=other)
            assert (done["before"], done["after"], done["lost"]) == (newer, schema, [])
            rollout.start(
                {"recorder": "record", "comparator": "compare", "gateway": "serve"}, connections
            )
            assert rollout.version == dqmstream.__version__
            assert producer.poll() is None, "events came all the while"
            # The rest comes as fast as it goes: a source goes on where it was stopped.
            producer.terminate()
        rest = finished([*produce, "--speed", "0"], settings, timeout=PATIENCE)["sent"]
        assert [(one["lumisection"], one["dropped"]) for one in rest] == [(LENGTH, 0)]
        wait_for("all is stored", lambda: contents_in_store(settings, 1) == truth)
        with Client(system.address) as client:
            expected = client.element(PATH, run=1).entries
        wait_for("the plot is whole", lambda: watcher.entries[-1] == expected)
        judged = _judged(system.address)
        assert judged, "what the newer release found stays"
        assert not {1, LENGTH} & judged, "before and after it nobody knew of its quality test"
        watcher.done.set()
    assert contents_in_log(settings) == truth
    assert _schema(settings) == schema
    watcher.join(PATIENCE)
