"""A candidate beside production, in compose and on Kubernetes: within limits of its own, without
production's secrets, and where production's gateway asks for it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import msgspec
import pytest

from services.gateway.candidate_relay import Running, base_of
from services.settings import Settings
from tests.deployment.files import CANDIDATE, COMPOSE, KUBERNETES, load, settings_of
from tests.deployment.test_kubernetes import _apply, _objects

Object = dict[str, Any]

_COMPOSE: Final[Object] = load(CANDIDATE)
_PRODUCTION: Final[Object] = load(COMPOSE)
(_SERVICE,) = _COMPOSE["services"].values()
_BASE: Final = KUBERNETES / "candidate"
_OVERLAY: Final = KUBERNETES / "overlays" / "candidate"
_SHARED: Final = ("partitions", "histogram_partitions", "max_open", "kafka_prefix", "kafka")
"""Settings in which a candidate must not differ from production, whose topics it reads."""


def _manifests(*, patched: bool) -> dict[str, Object]:
    """By kind and name."""
    found = {f"{one['kind']}/{one['metadata']['name']}": one for one in _objects(_BASE)}
    for patch in load(_OVERLAY / "kustomization.yaml")["patches"] if patched else []:
        for one in found.values():
            if re.fullmatch(patch["target"]["kind"], one["kind"]):
                _apply(one, load(_OVERLAY / patch["path"]))
    return found


def _literals(folder: Path) -> dict[str, str]:
    (generated,) = load(folder / "kustomization.yaml")["configMapGenerator"]
    assert generated["name"].endswith("settings")
    return dict(one.split("=", 1) for one in generated["literals"])


def _check_command(command: list[str], name: str) -> None:
    assert command[:3] == ["deploy", name, "v2"]
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _is_asked_at(production: Settings, candidate: Settings, host: str, port: int) -> None:
    url = base_of(Running("v2", "https://page.example.org"), production.candidate_url)
    assert url == f"http://{host}{f':{port}' if port != 80 else ''}/api/v1"
    assert host in candidate.allowed_hosts


def test_the_compose_files_together_fit_the_specification_and_share_no_secret() -> None:
    schema = msgspec.json.decode((Path(__file__).parent / "compose-spec.json").read_bytes())
    jsonschema.Draft7Validator(schema).validate(_COMPOSE)
    both = {**_PRODUCTION, **{key: _PRODUCTION[key] | _COMPOSE[key] for key in _COMPOSE}}
    jsonschema.Draft7Validator(schema).validate(both)
    assert "secrets" not in _SERVICE
    assert not [name for name in _SERVICE["environment"] if "PASSWORD" in name or "STORE" in name]
    # Nothing of production is changed by the file, and no volume of it is shared.
    assert set(_COMPOSE["services"]).isdisjoint(_PRODUCTION["services"])
    assert set(_COMPOSE["volumes"]).isdisjoint(_PRODUCTION["volumes"])
    assert {one.split(":")[0] for one in _SERVICE["volumes"]} == set(_COMPOSE["volumes"])
    assert set(_SERVICE["networks"]) == set(_PRODUCTION["networks"])


def test_a_candidate_in_compose_has_limits_of_its_own_and_no_rights() -> None:
    assert _SERVICE["mem_limit"]
    assert _SERVICE["pids_limit"]
    assert 0 < _SERVICE["cpus"] <= 2
    assert _SERVICE["cpu_shares"] < 1024  # what every other container has
    assert _SERVICE["read_only"] is True
    assert (_SERVICE["cap_drop"], _SERVICE["security_opt"]) == (
        ["ALL"],
        ["no-new-privileges:true"],
    )
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:8000", port) for port in _SERVICE["ports"])
    assert _SERVICE["restart"] != "unless-stopped"
    _check_command(_SERVICE["command"], "candidate")


def test_a_candidate_in_compose_reads_what_production_writes_and_is_asked_by_its_gateway(
    tmp_path: Path,
) -> None:
    gateway = settings_of(_PRODUCTION["services"]["gateway"]["environment"], tmp_path)
    candidate = settings_of(_SERVICE["environment"], tmp_path)
    for name in _SHARED:
        assert getattr(candidate, name) == getattr(gateway, name)
    _is_asked_at(gateway, candidate, "candidate", candidate.port)
    page = _SERVICE["command"][_SERVICE["command"].index("--url") + 1]
    assert page == f"http://{_SERVICE['ports'][0].rpartition(':')[0]}"
    writable = {one.split(":")[1] for one in _SERVICE["volumes"]}
    assert writable == {str(candidate.data), candidate.numba_cache}


@pytest.mark.parametrize("patched", [False, True])
@pytest.mark.parametrize("name", _manifests(patched=False))
def test_a_manifest_of_a_candidate_fits_the_kubernetes_schema(name: str, patched: bool) -> None:
    kubernetes_validate.validate(_manifests(patched=patched)[name], "1.34", strict=True)


@pytest.mark.parametrize("name", ["Job/candidate-plan", "Deployment/candidate"])
def test_a_pod_of_a_candidate_is_restricted_and_limited(name: str, tmp_path: Path) -> None:
    pod = _manifests(patched=True)[name]["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["enableServiceLinks"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    _check_command(container["args"], "plan" if name.startswith("Job") else "candidate")
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
    mounted = {one["mountPath"]: volumes[one["name"]] for one in container["volumeMounts"]}
    settings = settings_of(_literals(_BASE) | _literals(_OVERLAY), tmp_path)
    assert {str(settings.data), settings.numba_cache} < set(mounted)
    # Of secrets it has Kafka's, of a user of its own, and no other.
    secrets = [one["secret"] for one in mounted["/run/secrets/kafka"]["projected"]["sources"]]
    assert [one["name"] for one in secrets] == ["dqm-cluster-ca-cert", "dqmstream-candidate"]
    assert not [one for one in volumes.values() if "secret" in one]


@pytest.mark.parametrize("more", [False, True], ids=["base", "overlay"])
def test_a_candidate_on_kubernetes_reads_what_production_writes(more: bool, tmp_path: Path) -> None:
    ours, theirs = _literals(KUBERNETES / "base"), _literals(_BASE)
    if more:
        ours |= _literals(KUBERNETES / "overlays" / "example")
        theirs |= _literals(_OVERLAY)
    production, candidate = settings_of(ours, tmp_path), settings_of(theirs, tmp_path)
    for name in _SHARED:
        assert getattr(candidate, name) == getattr(production, name)
    service = _manifests(patched=more)["Service/candidate"]
    (port,) = service["spec"]["ports"]
    _is_asked_at(production, candidate, service["metadata"]["name"], port["port"])
    assert "STORE" not in " ".join(theirs)
    assert not more or candidate.kafka_username != production.kafka_username


def test_the_policies_let_gateways_ask_a_candidate_and_nobody_else_in() -> None:
    found = _manifests(patched=False)
    pod = found["Deployment/candidate"]["spec"]["template"]["metadata"]["labels"]
    own, asks = (
        found[f"NetworkPolicy/{name}"]["spec"] for name in ("candidate", "gateway-asks-candidate")
    )
    for name in ("Deployment/candidate", "Job/candidate-plan"):
        labels = found[name]["spec"]["template"]["metadata"]["labels"]
        assert own["podSelector"]["matchLabels"].items() <= labels.items()
    http = [one for one in own["ingress"] if {"port": "http"} in one["ports"]]
    gateway = {"app.kubernetes.io/name": "gateway"}
    assert {"podSelector": {"matchLabels": gateway}} in http[0]["from"]
    assert asks["podSelector"]["matchLabels"] == gateway
    ((to,),) = [one["to"] for one in asks["egress"]]
    assert to["podSelector"]["matchLabels"].items() <= pod.items()
    assert 5432 not in {port["port"] for one in own["egress"] for port in one["ports"]}


@pytest.mark.parametrize("folders", [("base", "example"), ("candidate", "candidate")])
def test_pods_take_their_settings_from_what_is_made_beside_them(folders: tuple[str, str]) -> None:
    """What an overlay says is merged into what its base makes: of another name it would be lost."""
    base, overlay = KUBERNETES / folders[0], KUBERNETES / "overlays" / folders[1]
    ours, more = (load(folder / "kustomization.yaml") for folder in (base, overlay))
    (made,), (merged,) = ours["configMapGenerator"], more["configMapGenerator"]
    assert (merged["name"], merged["behavior"]) == (made["name"], "merge")
    assert [(overlay / one).resolve() for one in more["resources"]] == [base]
    assert more["namespace"] == ours["namespace"]
    specs = [one.get("spec", {}) for one in _objects(base)]
    pods = [spec["template"]["spec"] for spec in specs if "template" in spec]
    assert pods
    for pod in pods:
        (container,) = pod["containers"]
        assert container["envFrom"] == [{"configMapRef": {"name": made["name"]}}]
        assert [container["image"]] == [one["name"] for one in ours["images"]]
        assert [container["image"]] == [one["name"] for one in more["images"]]
