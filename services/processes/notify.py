"""The notifier as a service of a process."""

import os
import random
from collections.abc import Mapping
from pathlib import Path

from dqmstream.errors import ConfigurationError
from dqmstream.notifications.declaration import Declared, read_notifications
from services.logging.logs import set_up_logs
from services.notifier.address import Address
from services.notifier.addresses import addresses_of, check_known, secrets_in
from services.notifier.senders import opened_senders
from services.notifier.service import NotifierProgress, NotifierSettings, run_notifier
from services.processes.process import Process, Ready, Service
from services.settings import Settings

__all__ = ["declared_notifications", "notifier", "receivers_found"]


def declared_notifications(settings: Settings) -> Declared:
    """What the file of the settings declares. Reads it.

    Raises
    ------
    ConfigurationError
        If no file is set, or it is wrong.
    """
    path = settings.notifications
    if path is None:
        msg = (
            "no file of receivers and subscriptions is set: name one by DQMSTREAM_NOTIFICATIONS "
            "or `notifications` in the settings' file"
        )
        raise ConfigurationError(msg)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"notifications {path} cannot be read: {error}"
        raise ConfigurationError(msg) from error
    return read_notifications(text, str(path))


def receivers_found(
    settings: Settings, declared: Declared, secrets: set[str] | None = None
) -> dict[str, Address]:
    """Where all receivers are; from here on no log line shows their secrets. Reads files.

    Parameters
    ----------
    secrets
        Others that no log line shows; those of the receivers are added, also of refused ones.

    Raises
    ------
    ConfigurationError
        If an address or key is missing or not allowed.
    """
    addresses = addresses_of(declared, os.environ)
    hidden = set() if secrets is None else secrets
    hidden.update(secrets_in(addresses))
    set_up_logs(settings.log_level, settings.log_format, secrets=(*settings.passwords, *hidden))
    check_known(addresses)
    return addresses


def notifier(settings: Settings) -> Service:
    """A notifier of the receivers and subscriptions that the settings name.

    Raises
    ------
    ConfigurationError
        If the file is wrong, or an address or key is missing or not allowed.
    """
    declared = declared_notifications(settings)
    secrets = set[str]()
    addresses = receivers_found(settings, declared, secrets)
    progress = NotifierProgress()

    def find(others: Declared) -> Mapping[str, Address]:
        # What was a secret once is one still: no line shows any that was ever found.
        return receivers_found(settings, others, secrets)

    async def start(process: Process, ready: Ready) -> None:
        async with opened_senders(addresses, process.clock) as senders:
            await run_notifier(
                process.log,
                declared,
                senders,
                clock=process.clock,
                random=random.random,
                ready=ready,
                settings=NotifierSettings(member=f"{process.name}-notifier"),
                progress=progress,
                find=find,
            )

    return Service(name="notifier", start=start, progress=progress, kind="notifier")
