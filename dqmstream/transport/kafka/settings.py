"""Where the brokers are, how to prove who we are, and how patient to be."""

from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from dqmstream.errors import ConfigurationError

__all__ = ["Compression", "KafkaSettings", "Mechanism", "Security"]

Security: TypeAlias = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism: TypeAlias = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
Compression: TypeAlias = Literal["none", "gzip", "snappy", "zstd"]

_MIB = 1024 * 1024


class KafkaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach and use a cluster.

    Parameters
    ----------
    servers
        `host:port` of some brokers; they name the others.
    prefix
        Put before the name of every topic and group: systems share a cluster by prefixes of which
        none begins with another.
    borrowed, lender
        Topics that are read from another system's, whose prefix is `lender`, and never written:
        how a candidate reads what production reads. Groups are our own in any case.
    security, mechanism, username, password
        Whether to encrypt, and whether and how to log in. The password is never shown.
    ca_file
        PEM file of the authorities to trust for TLS; the system's if `None`.
    cert_file, key_file
        PEM files of our own certificate, for brokers that ask for one.
    replication
        Copies of each new topic; -1 leaves it to the brokers. From 3 on, two copies must have a
        message before it is acknowledged.
    compression
        Of what is sent, by Kafka. Events shrink to about 80 % with zstd, for three times the CPU;
        histogram sets are compressed before. lz4 is missing because the client's is very slow.
    connect_timeout
        Seconds within which a broker must answer at the start.
    request_timeout
        Seconds after which a broker that does not answer counts as gone.
    delivery_timeout
        Seconds within which a sent message must be acknowledged.
    session_timeout
        Seconds without a sign of life after which a group gives a member's partitions to others,
        or what the brokers demand at the least: their `group.min.session.timeout.ms`, usually 6 s.
    rebalance_timeout
        Seconds that a group waits for its members to read before it goes on without them.
    buffer_bytes
        Messages on their way to the brokers, in bytes; `send` waits while there are more.

    Raises
    ------
    ConfigurationError
        If a value is out of range, or settings contradict each other.
    """

    servers: tuple[str, ...]
    prefix: str = ""
    borrowed: tuple[str, ...] = ()
    lender: str = ""
    security: Security = "plaintext"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    replication: int = -1
    compression: Compression = "none"
    connect_timeout: float = 30.0
    request_timeout: float = 15.0
    delivery_timeout: float = 30.0
    session_timeout: float = 3.0
    rebalance_timeout: float = 30.0
    buffer_bytes: int = 64 * _MIB

    def __post_init__(self) -> None:
        if not self.servers:
            msg = "kafka servers: expected at least one host:port"
            raise ConfigurationError(msg)
        for server in self.servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdecimal() or not 0 < int(port) < 65536:
                msg = f"kafka server {server!r}: expected host:port"
                raise ConfigurationError(msg)
        if self.borrowed and self.lender == self.prefix:
            msg = (
                f"kafka prefix {self.prefix!r} is also the lender of {', '.join(self.borrowed)}: "
                "expected two namespaces"
            )
            raise ConfigurationError(msg)
        if self.replication != -1 and not 1 <= self.replication <= 32767:
            msg = f"kafka replication is {self.replication}, expected -1 or at least 1"
            raise ConfigurationError(msg)
        self._check_who()
        for setting in (name for name in self.__struct_fields__ if name.endswith("_timeout")):
            if not 0 < getattr(self, setting) < 86_400:
                msg = f"kafka {setting} is {getattr(self, setting)}, expected seconds above 0"
                raise ConfigurationError(msg)
        if self.buffer_bytes < 1:
            msg = f"kafka buffer_bytes is {self.buffer_bytes}, expected at least 1"
            raise ConfigurationError(msg)

    def _check_who(self) -> None:
        if self.logs_in and not (self.username and self.password):
            msg = f"kafka security {self.security} needs a username and a password"
            raise ConfigurationError(msg)
        if not self.logs_in and (self.username or self.password):
            msg = (
                f"kafka username or password are given, but security is {self.security}: "
                "expected sasl_plaintext or sasl_ssl"
            )
            raise ConfigurationError(msg)
        if not self.encrypts and (self.ca_file or self.cert_file or self.key_file):
            msg = (
                f"kafka certificate files are given, but security is {self.security}: "
                "expected ssl or sasl_ssl"
            )
            raise ConfigurationError(msg)
        if self.key_file and not self.cert_file:
            msg = "kafka key_file is given without cert_file"
            raise ConfigurationError(msg)

    @property
    def encrypts(self) -> bool:
        """Whether connections are TLS."""
        return self.security in {"ssl", "sasl_ssl"}

    @property
    def logs_in(self) -> bool:
        """Whether brokers ask for a username and a password."""
        return self.security in {"sasl_plaintext", "sasl_ssl"}

    def __repr__(self) -> str:
        shown = {
            name: "***" if name == "password" and self.password else getattr(self, name)
            for name in self.__struct_fields__
        }
        return f"KafkaSettings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
