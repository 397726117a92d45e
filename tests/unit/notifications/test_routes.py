"""What a version may declare of receivers, by what the operator's own file offers."""

import pytest

from dqmstream.errors import ConfigurationError
from dqmstream.notifications.declaration import Declared
from dqmstream.notifications.receiver import Receiver
from dqmstream.notifications.routes import Routes, with_routes

FILE = Declared(
    receivers=(Receiver(name="mail", kind="apprise", url_file="../keys/mail"),),
    offered=("/run/secrets/*",),
)


def _mail(file: str) -> Receiver:
    return Receiver(name="night", kind="apprise", url_file=file)


@pytest.mark.parametrize("file", ["/run/secrets/night", "../keys/mail"])
def test_secrets_that_are_offered_or_are_of_the_file_can_be_named(file: str) -> None:
    found = with_routes(FILE, Routes(receivers=(_mail(file),)), "version 1")
    assert [one.name for one in found.receivers] == ["mail", "night"]


@pytest.mark.parametrize(
    "file", ["/etc/passwd", "/run/secrets/../../etc/passwd", "/run/secrets/..", "../keys/other"]
)
def test_a_secret_outside_what_is_offered_is_refused_however_its_path_leads_there(
    file: str,
) -> None:
    with pytest.raises(ConfigurationError, match="not among the secrets"):
        with_routes(FILE, Routes(receivers=(_mail(file),)), "version 1")
