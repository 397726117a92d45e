"""Settings: each layer over the one before, contradictions refused, secrets never shown."""

from pathlib import Path

import msgspec
import pytest

from dqmstream.errors import ConfigurationError
from services.plugins.bounds import WorkerSettings
from services.secrets import hide_password
from services.settings import Settings
from services.settings_layers import load_settings
from services.startup import worker_bounds
from services.terminal import show_settings


def in_environment(**values: str) -> Settings:
    """Settings from variables alone."""
    environment = {f"DQMSTREAM_{name.upper()}": value for name, value in values.items()}
    return load_settings({}, environment).settings


def refusal(**values: str) -> str:
    """The sentence these variables are refused with."""
    with pytest.raises(ConfigurationError) as refused:
        in_environment(**values)
    return str(refused.value)


def test_a_flag_beats_the_environment_and_that_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('port = 1\nhost = "file"\npartitions = 3\n')
    environment = {"DQMSTREAM_PORT": "2", "DQMSTREAM_HOST": "variable"}
    loaded = load_settings({"port": 4, "host": None}, environment, file)
    assert (loaded.settings.port, loaded.settings.host) == (4, "variable")
    assert loaded.settings.partitions == 3
    assert [loaded.origins[name] for name in ("port", "host", "partitions", "fillers")] == [
        "flag",
        "environment",
        f"file {file}",
        "default",
    ]


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    assert "DQMSTREAM_KAFKA_PREFX" in refusal(kafka_prefx="a")
    assert "did you mean 'kafka_prefix'" in refusal(kafka_prefx="a")


def test_what_tests_and_clients_are_told_by_variables_is_no_setting() -> None:
    """A shell that asks one gateway may start another."""
    names = ["DQMSTREAM_TEST_KAFKA", "DQMSTREAM_TEST_DATA", "DQMSTREAM_CHROMIUM"]
    names += ["DQMSTREAM_JSROOT", "DQMSTREAM_URL", "DQMSTREAM_TOKEN"]
    names += ["DQMSTREAM_TEST_PLOTS", "DQMSTREAM_TEST_STREAMER_MB"]
    assert load_settings({}, dict.fromkeys(names, "x")).settings == Settings()


def test_brokers_are_listed_by_comma() -> None:
    assert in_environment(kafka="one:9092, [::1]:9093").kafka == ("one:9092", "[::1]:9093")
    assert in_environment(kafka="").kafka == ()


@pytest.mark.parametrize("server", ["one", "one:", ":9092", "one:0", "one:65536", "a b:1", "a:1:2"])
def test_a_broker_that_is_no_host_and_port_is_refused(server: str) -> None:
    assert f"{server!r} is no host:port" in refusal(kafka=f"good:9092,{server}")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kafka_security": "sasl_ssl"}, "kafka_username is missing"),
        ({"kafka_security": "sasl_ssl", "kafka_username": "u"}, "password_file is missing"),
        ({"kafka_username": "u"}, "kafka_username is given, but not used"),
        ({"kafka_password": "p"}, "password_file is given, but not used"),
        ({"kafka_ca_file": __file__}, "kafka_ca_file is given, but not used"),
        ({"kafka_security": "ssl", "kafka_key_file": __file__}, "kafka_cert_file, which is not"),
        ({"kafka_security": "ssl", "kafka_ca_file": "/absent"}, "'/absent'"),
        ({"kafka_replication": "0"}, "a topic needs a copy"),
        ({"kafka_prefix": "a b"}, "kafka_prefix"),
        ({"metrics_port": "65536"}, "metrics_port"),
        ({"metrics_port": "8000"}, "each needs its own"),
        ({"store_password_file": __file__}, "store_password_file is given, store is not"),
        ({"run_timeout": "1"}, "below lumisection_timeout"),
        ({"candidate_url": "http://me:secret@candidate"}, "candidate_url"),
        ({"candidate_url": "candidate:8000"}, "candidate_url"),
        ({"candidate_token_file": "/absent"}, "'/absent'"),
    ],
)
def test_settings_that_contradict_are_refused(values: dict[str, str], sentence: str) -> None:
    assert sentence in refusal(**values)


def test_the_token_for_candidates_stands_in_a_file_and_no_log_line_shows_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    file.write_text("dqm_viewer\n")
    settings = in_environment(
        candidate_url="http://{name}.dqm:8000", candidate_token_file=str(file)
    )
    assert settings.candidate_token == "dqm_viewer"  # noqa: S105 made here
    assert "dqm_viewer" in settings.passwords
    assert "dqm_viewer" not in str(settings.shown())


