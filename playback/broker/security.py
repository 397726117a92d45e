"""What the clients' listener asks for, and what a client has to show: TLS and SASL."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from playback.broker.certificates import make_certificates

__all__ = ["Access", "Mechanism", "Security", "secured"]

Security = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_USER: Final = "dqm"
_PASSWORD: Final = "not-a-secret: of a test's broker"  # noqa: S105
_MODULES: Final = "org.apache.kafka.common.security"


@dataclass(frozen=True, slots=True)
class Access:
    """What a client needs to get in; empty where the listener does not ask for it."""

    security: Security = "plaintext"
    mechanism: Mechanism = "PLAIN"
    username: str = ""
    password: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


def secured(
    folder: Path,
    *,
    security: Security,
    mechanism: Mechanism,
    client_certificates: bool,
    environment: Mapping[str, str],
) -> tuple[Access, dict[str, str], list[str]]:
    """A client's access, the listener's properties, and arguments for formatting the storage.

    Parameters
    ----------
    folder
        Gets the certificates.
    client_certificates
        Ask clients for a certificate too (mutual TLS).
    environment
        Where OpenSSL is looked for.

    Raises
    ------
    BrokerError
        The certificates could not be made.
    """
    listener = {"security.protocol": security.upper()}
    files = {"ca_file": "", "cert_file": "", "key_file": ""}
    if security in {"ssl", "sasl_ssl"}:
        made = make_certificates(folder, environment)
        files["ca_file"] = str(made.authority)
        for store, path in {"keystore": made.broker, "truststore": made.authority}.items():
            listener[f"ssl.{store}.type"] = "PEM"
            listener[f"ssl.{store}.location"] = str(path)
        if client_certificates:
            listener["ssl.client.auth"] = "required"
            files["cert_file"] = str(made.client_certificate)
            files["key_file"] = str(made.client_key)
    user, password, formatting = "", "", []
    if security in {"sasl_plaintext", "sasl_ssl"}:
        user, password = _USER, _PASSWORD
        listener["sasl.enabled.mechanisms"] = mechanism
        jaas = f"{mechanism.lower()}.sasl.jaas.config"
        if mechanism == "PLAIN":
            module = f"{_MODULES}.plain.PlainLoginModule"
            listener[jaas] = f'{module} required user_{user}="{password}";'
        else:
            # The passwords are in the cluster's metadata, from its first record on.
            listener[jaas] = f"{_MODULES}.scram.ScramLoginModule required;"
            formatting = ["--add-scram", f"{mechanism}=[name={user},password={password}]"]
    return Access(security, mechanism, user, password, **files), listener, formatting
