"""Where notifications go: webhooks, and services that Apprise speaks to."""

from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec

from dqmstream.messages.struct import Value

__all__ = ["Receiver", "check_address", "shown_address"]

_Seconds = Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)]
_PORTS: Final = {"http": 80, "https": 443}
_OTHER_WEBHOOKS: Final = frozenset(
    {"json", "jsons", "xml", "xmls", "form", "forms", "apprise", "apprises"}
)
"""Of Apprise: they would go to any host there is, unsigned."""


class Receiver(Value, frozen=True, kw_only=True):
    """A table `[[receiver]]`.

    Secrets stand in variables of the environment, or in files, which the table names.

    Parameters
    ----------
    name
        Subscriptions name it.
    kind
        `webhook`: a signed POST of JSON; `apprise`: mail, Mattermost, Slack, ... by an address of
        Apprise, which holds secrets and is therefore never written here.
    url
        Of a webhook.
    url_variable, url_file
        Where else the address is.
    secret_variable, secret_file
        Where the key is that a webhook's notifications are signed with.
    timeout
        Seconds for one try.
    retry_first, retry_most
        Seconds before the second try, and at most between later ones; they double.
    give_up
        Seconds after which what could not be delivered is given up: it is dead.
    failing
        Seconds of failures after which an alarm says so.
    together
        Steps told in one notification, at most.
    most_pending
        Steps that may wait; further ones are dead at once.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")]
    kind: Literal["webhook", "apprise"]
    url: str = ""
    url_variable: str = ""
    url_file: str = ""
    secret_variable: str = ""
    secret_file: str = ""
    timeout: _Seconds = 10.0
    retry_first: _Seconds = 1.0
    retry_most: _Seconds = 300.0
    give_up: _Seconds = 86_400.0
    failing: _Seconds = 120.0
    together: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    most_pending: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 10_000

    def __post_init__(self) -> None:
        addresses = [self.url, self.url_variable, self.url_file]
        if sum(map(bool, addresses)) != 1:
            msg = "expected one of url, url_variable and url_file"
            raise ValueError(msg)
        secrets = [self.secret_variable, self.secret_file]
        if self.kind == "webhook" and sum(map(bool, secrets)) != 1:
            msg = "a webhook is signed: expected one of secret_variable and secret_file"
            raise ValueError(msg)
        if self.kind == "apprise" and (self.url or any(secrets)):
            msg = "an address of Apprise is a secret: expected url_variable or url_file alone"
            raise ValueError(msg)
        if self.retry_most < self.retry_first:
            msg = f"retry_most = {self.retry_most} is below retry_first = {self.retry_first}"
            raise ValueError(msg)

    def wait(self, failures: int, random: float) -> float:
        """Seconds to wait after so many failures in a row, from `random` in [0, 1).

        They double from `retry_first` up to `retry_most`; of that between half and all is waited,
        so that many receivers of one server that was away do not come back at once.
        """
        longest = min(self.retry_most, self.retry_first * 2.0 ** min(failures - 1, 40))
        return longest * (0.5 + 0.5 * random)


def check_address(receiver: Receiver, address: str, allowed: tuple[str, ...]) -> None:
    """Refuse an address that the configuration does not allow.

    Parameters
    ----------
    allowed
        `scheme://host` or `scheme://host:port` of webhooks; `*` in a host stands for letters,
        digits, `.` and `-`.

    Raises
    ------
    ValueError
        Without the address, which may hold a secret.
    """
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        msg = "its address is no URL"
        raise ValueError(msg) from error
    if receiver.kind == "apprise":
        if not parts.scheme or parts.scheme in _OTHER_WEBHOOKS:
            msg = f"scheme {parts.scheme!r:.20} of Apprise is refused, expected kind = 'webhook'"
            raise ValueError(msg)
        return
    if parts.scheme not in _PORTS or not parts.hostname:
        msg = f"a webhook with scheme {parts.scheme!r:.20}, expected https://host or http://host"
        raise ValueError(msg)
    if parts.username is not None or parts.password is not None:
        msg = "a webhook's address holds a user: it is signed, and needs none"
        raise ValueError(msg)
    asked = (parts.scheme, parts.hostname, port or _PORTS[parts.scheme])
    if not any(_allows(pattern, asked) for pattern in allowed):
        listed = ", ".join(allowed) or "nothing"
        msg = f"{asked[0]}://{asked[1]}:{asked[2]} is not allowed; allowed = {listed}"
        raise ValueError(msg)


def shown_address(address: str) -> str:
    """Scheme and host of an address, of one of Apprise the scheme: what may be shown of it."""
    parts = urlsplit(address)
    if parts.scheme in _PORTS and parts.hostname:
        port = "" if parts.port is None else f":{parts.port}"
        return f"{parts.scheme}://{parts.hostname}{port}"
    return f"{parts.scheme}://..."


def _allows(pattern: str, asked: tuple[str, str, int]) -> bool:
    parts = urlsplit(pattern)
    scheme, host, port = asked
    return (
        parts.scheme == scheme
        and fnmatchcase(host, (parts.hostname or "").lower())
        and (parts.port or _PORTS[scheme]) == port
    )
