"""Tells each message once through each notifier: what was delivered is written down at once, what was not is sent again later."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from codelewm_assets.core.digests import pretty_json, sha256_text
from codelewm_assets.core.errors import NotifyError, StoreError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.notify.message import Message, Notifier
from codelewm_assets.notify.senders import notifier_of
from codelewm_assets.notify.settings import NotifierSettings


class Ledger:
    """One small file for each delivery. It survives a crash between two deliveries, and no other writer can undo it.

    The file is written before the message is sent and renamed after: on a full disk nothing is sent, where otherwise it would
    be sent at every tick and never written down.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, key: str, notifier: str) -> Path:
        return self._folder / f"{sha256_text(key)[:32]}.{notifier}.json"

    def has(self, key: str, notifier: str) -> bool:
        """Whether this notifier has delivered the message of this key."""
        return self._path(key, notifier).exists()

    def begin(self, key: str, notifier: str) -> None:
        """Make room for a delivery that is tried now; until `add` it counts as not made. Raises: StoreError: there is none."""
        write_atomically(self._begun(key, notifier), pretty_json({"key": key, "notifier": notifier}))

    def add(self, key: str, notifier: str) -> None:
        """Write down a delivery that was begun. Raises: StoreError: the file cannot be renamed."""
        try:
            self._begun(key, notifier).replace(self._path(key, notifier))
        except OSError as error:
            raise StoreError(
                f"{notifier} delivered a message, which could not be written down ({error}): it may come again. Make "
                f"{self._folder} writable."
            ) from error

    def _begun(self, key: str, notifier: str) -> Path:
        return self._path(key, notifier).with_suffix(".begun")


class Teller:
    """The notifiers of a profile and their ledger, for one tick of a sensor."""

    def __init__(
        self,
        settings: Sequence[NotifierSettings],
        ledger: Ledger,
        environment: Mapping[str, str],
        log: logging.Logger,
        make: Callable[[NotifierSettings, Mapping[str, str], logging.Logger], Notifier] = notifier_of,
    ) -> None:
        self._settings = {own.name: own for own in settings}
        self._ledger, self._environment, self._log, self._make = ledger, environment, log, make
        self.faults: dict[str, str] = {}  # notifier → why it failed: it is not tried again in this tick

    def missing(self, key: str) -> list[str]:
        """Notifiers that have not delivered the message of this key."""
        return [name for name in self._settings if not self._ledger.has(key, name)]

    def tell(self, message: Message) -> bool:
        """Send it through every notifier that has not delivered it. Returns: whether all have delivered it now."""
        for name in self.missing(message.key):
            if name in self.faults:
                continue
            try:
                self._ledger.begin(message.key, name)
                self._make(self._settings[name], self._environment, self._log).send(message)
                self._ledger.add(message.key, name)
            except (NotifyError, StoreError) as error:
                self.faults[name] = str(error)
                self._log.error("Not told, tried again at the next tick: %s", error)
        return not self.missing(message.key)
