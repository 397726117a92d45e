"""Notifications by mail, Mattermost, Slack and whatever else Apprise speaks to."""

import asyncio
import threading
from typing import TYPE_CHECKING, Final

from dqmstream.notifications.attempt import Attempt
from dqmstream.notifications.receiver import shown_address
from dqmstream.notifications.words import text_of, title_of
from services.notifier.address import Address
from services.notifier.sender import Failure

if TYPE_CHECKING:
    import apprise

__all__ = ["ByApprise", "check_apprise"]

_WORST: Final = {"high": "failure", "medium": "warning", "low": "info"}


class ByApprise:
    """One service of Apprise.

    It blocks, and some of its services for as long as they like: so each try has a thread of its
    own, which no stopping process waits for, and while one hangs there is no other.

    Parameters
    ----------
    address
        Its address.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._trying: asyncio.Future[bool] | None = None

    @property
    def address(self) -> str:
        """See `Sender.address`."""
        return shown_address(self._address.url)

    async def send(self, attempt: Attempt) -> Failure | None:
        """See `Sender.send`: it has it when Apprise says so."""
        if self._trying is not None and not self._trying.done():
            return Failure("the try before still hangs")
        self._trying = self._begin(attempt)
        timeout = self._address.receiver.timeout
        try:
            async with asyncio.timeout(timeout):
                delivered = await asyncio.shield(self._trying)
        except TimeoutError:
            return Failure(f"not delivered within {timeout:g} s")
        except Exception as error:  # whatever one of its services raises
            return Failure(f"Apprise failed: {type(error).__name__}")
        # Why, only its log lines say.
        return None if delivered else Failure("Apprise could not deliver it")

    async def close(self) -> None:
        """See `Sender.close`."""

    def _begin(self, attempt: Attempt) -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()

        def settle(result: bool | Exception) -> None:
            if future.done():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
                future.exception()  # that nobody may look at is no news
            else:
                future.set_result(result)

        def work() -> None:
            result: bool | Exception
            try:
                result = self._notify(attempt)
            except Exception as error:
                result = error
            try:
                loop.call_soon_threadsafe(settle, result)
            except RuntimeError:
                return  # the loop is gone, and with it whoever wanted to know

        threading.Thread(target=work, name="apprise", daemon=True).start()
        return future

    def _notify(self, attempt: Attempt) -> bool:
        steps = [each.step.severity for each in attempt.deliveries]
        worst = next(kind for severity, kind in _WORST.items() if severity in steps)
        return bool(
            _opened(self._address.url).notify(
                title=title_of(attempt),
                body=text_of(attempt),
                notify_type=worst,
                body_format="text",
            )
        )


def check_apprise(url: str) -> None:
    """Refuse an address that Apprise does not know; ValueError without the address. Slow once."""
    _opened(url)


def _opened(url: str) -> "apprise.Apprise":
    import apprise  # noqa: PLC0415 heavy, and of those only who use it

    asset = apprise.AppriseAsset(app_id="dqmstream", http_redirects=False, secure_logging=True)
    service = apprise.Apprise(asset=asset)
    if not service.add(url):
        msg = "Apprise knows no such address"
        raise ValueError(msg)
    return service
