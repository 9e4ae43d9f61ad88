"""Each notice once to each receiver, whatever fails between."""

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from codelewm_assets.core.errors import NotifyError, StoreError
from codelewm_assets.notify import outbox
from codelewm_assets.notify.notice import MAX_BODY_CHARS, Notice
from codelewm_assets.notify.outbox import Outbox

BOTH = ("first://a", "second://b")


class Receivers:
    """Keep what they were sent; one that is down fails."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.down: set[str] = set()
        self.tries = 0

    def deliver(self, receiver: str, notice: Notice, environment: Mapping[str, str], log: logging.Logger) -> None:
        self.tries += 1
        if receiver in self.down:
            raise NotifyError("down")
        self.sent.append((receiver, notice.key))


@pytest.fixture
def box(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "notifications")


def _notice(key: str) -> Notice:
    return Notice(key=key, title="t", body="b")


def _send(box: Outbox, to: Receivers, receivers: tuple[str, ...] = BOTH) -> tuple[int, int, dict[str, str]]:
    return box.send(receivers, {}, logging.getLogger(), to.deliver)


def test_a_notice_is_sent_once_to_each_receiver(box: Outbox) -> None:
    to = Receivers()
    box.put(_notice("a"), BOTH)
    assert _send(box, to) == (2, 0, {})
    assert _send(box, to) == (0, 0, {})
    assert sorted(to.sent) == [("first://a", "a"), ("second://b", "a")]


def test_a_notice_that_is_put_twice_while_it_waits_is_sent_once(box: Outbox) -> None:
    to = Receivers()
    for _ in range(2):
        box.put(_notice("a"), BOTH[:1])
    _send(box, to)
    assert to.sent == [("first://a", "a")]


def test_a_receiver_that_was_down_is_sent_it_later_in_order_and_the_other_is_not_sent_it_again(box: Outbox) -> None:
    """One that fails is tried once a tick, and holds up no other."""
    to = Receivers()
    to.down = {"first://a"}
    for key in "cab":
        box.put(_notice(key), BOTH)
    assert _send(box, to) == (3, 3, {"first://a": "first://a: down"})
    assert to.tries == 4
    to.down, to.sent = set(), []
    assert _send(box, to) == (3, 0, {})
    assert to.sent == [("first://a", key) for key in "cab"]


def test_what_there_is_no_time_for_waits(box: Outbox) -> None:
    to = Receivers()
    box.put(_notice("a"), BOTH)
    assert box.send(BOTH, {}, logging.getLogger(), to.deliver, is_over=lambda: True) == (0, 2, {})
    assert _send(box, to) == (2, 0, {})


def test_what_waits_for_a_receiver_that_the_profile_names_no_more_is_deleted(box: Outbox) -> None:
    to = Receivers()
    box.put(_notice("a"), BOTH)
    assert _send(box, to, BOTH[:1]) == (1, 0, {})
    assert _send(box, to) == (0, 0, {})


def test_a_file_that_is_not_a_notice_is_named_and_blocks_no_other(box: Outbox, tmp_path: Path) -> None:
    to = Receivers()
    box.put(_notice("a"), BOTH[:1])
    (tmp_path / "notifications" / "0.notice.json").write_text("{")
    sent, waiting, faults = _send(box, to)
    assert (sent, waiting) == (1, 0)
    assert faults["0.notice.json"].endswith("0.notice.json cannot be read (ValidationError). Delete it.")


def test_on_a_full_disk_the_notice_is_refused(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise StoreError(f"Could not write {path.name}: No space left on device.")

    monkeypatch.setattr(outbox, "write_atomically", full)
    with pytest.raises(StoreError, match="No space left"):
        box.put(_notice("a"), BOTH)


def test_a_text_that_no_receiver_takes_has_marks_in_its_place(box: Outbox) -> None:
    """An error may quote bytes that are no text, as lone surrogates; it would hold up every later notice."""
    odd = Notice(key="run-\udc80", title="a\udcff\nfailed", body="found \ud800")
    assert (odd.key, odd.title, odd.body) == ("run-?", "a? failed", "found ?")
    box.put(odd, BOTH)


def test_a_long_body_is_cut_and_says_so() -> None:
    body = Notice(key="k", title="t", body="x" * (MAX_BODY_CHARS + 1)).body
    assert len(body) < MAX_BODY_CHARS + 20 and body.endswith("… (cut)")


def test_on_a_full_disk_a_notice_is_delivered_at_once_and_who_did_not_take_it_is_named(
    box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster shows a failed run to its sensor once: a notice that could not be queued would be lost."""

    def full(path: Path, data: bytes) -> None:
        raise StoreError("No space left on device.")

    taken: list[str] = []

    def deliver(receiver: str, *_: object) -> None:
        if receiver == "json://down.test":
            raise NotifyError("it did not take the notice")
        taken.append(receiver)

    monkeypatch.setattr(outbox, "write_atomically", full)
    notice, log = Notice(key="run-1", title="failed", body="why"), logging.getLogger("test")
    box.put_or_deliver(notice, ["log"], {}, log, deliver)
    assert taken == ["log"]
    with pytest.raises(NotifyError, match=r"No space left.*json://down.test: it did not take the notice"):
        box.put_or_deliver(notice, ["json://down.test", "log"], {}, log, deliver)
    assert taken == ["log", "log"]


def test_a_notice_that_is_queued_is_not_delivered_yet(box: Outbox) -> None:
    box.put_or_deliver(Notice(key="run-1", title="failed", body="why"), ["log"], {}, logging.getLogger("test"), _never)
    assert box.send([], {}, logging.getLogger("test"), _never) == (0, 0, {})


def _never(*_: object) -> None:
    raise AssertionError("nothing is delivered here")
