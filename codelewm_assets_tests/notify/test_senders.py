"""Notifiers against servers on 127.0.0.1: what arrives, what is refused, and that no error holds a secret."""

import logging
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

import pytest
from pydantic import TypeAdapter, ValidationError

from codelewm_assets.core.errors import NotifyError
from codelewm_assets.notify.message import MOST_TEXT, Message, Notifier
from codelewm_assets.notify.senders import notifier_of
from codelewm_assets.notify.settings import NotifierSettings
from codelewm_assets_tests.notify.loopback import Hook, Post, hook, post

LOG = logging.getLogger("test")
MESSAGE = Message(
    key="run-1", subject="refresh_data failed:\r\nBcc: x@y", text="a check is red", facts={"job": "refresh_data"}
)
SETTINGS: TypeAdapter[NotifierSettings] = TypeAdapter(NotifierSettings)


@pytest.fixture
def receiver() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture
def office() -> Iterator[Post]:
    with post() as found:
        yield found


def _made(environment: Mapping[str, str] | None = None, **settings: object) -> Notifier:
    return notifier_of(SETTINGS.validate_python(settings), environment or {}, LOG)


def _mail(office: Post, **changes: object) -> Notifier:
    settings = {"kind": "smtp", "host": "127.0.0.1", "port": office.port, "security": "none", "sender": "graph@lab.test",
                "recipients": ["ann@lab.test", "bo@lab.test"]}  # fmt: skip
    return _made(**settings | changes)


def test_the_log_gets_subject_and_text(caplog: pytest.LogCaptureFixture) -> None:
    _made(kind="log").send(MESSAGE)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert caplog.messages == ["refresh_data failed: Bcc: x@y\na check is red"]


def test_a_webhook_gets_the_message_as_json_with_its_key_and_token(receiver: Hook) -> None:
    _made({"TOKEN": "s3cret"}, kind="webhook", url=f"{receiver.url}/in", token_environment="TOKEN").send(MESSAGE)
    assert receiver.got == [
        {"key": "run-1", "subject": "refresh_data failed: Bcc: x@y", "facts": {"job": "refresh_data"},
         "text": "refresh_data failed: Bcc: x@y\na check is red"}
    ]  # fmt: skip
    assert receiver.headers[0]["Idempotency-Key"] == "run-1"
    assert receiver.headers[0]["Authorization"] == "Bearer s3cret"


def test_a_webhook_without_a_token_sends_none(receiver: Hook) -> None:
    _made(kind="webhook", url=receiver.url).send(MESSAGE)
    assert "Authorization" not in receiver.headers[0]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_other_than_2xx_is_not_delivered_and_no_redirect_is_followed(receiver: Hook, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(NotifyError, match=rf"webhook \(127\.0\.0\.1\) answered {status}; wanted 2xx"):
        _made(kind="webhook", url=receiver.url).send(MESSAGE)
    assert receiver.got == [] and len(receiver.paths) == 1


def test_an_error_of_a_webhook_holds_neither_address_nor_token() -> None:
    with hook() as gone:
        url = f"{gone.url}/services/T0/hidden"
    made = _made({"URL": url, "TOKEN": "s3cret"}, kind="webhook", url_environment="URL", token_environment="TOKEN")
    with pytest.raises(
        NotifyError, match=r"webhook \(127\.0\.0\.1\) could not be reached \(ConnectionError\)"
    ) as caught:
        made.send(MESSAGE)
    assert "hidden" not in str(caught.value) and "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("address", "fault"),
    [("ftp://a/hidden", "is no http"), ("http://a.test/hidden", "plain http to a.test; wanted https")],
)
def test_an_address_from_the_environment_is_judged_and_not_repeated(address: str, fault: str) -> None:
    with pytest.raises(NotifyError, match=rf"{fault}.* Correct URL\.") as caught:
        _made({"URL": address}, kind="webhook", url_environment="URL")
    assert "hidden" not in str(caught.value)


def test_a_secret_that_is_not_set_is_named(receiver: Hook) -> None:
    with pytest.raises(NotifyError, match=r"webhook: TOKEN is not set\."):
        _made(kind="webhook", url=receiver.url, token_environment="TOKEN")


def test_mail_goes_to_every_recipient_with_one_line_as_subject(office: Post) -> None:
    _mail(office).send(MESSAGE)
    (mail,) = office.mails
    assert office.recipients == [["ann@lab.test", "bo@lab.test"]]
    assert (mail["From"], mail["To"]) == ("graph@lab.test", "ann@lab.test, bo@lab.test")
    assert mail["Subject"] == "refresh_data failed: Bcc: x@y" and mail["Bcc"] is None
    assert str(mail.get_payload()).strip() == "a check is red"


def test_the_same_message_has_the_same_message_id(office: Post) -> None:
    for _ in range(2):
        _mail(office).send(MESSAGE)
    _mail(office).send(MESSAGE.model_copy(update={"key": "run-2"}))
    first, again, other = (mail["Message-ID"] for mail in office.mails)
    assert first == again != other


def test_mail_that_is_refused_is_not_delivered(office: Post) -> None:
    office.data_answer = "451 later"
    with pytest.raises(NotifyError, match=r"smtp \(127\.0\.0\.1:\d+\) answered 451\."):
        _mail(office).send(MESSAGE)


