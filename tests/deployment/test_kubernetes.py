"""The manifests, against the Kubernetes schemas and against what the services take."""

import copy
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from dqmstream.notifications.declaration import read_notifications
from tests.deployment.files import DOCKER, KUBERNETES, ROOT, load, load_all, settings_of

_VERSION = "1.34"
_BASE = KUBERNETES / "base"
_OVERLAY = KUBERNETES / "overlays" / "example"
# Another system, tested apart: test_candidate.py.
_CANDIDATE = KUBERNETES / "candidate"
_FOLDERS = sorted(path.parent for path in KUBERNETES.rglob("kustomization.yaml"))
# Kinds that Kubernetes itself does not have: an operator brings their schema.
_FOREIGN = {"PodMonitor"}

Object = dict[str, Any]


def _objects(folder: Path) -> list[Object]:
    kustomization = load(folder / "kustomization.yaml")
    files = [name for name in kustomization["resources"] if name.endswith(".yaml")]
    return [one for name in files for one in load_all(folder / name)]


def _all_objects() -> list[Object]:
    return [one for folder in _FOLDERS for one in _objects(folder)]


def _patched() -> list[Object]:
    """Deployments of the base with every patch of the overlay and its components on."""
    deployments = copy.deepcopy(_deployments())
    for folder in [_OVERLAY, *((_OVERLAY / c).resolve() for c in _components())]:
        for patch in load(folder / "kustomization.yaml").get("patches", []):
            operations = _operations(folder, patch)
            wanted = patch["target"].get("name")
            for one in deployments:
                if wanted in {None, one["metadata"]["name"]}:
                    _apply(one, operations)
    return deployments


def _components() -> list[str]:
    return load(_OVERLAY / "kustomization.yaml")["components"]


def _operations(folder: Path, patch: Object) -> list[Object]:
    assert patch["target"]["kind"] == "Deployment"
    if "path" in patch:
        return load(folder / patch["path"])
    return yaml.safe_load(patch["patch"])


def _apply(document: Object, operations: list[Object]) -> None:
    """The operations of JSON patches that are used here."""
    for one in operations:
        *steps, last = one["path"].strip("/").split("/")
        at: Any = document
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at[step]
        if one["op"] == "remove":
            del at[last]
        elif one["op"] == "replace":
            at[last] = one["value"]
        else:
            assert (one["op"], last) == ("add", "-")
            at.append(one["value"])


def _deployments() -> list[Object]:
    """Of the base, and the one that a component brings."""
    found = [*_objects(_BASE), *_objects(KUBERNETES / "components" / "notifier")]
    return [one for one in found if one["kind"] == "Deployment"]


def _names(objects: list[Object]) -> list[str]:
    return [f"{one['kind']}/{one['metadata']['name']}" for one in objects]


@pytest.mark.parametrize("manifest", _all_objects(), ids=_names(_all_objects()))
def test_a_manifest_fits_the_kubernetes_schema(manifest: Object) -> None:
    if manifest["kind"] in _FOREIGN:
        assert manifest["apiVersion"].startswith("monitoring.coreos.com/")
        return
    kubernetes_validate.validate(manifest, _VERSION, strict=True)


@pytest.mark.parametrize("manifest", _patched(), ids=_names(_patched()))
def test_a_manifest_still_fits_with_all_patches_on(manifest: Object) -> None:
    kubernetes_validate.validate(manifest, _VERSION, strict=True)
    assert manifest not in _deployments()


def test_the_schema_refuses_a_misspelt_field() -> None:
    wrong = copy.deepcopy(_deployments()[0])
    wrong["spec"]["template"]["spec"]["containers"][0]["readOnlyRootFilesystem"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, _VERSION, strict=True)


@pytest.mark.parametrize("folder", _FOLDERS, ids=lambda path: str(path.relative_to(KUBERNETES)))
def test_a_kustomization_names_all_files_beside_it_and_no_others(folder: Path) -> None:
    kustomization = load(folder / "kustomization.yaml")
    named = set(kustomization["resources"])
    named |= {patch["path"] for patch in kustomization.get("patches", []) if "path" in patch}
    for other in [*named, *kustomization.get("components", [])]:
        path = folder / other
        assert path.is_file() or (path / "kustomization.yaml").is_file()
    beside = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert beside == {name for name in named if name.endswith(".yaml")}


