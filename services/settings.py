"""All settings of all services: one typed object. Where values come from: `settings_layers`."""

from pathlib import Path
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)

from dqmstream.workspaces.budget import MemoryBudgets
from services.secrets import HIDDEN, from_file, hide_password, with_password
from services.setting_types import File, Names, Secret, Servers

__all__ = ["Settings"]


class Settings(BaseModel):
    """What is in force. Times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    data: Path = Field(Path("dqmstream-data"), description="folder of the embedded log and store")
    store: str = Field("", description="SQLAlchemy URL of the store; empty: SQLite in the folder")
    store_password_file: File = Field(
        None, description="file with the store's password, which then need not be in the URL"
    )
    store_retention: File = Field(
        None, description="TOML file: how long runs are kept, and how finely; see store prune"
    )
    store_prune_hours: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="the recorder prunes so often; 0: never"
    )
    kafka: Servers = Field(
        (), description="Kafka brokers as host:port, by comma; empty: the embedded log"
    )
    kafka_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,100}$",
        description="put before all names of topics and groups: one broker, several systems",
    )
    candidate: str = Field(
        "",
        pattern=r"^([a-z0-9][a-z0-9-]{0,39})?$",
        description="name of a candidate, run beside production in a namespace of its own",
    )
    candidate_store: str = Field(
        "", description="SQLAlchemy URL of its store; empty: SQLite in a folder of its own"
    )
    production_url: str = Field(
        "",
        pattern=r"^(https?://[^\s\"'<>]{1,500})?$",
        description="page of production, to which the page of a candidate leads back",
    )
    candidate_url: str = Field(
        "",
        pattern=r"^(https?://[^\s\"'<>@?#]{1,500})?$",
        description="where the gateway asks candidates, {name} is theirs; empty: at their page",
    )
    candidate_token_file: File = Field(
        None, description="file with the token that candidates want for reading"
    )
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext", description="how to talk to the brokers"
    )
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="how to prove who we are, with sasl_plaintext and sasl_ssl"
    )
    kafka_username: str = Field("", description="user name for SASL")
    kafka_password: Secret = Field(None, description="password for SASL; never shown")
    kafka_password_file: File = Field(None, description="file with the password for SASL")
    kafka_ca_file: File = Field(
        None, description="certificates that sign the brokers'; default: the system's"
    )
    kafka_cert_file: File = Field(None, description="our own certificate, where brokers ask for it")
    kafka_key_file: File = Field(None, description="its key; default: in the same file")
    kafka_replication: int = Field(
        -1, ge=-1, le=32767, description="copies of new topics; -1: as the brokers are set"
    )
    kafka_compression: Literal["none", "gzip", "snappy", "zstd"] = Field(
        "none", description="compression by the client, of whole batches"
    )
    partitions: int = Field(2, ge=1, le=64, description="partitions of dqm.events, fixed for ever")
    histogram_partitions: int = Field(2, ge=1, le=64, description="partitions of dqm.histograms")
    fillers: int = Field(1, ge=1, le=16, description="fillers in this process")
    workspaces: Names = Field((), description="workspaces to fill; empty: all that are installed")
    workspace_files: Names = Field((), description="TOML files that declare further workspaces")
    workspace_memory: Names = Field(
        ("*=256MiB",), description="PATTERN=SIZE: what workspaces may take of one LS; first holds"
    )
    element_memory: Names = Field(
        ("**=64MiB",), description="PATTERN=SIZE of paths: what elements may take of one LS"
    )
    posted_cost: float = Field(
        50.0, gt=0, description="microseconds an event that a posted workspace may take to fill"
    )
    posted_cost_all: float = Field(
        200.0, gt=0, description="the same of all posted workspaces together"
    )
    posted_workspaces: int = Field(
        32, ge=0, le=1000, description="posted workspaces in force at once, at most"
    )
    quality_tests: str = Field("", description="TOML file of quality tests; empty: the shipped one")
    plugin_seconds: float = Field(
        10.0, gt=0, le=3600, description="for a quality test of a plug-in on a stack of elements"
    )
    plugin_memory: int = Field(
        4 << 30,
        ge=256 << 20,
        description="address space of a worker that runs plug-ins, in bytes",
    )
    plugin_processes: int = Field(
        1, ge=1, le=64, description="workers that run plug-ins at once, of a comparator or gateway"
    )
    alarm_rules: File = Field(
        None, description="TOML file: what holds for all alarms; none: the shipped one"
    )
    notifications: File = Field(
        None, description="TOML file: who is told of which alarms, and how; none: nobody"
    )
    publish_interval: float = Field(1.0, gt=0, le=60, description="between updates of an open LS")
    update_interval: float = Field(0.5, gt=0, le=60, description="between updates of a browser")
    streams: int = Field(256, ge=1, le=100_000, description="open streams of one gateway")
    lumisection_timeout: float = Field(60.0, gt=0, description="silence that closes an open LS")
    run_timeout: float = Field(300.0, gt=0, description="silence that ends a run")
    max_open: int = Field(8, ge=1, le=1000, description="open LSs per run; more close the oldest")
    producer_buffer_bytes: int = Field(
        256 << 20, ge=1 << 20, description="what a live source may have waiting for the log"
    )
    producer_buffer_seconds: float = Field(
        60.0, gt=0, description="how long; beyond either it drops chunks, and counts them"
    )
    host: str = Field("127.0.0.1", description="address the gateway listens on")
    port: int = Field(8000, ge=0, le=65535, description="port of the gateway; 0: any free one")
    allowed_hosts: Names = Field(
        (), description="names that the gateway answers to; empty: loopback and host"
    )
    tokens_file: Path | None = Field(
        None, description="file of tokens; default: tokens.json in the data folder"
    )
    read_needs_token: bool = Field(
        False, description="whether reading takes a token, too; writing always does"
    )
    oidc_issuer: str = Field(
        "", description="OpenID Connect provider where people log in; empty: only tokens"
    )
    oidc_client_id: str = Field("", description="what the provider calls this gateway")
    oidc_secret_file: File = Field(None, description="file with the client's secret there")
    oidc_claim: str = Field("groups", description="claim whose values give roles; a.b leads inside")
    oidc_roles: Names = Field(
        (), description="roles of its values, as dqm-experts=expert; *=viewer is everybody"
    )
    oidc_name: str = Field(
        "preferred_username", description="claim by which people stand in the record"
    )
    oidc_url: str = Field(
        "", description="address of the page for browsers, as https://dqm.cern.ch"
    )
    ingest: bool = Field(True, description="take events over HTTP, from tokens of role producer")
    requests_per_second: float = Field(
        500.0, ge=0, allow_inf_nan=False, description="of one token or address; 0: no limit"
    )
    display: bool = Field(
        True, description="send what displays of single events draw, and pick some to be shown"
    )
    display_rate: float = Field(
        1.0, gt=0, le=1000, description="events a second that are picked, at most"
    )
    display_bytes: int = Field(
        64 << 10, ge=4 << 10, le=512 << 10, description="of one event; the softest objects are cut"
    )
    display_rules: Names = Field(
        ("rare@0.3", "every:1"),
        description="rare, every:N, path:GLOB, in their order; @ with events a second",
    )
    drain_seconds: float = Field(
        0.0,
        ge=0,
        le=300,
        description="that a gateway answers on after SIGTERM, unready, for balancers to notice",
    )
    metrics_host: str = Field("127.0.0.1", description="address of a process's own metrics")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="port of /metrics, /healthz and /readyz; 0: none"
    )
    events_retention_hours: float = Field(6.0, gt=0, description="how long dqm.events are kept")
    events_retention_bytes: int = Field(
        0, ge=0, description="size that a partition of dqm.events may reach; 0: no limit"
    )
    fsync: bool = Field(False, description="flush each write to disk: survives loss of power")
    numba_cache: str = Field("", description="folder of compiled kernels; empty: in the user cache")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="log lines of this level and above, on standard error"
    )
    log_format: Literal["text", "json"] = Field("text", description="for people, or for programs")

    _budgets: MemoryBudgets = PrivateAttr(default_factory=MemoryBudgets)
    _sasl_password: str = PrivateAttr("")
    _store_url: str = PrivateAttr("")
    _store_password: str = PrivateAttr("")
    _candidate_token: str = PrivateAttr("")

    @model_validator(mode="after")
    def _consistent(self) -> "Settings":
        if self.run_timeout < self.lumisection_timeout:
            msg = (
                f"run_timeout ({self.run_timeout}) is below lumisection_timeout "
                f"({self.lumisection_timeout}): a run cannot end before its LSs close"
            )
            raise ValueError(msg)
        for name in ("store", "candidate_store"):
            if getattr(self, name) and "://" not in getattr(self, name):
                # Without the value: where a password stands in it cannot be told.
                msg = f"{name} is no URL such as sqlite:///folder/store.sqlite"
                raise ValueError(msg)
        if self.store_password_file is not None and not self.store:
            msg = "store_password_file is given, store is not: a file of SQLite has no password"
            raise ValueError(msg)
        if self.store_prune_hours and self.store_retention is None:
            msg = (
                f"store_prune_hours is {self.store_prune_hours}, store_retention is not given: "
                "what may be removed?"
            )
            raise ValueError(msg)
        if self.metrics_port and (self.metrics_host, self.metrics_port) == (self.host, self.port):
            msg = f"metrics_port and port are both {self.port}: each needs its own"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _budgets_read(self) -> "Settings":
        self._budgets = MemoryBudgets.read(
            workspaces=self.workspace_memory, elements=self.element_memory
        )
        return self

    @model_validator(mode="after")
    def _kafka_consistent(self) -> "Settings":
        sasl = self.kafka_security.startswith("sasl")
        passwords = [self.kafka_password, self.kafka_password_file]
        given = {
            "kafka_username": bool(self.kafka_username),
            "kafka_password or kafka_password_file": any(one is not None for one in passwords),
        }
        for name, is_given in given.items():
            if is_given != sasl:
                what = "given, but not used" if is_given else "missing"
                msg = f"{name} is {what} with kafka_security {self.kafka_security!r}"
                raise ValueError(msg)
        if all(one is not None for one in passwords):
            msg = "kafka_password and kafka_password_file are both given: which one?"
            raise ValueError(msg)
        for name in ("kafka_ca_file", "kafka_cert_file", "kafka_key_file"):
            if getattr(self, name) is not None and not self.kafka_security.endswith("ssl"):
                msg = f"{name} is given, but not used with kafka_security {self.kafka_security!r}"
                raise ValueError(msg)
        if self.kafka_key_file is not None and self.kafka_cert_file is None:
            msg = "kafka_key_file is the key of kafka_cert_file, which is not given"
            raise ValueError(msg)
        if self.kafka_replication == 0:
            msg = "kafka_replication is 0: a topic needs a copy; -1 leaves it to the brokers"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _candidate_apart(self) -> "Settings":
        if self.candidate and not self.kafka:
            msg = (
                f"candidate is {self.candidate!r}, kafka is not given: a candidate reads the "
                "events of a production system, and only brokers let two systems read them"
            )
            raise ValueError(msg)
        if self.candidate and self.candidate_store and self.candidate_store == self.store:
            msg = "candidate_store is that of production: a candidate needs one of its own"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _secrets_read(self) -> "Settings":
        """Once, at the start: later nobody may block, and the files may be gone."""
        if self.kafka_password_file is not None:
            self._sasl_password = from_file(self.kafka_password_file)
        elif self.kafka_password is not None:
            self._sasl_password = self.kafka_password.get_secret_value()
        if self.candidate_token_file is not None:
            self._candidate_token = from_file(self.candidate_token_file)
        store = self.candidate_store if self.candidate else self.store
        file = self.store_folder.absolute() / "store.sqlite"
        self._store_url = store or f"sqlite:///{file}"
        if self.store_password_file is not None:
            self._store_password = from_file(self.store_password_file)
            if store and not store.startswith("sqlite"):
                self._store_url = with_password(store, self._store_password)
        return self

    @property
    def memory_budgets(self) -> MemoryBudgets:
        """What workspaces and elements may take of one LS."""
        return self._budgets

    @property
    def tokens_path(self) -> Path:
        """The file of tokens that is in force."""
        return self.tokens_file or self.data / "tokens.json"

    @property
    def namespace(self) -> str:
        """What topics and groups of this system begin with: a candidate's are never production's,
        nor begin with what those begin with, unless that is nothing."""
        return f"candidate-{self.candidate}.{self.kafka_prefix}" * bool(self.candidate) or (
            self.kafka_prefix
        )

    @property
    def store_folder(self) -> Path:
        """Where the store is that is named nowhere."""
        return self.data / f"candidate-{self.candidate}" if self.candidate else self.data

    @property
    def store_url(self) -> str:
        """URL of the store, with its password: not to be shown."""
        return self._store_url

    @property
    def shown_store(self) -> str:
        """URL of the store as it may be shown."""
        return hide_password(self.store_url)

    @property
    def sasl_password(self) -> str:
        """Password for SASL, not to be shown; empty without SASL."""
        return self._sasl_password

    @property
    def candidate_token(self) -> str:
        """What candidates want for reading, not to be shown; empty if none is set."""
        return self._candidate_token

    @property
    def passwords(self) -> tuple[str, ...]:
        """What no log line may show; empty ones are not set."""
        return self._sasl_password, self._store_password, self._candidate_token

    def shown(self) -> dict[str, object]:
        """All values by name as they may be shown, secrets as `***`."""
        values = self.model_dump(mode="json")
        secret = {name: HIDDEN for name, value in self if isinstance(value, SecretStr)}
        urls = {name: hide_password(getattr(self, name)) for name in ("store", "candidate_store")}
        return values | secret | urls
