"""Certificates for a test: an authority, the broker's, and a client's; made by OpenSSL."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playback.broker.errors import BrokerError
from playback.broker.find import find_program

__all__ = ["Certificates", "make_certificates"]

_SECONDS: Final = 60.0
_DAYS: Final = 7

# Our own file, so that the system's defaults add nothing; complete enough for strict checks.
_CONFIGURATION: Final = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = dqmstream test
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[broker]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1, DNS:localhost
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: keys are not encrypted, certificates last a week."""

    authority: Path
    broker: Path
    """Key and certificate in one file, for 127.0.0.1 and localhost."""
    client_certificate: Path
    client_key: Path


def make_certificates(folder: Path, environment: Mapping[str, str]) -> Certificates:
    """Make all of them in `folder`, which is made too. A second call makes others, unrelated.

    Raises
    ------
    BrokerError
        OpenSSL 3 is missing, or failed.
    """
    hint = "it makes the certificates of a broker with TLS: apt-get install openssl"
    openssl = find_program("openssl", hint, environment)
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "openssl.cnf"
    configuration.write_text(_CONFIGURATION)

    def certificate(name: str, *signed_by: str) -> tuple[Path, Path]:
        made, key = folder / f"{name}.pem", folder / f"{name}.key"
        command = [str(openssl), "req", "-x509", "-config", str(configuration)]
        command += ["-extensions", name, "-days", str(_DAYS), "-subj", f"/CN=dqmstream {name}"]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-keyout", str(key), "-out", str(made), *signed_by]
        try:
            subprocess.run(  # noqa: S603 the machine's OpenSSL
                command, capture_output=True, check=True, text=True, timeout=_SECONDS
            )
        except subprocess.CalledProcessError as error:
            msg = f"making the {name}'s certificate with {openssl}: {error.stderr}"
            raise BrokerError(msg) from error
        return made, key

    authority, authority_key = certificate("authority")
    signer = ("-CA", str(authority), "-CAkey", str(authority_key))
    broker, broker_key = certificate("broker", *signer)
    both = folder / "broker-key-and-certificate.pem"
    both.write_text(broker_key.read_text() + broker.read_text())
    client, client_key = certificate("client", *signer)
    return Certificates(authority, both, client, client_key)