def test_every_component_is_tried_by_the_overlay() -> None:
    tried = {(_OVERLAY / path).resolve() for path in _components()}
    assert tried == {path for path in _FOLDERS if path.parent.name == "components"}


def test_all_services_are_there_with_the_commands_of_the_compose_file() -> None:
    services = load(DOCKER / "compose.yaml")["services"]
    commands = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["args"]
        for one in _deployments()
    }
    assert set(commands) == {
        "alarms",
        "filler",
        "analyser",
        "comparator",
        "display",
        "recorder",
        "gateway",
        "notifier",
    }
    assert commands == {name: services[name]["command"] for name in commands}


def _literals(folder: Path) -> dict[str, str]:
    (generated,) = load(folder / "kustomization.yaml")["configMapGenerator"]
    assert generated["name"] == "settings"
    return dict(one.split("=", 1) for one in generated["literals"])


@pytest.mark.parametrize("more", [{}, _literals(_OVERLAY)], ids=["base", "overlay"])
@pytest.mark.parametrize("manifest", _deployments(), ids=_names(_deployments()))
def test_every_setting_is_known_and_takes_its_value(
    manifest: Object, more: dict[str, str], tmp_path: Path
) -> None:
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    own = {one["name"]: one["value"] for one in container.get("env", [])}
    settings = settings_of(_literals(_BASE) | more | own, tmp_path)
    assert settings.kafka
    assert settings.store
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert ports["metrics"] == settings.metrics_port
    assert ports.get("http", settings.port) == settings.port
    writable = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert writable == {settings.numba_cache, "/tmp"}  # noqa: S108


@pytest.mark.parametrize("manifest", _patched(), ids=_names(_patched()))
def test_every_file_that_a_setting_names_is_mounted(manifest: Object) -> None:
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    volumes = {one["name"]: one for one in pod["volumes"]}
    mounted = {one["mountPath"]: volumes[one["name"]] for one in container["volumeMounts"]}
    given = _literals(_BASE) | _literals(_OVERLAY)
    given |= {one["name"]: one["value"] for one in container.get("env", [])}
    files = [value for name, value in given.items() if name.endswith("_FILE")]
    if any(name.startswith("DQMSTREAM_STORE_") for name in given):
        files += re.findall(r"sslrootcert=(\S+)", given["DQMSTREAM_STORE"])
    assert files
    for file in files:
        volume = mounted[str(Path(file).parent)]
        sources = [one["secret"] for one in volume.get("projected", {}).get("sources", [])]
        keys = {item["path"] for source in sources for item in source["items"]}
        # A secret that is mounted whole has what the comment in the overlay says.
        comment = (_OVERLAY / "kustomization.yaml").read_text()
        assert Path(file).name in keys or f"--from-file={Path(file).name}" in comment