def test_passwords_may_stand_in_files(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss/w:rd\n")
    settings = in_environment(
        kafka_security="sasl_ssl",
        kafka_username="u",
        kafka_password_file=str(file),
        store="postgresql+psycopg://u@host/dqm",
        store_password_file=str(file),
    )
    assert settings.sasl_password == "p@ss/w:rd"  # noqa: S105 made here
    assert settings.store_url == "postgresql+psycopg://u:p%40ss%2Fw%3Ard@host/dqm"


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"", "nothing"), (b"a\nb", "several"), (b"\xff", "UTF-8")]
)
def test_a_password_file_that_holds_no_password_is_refused(
    content: bytes, sentence: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    said = refusal(kafka_security="sasl_ssl", kafka_username="u", kafka_password_file=str(file))
    assert sentence in said
    assert str(file) in said


SECRET = "correct-horse"  # noqa: S105 made here


def test_no_secret_is_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        f'kafka_security = "sasl_plaintext"\nkafka_username = "u"\nkafka_password = "{SECRET}"\n'
        f'store = "postgresql+psycopg://u:{SECRET}@host/dqm"\n'
    )
    for json in (False, True):
        show_settings(file=file, json=json)
        printed = capsys.readouterr()
        assert SECRET not in printed.out + printed.err
        assert "***" in printed.out
    settings = load_settings({}, {}, file).settings
    assert settings.sasl_password == SECRET
    assert SECRET in settings.store_url
    assert SECRET not in msgspec.json.encode(settings.shown()).decode()


@pytest.mark.parametrize(
    "values",
    [
        {"kafka_password": SECRET},
        {"kafka_password": SECRET, "kafka_security": "none"},
        {"store": f"u:{SECRET}@host/dqm"},
        {"store": f"postgresql://u:{SECRET}@host/dqm", "port": "x"},
    ],
)
def test_no_refusal_shows_a_secret(values: dict[str, str]) -> None:
    assert SECRET not in refusal(**values)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:a@b/c?d@host:5432/dqm", "postgresql://u:***@host:5432/dqm"),
        (
            "postgresql://host/dqm?user=u&password=abc&x=1",
            "postgresql://host/dqm?user=u&password=***&x=1",
        ),
        ("postgresql://u@host/dqm", "postgresql://u@host/dqm"),
        ("sqlite:////data/store.sqlite", "sqlite:////data/store.sqlite"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert hide_password(url) == shown


def test_no_store_is_shown_with_its_password() -> None:
    url = f"postgresql+psycopg://dqm:{SECRET}@db"
    shown = in_environment(store=f"{url}/dqm", candidate_store=f"{url}/v2").shown()
    assert SECRET not in msgspec.json.encode(shown).decode()
    assert shown["candidate_store"] == "postgresql+psycopg://dqm:***@db/v2"


def test_the_bounds_of_plug_ins_are_settings() -> None:
    bounds = worker_bounds(
        in_environment(plugin_seconds="2.5", plugin_memory=str(1 << 30), plugin_processes="3")
    )
    assert (bounds.seconds, bounds.memory, bounds.processes) == (2.5, 1 << 30, 3)
    assert worker_bounds(Settings()) == WorkerSettings()
    assert "plugin_seconds" in refusal(plugin_seconds="0")
    assert "plugin_memory" in refusal(plugin_memory="1000")
    assert "plugin_processes" in refusal(plugin_processes="0")


def test_a_candidate_is_apart_from_production_with_the_same_settings_otherwise(
    tmp_path: Path,
) -> None:
    """Its topics, groups and store; its topics do not even begin as production's do."""
    given = {"kafka": "k:1", "kafka_prefix": "cms.", "data": str(tmp_path)}
    production, candidate = in_environment(**given), in_environment(**given, candidate="v2")
    assert (production.namespace, candidate.namespace) == ("cms.", "candidate-v2.cms.")
    assert in_environment(kafka="k:1", candidate="v2").namespace == "candidate-v2."
    assert candidate.store_url == f"sqlite:///{tmp_path / 'candidate-v2' / 'store.sqlite'}"
    served = {**given, "store": "postgresql+psycopg://dqm@db/dqm"}
    assert in_environment(**served, candidate="v2").store_url == candidate.store_url
    own = "postgresql+psycopg://dqm@db/v2"
    assert in_environment(**served, candidate="v2", candidate_store=own).store_url == own
    assert in_environment(**served, candidate_store=own).store_url == served["store"]


def test_a_candidate_without_brokers_or_in_the_store_of_production_is_refused() -> None:
    assert "only brokers let two systems read" in refusal(candidate="v2")
    store = "postgresql+psycopg://dqm@db/dqm"
    said = refusal(candidate="v2", kafka="k:1", store=store, candidate_store=store)
    assert "a candidate needs one of its own" in said
    assert "candidate" in refusal(candidate="V 2", kafka="k:1")
    assert "candidate_store is no URL" in refusal(candidate_store="dqm")
