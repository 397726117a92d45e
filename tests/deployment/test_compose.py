"""The compose file, checked by its schema and by what it promises."""

import json
import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from dqmstream.notifications.declaration import read_notifications
from playback.broker.find import KAFKA_VERSION
from services.notifier.addresses import addresses_of
from services.settings import Settings
from services.settings_layers import PREFIX
from tests.deployment.files import CANDIDATE, COMPOSE, DOCKER, load, our_services, settings_of

_SCHEMA = Path(__file__).parent / "compose-spec.json"
_FILE = load(COMPOSE)
_SERVICES: dict[str, dict[str, Any]] = _FILE["services"]
_STARTED = {
    "filler",
    "analyser",
    "comparator",
    "alarms",
    "display",
    "recorder",
    "gateway",
    "kafka",
    "postgres",
}
# They write their configuration beside the program when they start.
_WRITING = {"kafka", "opensearch", "logs-page", "logs-setup"}


def _validate(document: Any) -> None:
    jsonschema.Draft7Validator(json.loads(_SCHEMA.read_text())).validate(document)


def test_the_compose_file_fits_the_compose_specification() -> None:
    _validate(_FILE)


def test_the_schema_refuses_what_compose_does_not_know() -> None:
    wrong = yaml.safe_load(yaml.safe_dump(_FILE))
    wrong["services"]["filler"]["read-only"] = True
    with pytest.raises(jsonschema.ValidationError, match="read-only"):
        _validate(wrong)


def test_without_a_profile_the_whole_system_starts_and_nothing_else() -> None:
    started = {name for name, one in _SERVICES.items() if "profiles" not in one}
    assert started == _STARTED | {"prometheus", "grafana"}
    profiles = {name: one["profiles"] for name, one in _SERVICES.items() if "profiles" in one}
    assert profiles.pop("producer") == ["demo"]
    assert profiles.pop("notifier") == ["notify"]
    assert set(map(tuple, profiles.values())) == {("logs",)}


@pytest.mark.parametrize("name", _SERVICES)
def test_a_service_has_no_rights_it_does_not_need(name: str) -> None:
    service = _SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("read_only", False) == (name not in _WRITING)
    assert service["mem_limit"]


@pytest.mark.parametrize("name", _SERVICES)
def test_ports_are_bound_to_this_machine_only(name: str) -> None:
    service = _SERVICES[name]
    for port in service.get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)
    # A network without a way out cannot publish ports, and nobody but the notifier goes out.
    assert ("outside" in service["networks"]) == ("ports" in service or name == "notifier")
    assert "inside" in service["networks"]


@pytest.mark.parametrize("name", _SERVICES)
def test_an_image_is_pinned_to_a_release(name: str) -> None:
    assert re.search(r":v?\d+\.\d+(\.\d+)?(-[a-z]+)?$", _SERVICES[name]["image"])


def test_the_broker_is_the_release_that_the_tests_run() -> None:
    assert _SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


@pytest.mark.parametrize("name", _SERVICES)
def test_what_a_service_waits_for_can_become_true(name: str) -> None:
    waits = _SERVICES[name].get("depends_on", {})
    for other, wait in waits.items():
        awaited = _SERVICES[other]
        if wait["condition"] == "service_healthy":
            # The image has the health check of ours.
            assert "healthcheck" in awaited or other in our_services()
        else:
            assert wait["condition"] == "service_completed_successfully"
            assert awaited["restart"] == "on-failure"
        # Else it would be started without its profile, or never.
        assert set(awaited.get("profiles", [])) <= set(_SERVICES[name].get("profiles", []))


