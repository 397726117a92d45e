"""Files of notifications: what is wrong is said with file, table and key."""

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.notifications.declaration import read_notifications
from dqmstream.notifications.receiver import check_address, shown_address
from tests.notified import receiver

FILE = """
allowed = ["https://hooks.example.org", "http://127.0.0.1:9000"]

[[receiver]]
name = "shift log"
kind = "webhook"
url = "https://hooks.example.org/dqm"
secret_variable = "SHIFT_LOG_SECRET"

[[receiver]]
name = "experts"
kind = "apprise"
url_variable = "DQM_MATTERMOST"
give_up = 3600

[[subscription]]
name = "pixel at night"
receiver = "experts"
workspaces = ["pixel", "pixel_*"]
severity = "high"
events = ["raised", "escalated"]
quiet = { start = "22:00", until = "07:00", zone = "Europe/Zurich", but = "nothing" }
interval = 30
last = true
"""


def test_a_file_is_read() -> None:
    declared = read_notifications(FILE, "n.toml")
    assert [each.name for each in declared.receivers] == ["shift log", "experts"]
    (subscription,) = declared.subscriptions
    assert (subscription.interval, subscription.wait, subscription.last) == (30.0, 1.0, True)
    assert subscription.quiet is not None
    assert subscription.quiet.text() == "22:00 to 07:00 Europe/Zurich"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('severity = "high"', 'severity = "dire"', r"n.toml: subscription 'pixel at night'.*dire"),
        ("interval = 30", "intervals = 30", "intervals"),
        ("interval = 30", "interval = -1", "interval"),
        ('receiver = "experts"', 'receiver = "nobody"', "'nobody' is not declared"),
        ('"pixel_*"', '"regex:("', r"is not a pattern"),
        ('["raised", "escalated"]', "[]", "events is empty"),
        ('["raised", "escalated"]', '["raise"]', "raise"),
        ('start = "22:00"', 'start = "25:00"', "no time of day"),
        ('name = "experts"', 'name = "shift log"', "declared 2 times"),
        ('secret_variable = "SHIFT_LOG_SECRET"', "", "a webhook is signed"),
        ('url_variable = "DQM_MATTERMOST"', 'url = "mmost://h/t"', "is a secret"),
        ('url_variable = "DQM_MATTERMOST"', "", "one of url"),
        ("give_up = 3600", "retry_first = 400", "below"),
        ("allowed = [", "permitted = [", "permitted"),
        ('allowed = ["https://hooks.example.org"', "allowed = [1", "allowed"),
        ("[[receiver]]", "[receiver]", "not TOML|expected tables"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, problem: str) -> None:
    assert old in FILE
    with pytest.raises(ConfigurationError, match=problem):
        read_notifications(FILE.replace(old, new, 1), "n.toml")


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("https://hooks.example.org/dqm?x=1", ""),
        ("https://hooks.example.org:443/", ""),
        ("http://127.0.0.1:9000/a", ""),
        ("https://a.cern.ch/", ""),
        ("http://hooks.example.org/", "not allowed"),
        ("https://hooks.example.org:8443/", "not allowed"),
        ("https://hooks.example.org.evil.net/", "not allowed"),
        ("https://evil.net/hooks.example.org", "not allowed"),
        ("https://hooks.example.org@evil.net/", "holds a user"),
        ("http://169.254.169.254/latest/meta-data", "not allowed"),
        ("file:///etc/passwd", "scheme 'file'"),
        ("gopher://127.0.0.1:9000/", "scheme 'gopher'"),
        ("http://[::1", "no URL"),
        ("http://127.0.0.1:99999/", "no URL"),
    ],
)
def test_only_allowed_addresses_are_called(address: str, problem: str) -> None:
    allowed = ("https://hooks.example.org", "http://127.0.0.1:9000", "https://*.cern.ch")
    if not problem:
        check_address(receiver(), address, allowed)
        return
    with pytest.raises(ValueError, match=problem):
        check_address(receiver(), address, allowed)


def test_webhooks_do_not_hide_among_addresses_of_apprise() -> None:
    one = receiver(kind="apprise", url="", secret_variable="", url_variable="X")
    check_address(one, "mailto://user:pass@example.org", ())
    for address in (
        "json://127.0.0.1/x",
        "forms://127.0.0.1",
        "apprises://127.0.0.1/t",
        "127.0.0.1",
    ):
        with pytest.raises(ValueError, match="of Apprise is refused"):
            check_address(one, address, ())


def test_an_address_is_shown_without_its_secrets() -> None:
    assert (
        shown_address("https://hooks.example.org/services/T0/SECRET") == "https://hooks.example.org"
    )
    assert shown_address("mmosts://host/SECRET") == "mmosts://..."
