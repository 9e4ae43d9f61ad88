"""Each message once through each notifier, whatever fails between."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from codelewm_assets.core.errors import NotifyError, StoreError
from codelewm_assets.notify import teller
from codelewm_assets.notify.message import Message, Notifier
from codelewm_assets.notify.settings import LogSettings, NotifierSettings
from codelewm_assets.notify.teller import Ledger, Teller

BOTH = (LogSettings(kind="log", name="first"), LogSettings(kind="log", name="second"))


class Fake:
    """Keeps what it was sent; fails while it is down."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_down, self.tries = False, 0

    def send(self, message: Message) -> None:
        self.tries += 1
        if self.is_down:
            raise NotifyError("down")
        self.sent.append(message.key)


def _fakes() -> tuple[dict[str, Fake], Callable[[NotifierSettings, Mapping[str, str], logging.Logger], Notifier]]:
    fakes = {"first": Fake(), "second": Fake()}
    return fakes, lambda settings, environment, log: fakes[settings.name]


def _message(key: str) -> Message:
    return Message(key=key, subject="s", text="t")


def test_a_message_is_sent_once_through_each_notifier_also_by_a_later_teller(tmp_path: Path) -> None:
    fakes, make = _fakes()
    for _ in range(3):
        assert Teller(BOTH, Ledger(tmp_path), {}, logging.getLogger(), make).tell(_message("a"))
    assert fakes["first"].sent == fakes["second"].sent == ["a"]


def test_a_notifier_that_was_down_is_sent_it_later_and_the_other_is_not_sent_it_again(tmp_path: Path) -> None:
    fakes, make = _fakes()
    fakes["first"].is_down = True
    assert not Teller(BOTH, Ledger(tmp_path), {}, logging.getLogger(), make).tell(_message("a"))
    assert (fakes["first"].sent, fakes["second"].sent) == ([], ["a"])
    fakes["first"].is_down = False
    assert Teller(BOTH, Ledger(tmp_path), {}, logging.getLogger(), make).tell(_message("a"))
    assert (fakes["first"].sent, fakes["second"].sent) == (["a"], ["a"])


def test_a_notifier_that_is_down_is_tried_once_a_tick_and_holds_up_no_other(tmp_path: Path) -> None:
    fakes, make = _fakes()
    fakes["first"].is_down = True
    by = Teller(BOTH, Ledger(tmp_path), {}, logging.getLogger(), make)
    assert [by.tell(_message(key)) for key in "abc"] == [False] * 3
    assert fakes["first"].tries == 1 and fakes["second"].sent == ["a", "b", "c"]
    assert by.faults == {"first": "down"}


def test_without_a_notifier_there_is_nothing_to_tell(tmp_path: Path) -> None:
    assert Teller((), Ledger(tmp_path), {}, logging.getLogger()).tell(_message("a"))


def test_on_a_full_disk_nothing_is_sent_and_later_it_is_sent_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was sent and could not be written down would be sent at every tick."""
    fakes, make = _fakes()

    def full(path: Path, data: bytes) -> None:
        raise StoreError(f"Could not write {path.name}: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr(teller, "write_atomically", full)
        by = Teller(BOTH, Ledger(tmp_path), {}, logging.getLogger(), make)
        assert not by.tell(_message("a"))
        assert "No space left" in by.faults["first"] and fakes["first"].tries == 0
    for _ in range(2):
        assert Teller(BOTH, Ledger(tmp_path), {}, logging.getLogger(), make).tell(_message("a"))
    assert fakes["first"].sent == fakes["second"].sent == ["a"]


def test_a_delivery_that_was_only_begun_is_made(tmp_path: Path) -> None:
    """Killed in between: whether it arrived is not known, and a repeat does less harm than silence."""
    fakes, make = _fakes()
    Ledger(tmp_path).begin("a", "first")
    assert Teller(BOTH, Ledger(tmp_path), {}, logging.getLogger(), make).tell(_message("a"))
    assert fakes["first"].sent == ["a"]


def test_a_delivery_that_cannot_be_written_down_is_said_and_holds_up_no_other(tmp_path: Path) -> None:
    fakes, make = _fakes()

    class Removed(Ledger):
        def begin(self, key: str, notifier: str) -> None:
            """Somebody removes the folder meanwhile."""

    by = Teller(BOTH, Removed(tmp_path / "gone"), {}, logging.getLogger(), make)
    assert not by.tell(_message("a"))
    assert fakes["first"].sent == fakes["second"].sent == ["a"]
    assert "may come again" in by.faults["first"]
