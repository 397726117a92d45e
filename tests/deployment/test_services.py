"""What the compose file starts does start, answers, and stops."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.deployment.conftest import Deployment, get, stop
from tests.deployment.files import DOCKER, our_services


@pytest.mark.parametrize("name", our_services())
def test_a_command_is_one_that_the_program_takes(name: str) -> None:
    """With all its options: `--help` is answered only once the rest is understood."""
    command = [*our_services()[name]["command"], "--help"]
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
    command.insert(1, "--no-such-option")
    run = [sys.executable, "-m", "services.cli", *command]
    done = subprocess.run(run, capture_output=True, check=False)
    assert done.returncode == 2


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_a_run_passes_through_all_services(deployment: Deployment) -> None:
    status, text = get(f"{deployment.page}/api/v1/runs")
    assert status == 200
    assert json.loads(text)["runs"][0]["run"] == 1


@pytest.mark.integration
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(set(our_services()) - {"producer"}))
def test_the_health_check_of_the_image_finds_a_service_healthy(
    deployment: Deployment, name: str
) -> None:
    """As the engine does: one that misses its time on a busy machine is asked again."""
    text = (DOCKER / "Dockerfile").read_text().replace("\\\n", " ")
    found = re.search(r"(?m)^HEALTHCHECK .*?--retries=(\d+) .*?CMD (\[.*\])$", text)
    assert found is not None
    _, *arguments = json.loads(found[2])
    service = deployment.services[name]
    run = [sys.executable, *arguments]
    here = os.environ | service.environment
    tries = (subprocess.run(run, env=here, check=False) for _ in range(int(found[1])))
    assert any(done.returncode == 0 for done in tries)
    nobody = os.environ | service.environment | {"DQMSTREAM_METRICS_PORT": "9"}
    assert subprocess.run(run, env=nobody, check=False, stderr=subprocess.DEVNULL).returncode != 0


@pytest.mark.integration
@pytest.mark.timeout(900)
def test_services_stop_when_they_are_told_to(deployment: Deployment) -> None:
    """The engine's signal; the last test, for it ends what the others look at."""
    for service in reversed(deployment.services.values()):
        assert stop(service) == 0, service.log.read_text()