def test_what_a_pod_mounts_of_a_configuration_is_made_beside_it() -> None:
    folder = KUBERNETES / "components" / "notifier"
    (generated,) = load(folder / "kustomization.yaml")["configMapGenerator"]
    (notifier,) = [one for one in _objects(folder) if one["kind"] == "Deployment"]
    pod = notifier["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (volume,) = [one for one in pod["volumes"] if "configMap" in one]
    assert volume["configMap"]["name"] == generated["name"]
    places = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    (given,) = container["env"]
    file = Path(given["value"])
    assert (given["name"], str(file.parent)) == ("DQMSTREAM_NOTIFICATIONS", places[volume["name"]])
    assert generated["files"] == [file.name]
    declared = read_notifications((folder / file.name).read_text(), file.name)
    (secrets,) = [one["name"] for one in pod["volumes"] if "secret" in one]
    assert declared.offered == (f"{places[secrets]}/*",)


def test_secrets_are_named_and_never_contained() -> None:
    assert not [one for one in _all_objects() if one["kind"] == "Secret"]
    for folder in (_BASE, _OVERLAY):
        assert "secretGenerator" not in load(folder / "kustomization.yaml")
        assert not [name for name in _literals(folder) if name.endswith("PASSWORD")]


@pytest.mark.parametrize("manifest", _deployments(), ids=_names(_deployments()))
def test_a_pod_is_restricted(manifest: Object) -> None:
    pod = manifest["spec"]["template"]["spec"]
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    user = re.search(r"(?m)^USER (\d+):(\d+)$", (DOCKER / "Dockerfile").read_text())
    assert user is not None
    assert (context["runAsUser"], context["runAsGroup"]) == (int(user[1]), int(user[2]))
    assert context["fsGroup"] == int(user[2])
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert set(container["resources"]["requests"]) == {"cpu", "memory"}


@pytest.mark.parametrize("manifest", _deployments(), ids=_names(_deployments()))
def test_no_variables_of_other_services_are_put_into_a_pod(manifest: Object) -> None:
    """An unknown DQMSTREAM_* stops the start, and a Service of that name would bring some."""
    assert manifest["spec"]["template"]["spec"]["enableServiceLinks"] is False


@pytest.mark.parametrize("manifest", _deployments(), ids=_names(_deployments()))
def test_a_broker_that_is_away_makes_no_pod_restart(manifest: Object) -> None:
    """/healthz is about the process, /readyz about its log too."""
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    for probe, path in {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }.items():
        assert container[probe]["httpGet"] == {"path": path, "port": "metrics"}


def test_gateways_are_left_the_time_they_drain() -> None:
    """And some more to end in."""
    (gateway,) = (one for one in _deployments() if one["metadata"]["name"] == "gateway")
    pod = gateway["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    given = {one["name"]: one["value"] for one in container["env"]}
    assert 0 < float(given["DQMSTREAM_DRAIN_SECONDS"]) <= pod["terminationGracePeriodSeconds"] - 10


def test_selectors_find_what_they_are_meant_for() -> None:
    labels = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in _deployments()
    }
    common = load(_BASE / "kustomization.yaml")["labels"][0]["pairs"]
    apart = _objects(_CANDIDATE)
    for one in _all_objects():
        if one in apart:
            continue
        spec, name = one.get("spec", {}), one["metadata"]["name"]
        selector = spec.get("podSelector", spec.get("selector", {}))
        wanted = selector.get("matchLabels", selector if one["kind"] == "Service" else {})
        found = [of for of, has in labels.items() if wanted.items() <= (has | common).items()]
        if one["kind"] in {"Deployment", "PodDisruptionBudget", "Service"}:
            assert found == [name]
        elif one["kind"] in {"NetworkPolicy", "PodMonitor"}:
            assert found == ([name] if name in labels else list(labels))


def test_the_autoscaler_stops_at_the_number_of_partitions() -> None:
    (scaler,) = _objects(KUBERNETES / "components" / "autoscaling")
    assert scaler["spec"]["maxReplicas"] == int(_literals(_BASE)["DQMSTREAM_PARTITIONS"])
    assert scaler["spec"]["scaleTargetRef"]["name"] == "filler"
    (filler,) = [one for one in _patched() if one["metadata"]["name"] == "filler"]
    assert "replicas" not in filler["spec"]


def test_the_ingress_asks_for_a_host_that_the_gateway_answers_to(tmp_path: Path) -> None:
    (ingress,) = _objects(KUBERNETES / "components" / "ingress")
    settings = settings_of(_literals(_BASE) | _literals(_OVERLAY), tmp_path)
    for rule in ingress["spec"]["rules"]:
        assert rule["host"] in settings.allowed_hosts
        assert rule["host"] in ingress["spec"]["tls"][0]["hosts"]


def test_metrics_are_scraped_where_the_pods_serve_them() -> None:
    (monitor,) = _objects(KUBERNETES / "components" / "monitoring")
    for endpoint in monitor["spec"]["podMetricsEndpoints"]:
        for one in _deployments():
            ports = one["spec"]["template"]["spec"]["containers"][0]["ports"]
            assert endpoint["port"] in {port["name"] for port in ports}


def test_the_image_is_the_one_that_is_built() -> None:
    (image,) = load(_BASE / "kustomization.yaml")["images"]
    version = re.search(r'__version__ = "(.+)"', (ROOT / "dqmstream/__init__.py").read_text())
    assert version is not None
    assert image == {"name": "dqmstream", "newTag": version[1]}
    for one in _deployments():
        assert one["spec"]["template"]["spec"]["containers"][0]["image"] == image["name"]