@pytest.mark.parametrize("name", our_services())
def test_a_service_of_ours_waits_for_the_log(name: str) -> None:
    assert _SERVICES[name]["depends_on"]["kafka"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", our_services())
def test_every_setting_is_known_and_takes_its_value(name: str, tmp_path: Path) -> None:
    settings = settings_of(_SERVICES[name]["environment"], tmp_path)
    assert settings.kafka == ("kafka:9092",)
    assert settings.log_format == "json"
    assert (settings.host, settings.metrics_host) == ("0.0.0.0", "0.0.0.0")  # noqa: S104
    kept = [one for one in _SERVICES[name]["volumes"] if not one.startswith("./")]
    assert [volume.split(":")[1] for volume in kept] == [settings.numba_cache]


def test_the_file_that_the_notifier_is_told_of_is_mounted_and_reads(tmp_path: Path) -> None:
    """Also with the example in it taken at its word: the secret it names is mounted."""
    service = _SERVICES["notifier"]
    named = Path(service["environment"]["DQMSTREAM_NOTIFICATIONS"])
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in service["volumes"]}
    file = DOCKER / mounted[str(named.parent)] / named.name
    text = file.read_text()
    shipped = read_notifications(text, file.name)
    assert (shipped.receivers, shipped.allowed) == ((), ())
    example = re.sub(r"(?m)^# ?(?=\[|\w+ = )", "", text)
    declared = read_notifications(
        example.replace("allowed = []", 'allowed = ["https://shift-log.example.org"]'), file.name
    )
    (receiver,) = declared.receivers
    secret = Path(receiver.secret_file)
    assert secret.parent == Path("/run/secrets")
    assert secret.name in service["secrets"]
    assert fnmatchcase(receiver.secret_file, declared.offered[0])
    key = tmp_path / "key"
    key.write_text("a" * 32)
    found = msgspec.structs.replace(receiver, secret_file=str(key))
    addresses_of(msgspec.structs.replace(declared, receivers=(found,)), {})


def test_all_services_agree_on_what_must_not_differ(tmp_path: Path) -> None:
    shared = ("partitions", "histogram_partitions", "workspaces", "max_open", "kafka_prefix")
    found = {
        tuple(getattr(settings_of(one["environment"], tmp_path), name) for name in shared)
        for one in our_services().values()
    }
    assert len(found) == 1


@pytest.mark.parametrize("name", _SERVICES)
def test_no_password_stands_in_an_environment_or_a_command(name: str) -> None:
    service = _SERVICES[name]
    for variable, value in service.get("environment", {}).items():
        if "PASSWORD" in variable:
            assert variable.endswith("_FILE")
            assert str(value) == f"/run/secrets/{Path(value).name}"
            assert Path(value).name in service["secrets"]
        assert not re.search(r"://[^/@]+:[^/@]+@", str(value))
    assert "password" not in json.dumps(service.get("command", "")).lower()


def test_the_passwords_that_are_mounted_can_be_made(tmp_path: Path) -> None:
    folder = tmp_path / "docker"
    (folder / "secrets").mkdir(parents=True)
    shutil.copy(DOCKER / "make-secrets", folder)
    subprocess.run([folder / "make-secrets"], check=True)
    files = {path: path.read_text() for path in (folder / "secrets").iterdir()}
    wanted = {Path(secret["file"]).name for secret in _FILE["secrets"].values()}
    assert {path.name for path in files} == wanted
    assert len(set(files.values())) == len(wanted)
    assert all(re.fullmatch(r"[\w-]{32}", text) for text in files.values())
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    # Another start keeps what the database was made with.
    subprocess.run([folder / "make-secrets"], check=True)
    assert {path: path.read_text() for path in files} == files


@pytest.mark.parametrize("name", _SERVICES)
def test_every_mounted_file_is_shipped_and_every_volume_declared(name: str) -> None:
    for volume in _SERVICES[name].get("volumes", []):
        source, target, *mode = volume.split(":")
        if source.startswith("./"):
            assert (DOCKER / source).is_dir()
            assert mode == ["ro"]
        elif not source.startswith("/"):
            assert source in _FILE["volumes"]
        assert target.startswith("/")
    for secret in _SERVICES[name].get("secrets", []):
        assert secret in _FILE["secrets"]


def test_the_readme_names_every_variable_and_only_settings_that_there_are() -> None:
    readme = (DOCKER / "README.md").read_text()
    files = COMPOSE.read_text() + CANDIDATE.read_text()
    assert set(re.findall(r"\bDQM_[A-Z_]+", readme)) == set(re.findall(r"\$\{(\w+):", files))
    named = {name.removeprefix(PREFIX).lower() for name in re.findall(rf"{PREFIX}[A-Z_]+", readme)}
    assert named - {""} <= set(Settings.model_fields)
    services = [*_SERVICES.values(), *load(CANDIDATE)["services"].values()]
    ports = {port.split(":")[1] for one in services for port in one.get("ports", [])}
    assert set(re.findall(r"127\.0\.0\.1:(\d+)", readme)) == ports
