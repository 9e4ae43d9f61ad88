"""Outbox of notices: each is kept until it is delivered."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from codelewm_assets.core.digests import pretty_json, sha256_text
from codelewm_assets.core.errors import NotifyError, StoreError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.notify.notice import Notice
from codelewm_assets.notify.receivers import display_name

SUFFIX = ".notice.json"
Environment = Mapping[str, str]
Deliver = Callable[[str, Notice, Environment, logging.Logger], None]


class _PendingNotice(BaseModel):
    receiver: str
    notice: Notice


class Outbox:
    """A folder with a file for each notice and receiver, deleted after delivery.

    A process killed between delivery and deletion sends the notice again (at-least-once delivery).
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, notice: Notice, receivers: Sequence[str]) -> None:
        """Queue a notice for each receiver. Raises: StoreError: the folder is not writable."""
        for receiver in receivers:
            name = f"{sha256_text(notice.key)[:32]}.{sha256_text(receiver)[:8]}{SUFFIX}"
            waiting = _PendingNotice(receiver=receiver, notice=notice)
            write_atomically(self._folder / name, pretty_json(waiting.model_dump()))

    def put_or_deliver(
        self, notice: Notice, receivers: Sequence[str], environment: Environment, log: logging.Logger, deliver: Deliver
    ) -> None:
        """Queue a notice for each receiver, or deliver it at once where the folder is not writable, as on a full disk.

        Raises: NotifyError: the folder is not writable, and a receiver did not take the notice either; the others did.
        """
        try:
            self.put(notice, receivers)
        except StoreError as error:
            faults = []
            for receiver in receivers:
                try:
                    deliver(receiver, notice, environment, log)
                except (NotifyError, OSError) as fault:
                    faults.append(f"{display_name(receiver)}: {fault}")
            if faults:
                raise NotifyError(f"{error} The notice was not delivered to {'; '.join(faults)}") from error

    def send(
        self,
        receivers: Sequence[str],
        environment: Environment,
        log: logging.Logger,
        deliver: Deliver,
        is_over: Callable[[], bool] = lambda: False,
    ) -> tuple[int, int, dict[str, str]]:
        """Send pending notices, oldest first; a failed receiver is retried at the next call only.

        Args:
            receivers: of the current profile; notices for others are deleted.
            is_over: returns True when the time is up.

        Returns: number of notices sent, number pending, and the fault of each failed receiver.
        """
        sent, waiting, faults = 0, 0, dict[str, str]()
        for path in sorted(self._folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns):
            try:
                pending = _PendingNotice.model_validate_json(path.read_bytes())
            except (OSError, ValidationError) as error:
                faults[path.name] = f"{path} cannot be read ({type(error).__name__}). Delete it."
                continue
            if pending.receiver not in receivers:
                path.unlink()
                continue
            if pending.receiver in faults or is_over():
                waiting += 1
                continue
            try:
                deliver(pending.receiver, pending.notice, environment, log)
                path.unlink()
                sent += 1
            except (NotifyError, OSError) as error:
                waiting += 1
                faults[pending.receiver] = f"{display_name(pending.receiver)}: {error}"
        return sent, waiting, faults
