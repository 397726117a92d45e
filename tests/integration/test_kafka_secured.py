"""A broker that asks for TLS, our certificate, and a password: the settings of a user get in."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from playback.bench.program import command, environment
from playback.broker import Cluster
from tests.integration.test_kafka import contents_in_log

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SOURCE = ["--lumisections", "2", "--rate", "20", "--speed", "0"]


def ended(settings: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """A run played through all services that has ended."""
    return subprocess.run(
        command(["demo", *SOURCE, "--exit", "--json"]),
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_run_through_a_broker_with_tls_and_scram(tmp_path: Path, kafka_prefix: str) -> None:
    """By variables, with the password in a file; a wrong one is a sentence that hides it."""
    with Cluster.start(
        tmp_path / "brokers",
        security="sasl_ssl",
        mechanism="SCRAM-SHA-512",
        client_certificates=True,
    ) as cluster:
        access = cluster.access
        password = tmp_path / "password"
        password.write_text(f"{access.password}\n")
        settings = {
            "kafka": cluster.bootstrap,
            "kafka_prefix": kafka_prefix,
            "kafka_security": access.security,
            "kafka_mechanism": access.mechanism,
            "kafka_username": access.username,
            "kafka_password_file": str(password),
            "kafka_ca_file": access.ca_file,
            "kafka_cert_file": access.cert_file,
            "kafka_key_file": access.key_file,
            "data": str(tmp_path / "data"),
            "port": "0",
            "workspaces": "pixel",
        }
        played = ended(settings)
        assert played.returncode == 0, played.stderr
        assert len(contents_in_log(settings)) == 2
        password.write_text("correct-horse\n")
        refused = ended(settings)
        assert refused.returncode == 1
        assert f"refuses user '{access.username}'" in refused.stderr.splitlines()[-1]
        assert "correct-horse" not in refused.stderr
        assert "Traceback" not in refused.stderr