def test_mail_that_all_recipients_are_refused_is_not_delivered(office: Post) -> None:
    office.refused = {"ann@lab.test", "bo@lab.test"}
    with pytest.raises(NotifyError, match=r"did not take the mail \(SMTPRecipientsRefused\)"):
        _mail(office).send(MESSAGE)


def test_one_refused_recipient_is_logged_and_the_others_are_not_told_twice(
    office: Post, caplog: pytest.LogCaptureFixture
) -> None:
    office.refused = {"bo@lab.test"}
    _mail(office).send(MESSAGE)
    assert office.recipients == [["ann@lab.test"]]
    assert any("refused bo@lab.test" in message for message in caplog.messages)


def test_mail_counts_as_delivered_when_only_the_goodbye_fails(office: Post) -> None:
    office.quit_answer = "421 gone"
    _mail(office).send(MESSAGE)
    assert len(office.mails) == 1


def test_mail_is_not_sent_in_the_clear_when_encryption_was_asked_for(office: Post) -> None:
    """The server offers no STARTTLS."""
    with pytest.raises(NotifyError, match=r"did not take the mail \(SMTPNotSupportedError\)"):
        _mail(office, security="starttls").send(MESSAGE)
    assert office.mails == []


def test_a_text_that_no_mail_takes_is_sent_with_marks_in_its_place(office: Post, receiver: Hook) -> None:
    """An error may quote bytes that are no text, as lone surrogates; it would hold up every later message."""
    odd = Message(key="run-\udc80", subject="a\udcff failed", text="found \ud800", facts={"file": "\udc80"})
    _mail(office).send(odd)
    _made(kind="webhook", url=receiver.url).send(odd)
    (mail,) = office.mails
    assert (mail["Subject"], str(mail.get_payload()).strip()) == ("a? failed", "found ?")
    assert receiver.got[0]["facts"] == {"file": "?"}
    assert odd.model_dump_json()  # a cursor holds messages


def test_a_key_beyond_ascii_is_escaped_in_its_header(receiver: Hook) -> None:
    key = "source:данные.jsonl:missing"
    _made(kind="webhook", url=receiver.url).send(MESSAGE.model_copy(update={"key": key}))
    assert unquote(receiver.headers[0]["Idempotency-Key"]) == key == receiver.got[0]["key"]


def test_a_password_or_token_beyond_ascii_is_a_fault_of_the_notifier_and_is_not_repeated(
    office: Post, receiver: Hook
) -> None:
    environment = {"SECRET": "пароль"}
    mail = {"kind": "smtp", "host": "127.0.0.1", "port": office.port, "security": "none", "sender": "graph@lab.test",
            "recipients": ["ann@lab.test"], "user": "graph", "password_environment": "SECRET"}  # fmt: skip
    with pytest.raises(
        NotifyError, match=r"smtp .* \(UnicodeEncodeError\); user and password must be plain"
    ) as of_mail:
        _made(environment, **mail).send(MESSAGE)
    hook_settings = {"kind": "webhook", "url": receiver.url, "token_environment": "SECRET"}
    with pytest.raises(NotifyError, match=r"webhook .* \(UnicodeEncodeError\); a token must be plain") as of_hook:
        _made(environment, **hook_settings).send(MESSAGE)
    assert not any("пароль" in str(caught.value) for caught in (of_mail, of_hook))
    assert all(caught.value.__suppress_context__ for caught in (of_mail, of_hook))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"kind": "pager"}, "does not match any of the expected tags"),
        ({"kind": "webhook"}, "wanted one of url and url_environment"),
        (
            {"kind": "webhook", "url": "http://127.0.0.1", "url_environment": "URL"},
            "wanted one of url and url_environment",
        ),
        ({"kind": "webhook", "url": "http://hooks.test/in"}, "plain http to hooks.test; wanted https"),
        ({"kind": "webhook", "url": "https://a.test", "token": "s3cret"}, "Extra inputs are not permitted"),
        ({"kind": "webhook", "url": "https://a.test", "timeout_s": 60}, "less than or equal to 20"),
        ({"kind": "smtp", "user": "graph"}, "wanted both or neither"),
        ({"kind": "smtp", "user": "graph", "password_environment": "PASSWORD", "security": "none"}, "in the clear"),
        ({"kind": "smtp", "password": "s3cret"}, "Extra inputs are not permitted"),
        ({"kind": "smtp", "recipients": []}, "at least 1 item"),
        ({"kind": "smtp", "recipients": ["nobody"]}, "should match pattern"),
    ],
)
def test_faulty_settings_are_refused(settings: dict[str, object], fault: str) -> None:
    """No secret can stand in a profile: there is no key for one."""
    whole = {"host": "mail.test", "port": 25, "sender": "a@lab.test", "recipients": ["b@lab.test"]}
    with pytest.raises(ValidationError, match=fault):
        SETTINGS.validate_python((whole if settings["kind"] == "smtp" else {}) | settings)


def test_a_long_text_is_cut_and_says_so() -> None:
    text = Message(key="k", subject="s", text="x" * (MOST_TEXT + 1)).text
    assert len(text) < MOST_TEXT + 20 and text.endswith("… (cut)")
