"""Receivers against servers on 127.0.0.1: what arrives, what is refused, and that no error holds a secret."""

import io
import logging
from collections.abc import Iterator, Mapping

import pytest

from codelewm_assets.core.errors import NotifyError
from codelewm_assets.notify.notice import Notice
from codelewm_assets.notify.receivers import deliver, display_name, require_receiver
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.notify.loopback import Hook, Post, hook, post
from codelewm_assets_tests.tiers import slow

LOG = logging.getLogger("test")
NOTICE = Notice(key="run-1", title="refresh_data failed:\r\nBcc: x@y", body="a check is red")


@pytest.fixture
@slow
def receiver() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture
@slow
def office() -> Iterator[Post]:
    with post() as found:
        yield found


def _deliver(receiver: str, environment: Mapping[str, str] | None = None) -> None:
    deliver(require_receiver(receiver), NOTICE, environment or {}, LOG)


def test_the_log_gets_title_and_body(caplog: pytest.LogCaptureFixture) -> None:
    _deliver("log")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert caplog.messages == ["refresh_data failed: Bcc: x@y\na check is red"]


def test_a_webhook_gets_the_notice_as_json_and_the_token_of_a_variable(receiver: Hook) -> None:
    _deliver(f"{receiver.apprise_url}/in?+Authorization=Bearer%20${{TOKEN}}", {"TOKEN": "s3/cr+t"})
    (body,) = receiver.got
    assert (body["title"], body["message"]) == ("refresh_data failed: Bcc: x@y", "a check is red")
    assert receiver.headers[0]["Authorization"] == "Bearer s3/cr+t"


def test_a_variable_may_hold_the_whole_address(receiver: Hook) -> None:
    _deliver("${HOOK}", {"HOOK": f"{receiver.apprise_url}/services/T0"})
    assert len(receiver.got) == 1 and receiver.paths[0].startswith("/services/T0")


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_may_be_named_in_the_clear_under_each_of_its_names(address: str) -> None:
    """Nobody listens on port 1: the refusal to send in the clear would come before."""
    with pytest.raises(NotifyError, match="did not take the notice"):
        _deliver(f"json://{address}:1/in")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_other_than_2xx_is_not_delivered_and_no_redirect_is_followed(receiver: Hook, status: int) -> None:
    receiver.answers = [status]
    with pytest.raises(NotifyError, match=rf"did not take the notice: .*error={status}"):
        _deliver(receiver.apprise_url)
    assert receiver.got == [] and len(receiver.paths) == 1


def test_mail_goes_to_the_recipients_with_one_line_as_subject(office: Post) -> None:
    _deliver(f"mailto://127.0.0.1:{office.port}?from=graph@lab.test&to=ann@lab.test,bo@lab.test")
    assert sorted(to for own in office.recipients for to in own) == ["ann@lab.test", "bo@lab.test"]
    assert office.mails[0]["Subject"] == "refresh_data failed: Bcc: x@y" and office.mails[0]["Bcc"] is None


def test_mail_that_is_refused_is_not_delivered(office: Post) -> None:
    office.data_answer = "451 later"
    with pytest.raises(NotifyError, match="did not take the notice"):
        _deliver(f"mailto://127.0.0.1:{office.port}?from=graph@lab.test&to=ann@lab.test")


@pytest.mark.parametrize(
    "receiver",
    ["${HIDDEN}", "json://127.0.0.1:1/${HIDDEN_PART}", "json://ann:${HIDDEN_PART}@127.0.0.1:1"],
)
def test_an_error_holds_no_part_of_a_variables_value(receiver: str, logged: io.StringIO) -> None:
    environment = {
        "HIDDEN": "json://ann:sekrit-word@127.0.0.1:1/hidden-path?+X=sekrit-head",
        "HIDDEN_PART": "sekrit-пароль",
    }
    with pytest.raises(NotifyError) as caught:
        _deliver(receiver, environment)
    said = f"{caught.value} {caught.value.__cause__} {caught.value.__context__} {logged.getvalue()}"
    assert not [word for word in ("sekrit", "hidden-path", "пароль") if word in said]


@pytest.mark.parametrize("url", ["json://hooks.test/hidden", "mailto://mail.test?from=a@b.test&to=c@d.test"])
def test_nothing_goes_in_the_clear_to_another_machine(url: str) -> None:
    with pytest.raises(NotifyError, match=r"in the clear to another machine\. Take the encrypted scheme") as caught:
        _deliver("${HOOK}", {"HOOK": url})
    assert "hidden" not in str(caught.value)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What reaches the handlers of the process. (caplog's is on every logger.)"""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


def test_a_variable_that_is_not_set_and_an_address_that_is_none_are_named(logged: io.StringIO) -> None:
    with pytest.raises(NotifyError, match=r"HOOK is not set\. Set it where the code server runs"):
        _deliver("${HOOK}")
    with pytest.raises(NotifyError, match="it is no Apprise URL"):
        _deliver("${HOOK}", {"HOOK": "carrier-pigeon://sekrit-loft/in"})
    assert "sekrit" not in logged.getvalue()


@each_case(
    ("text", "fault"),
    [
        ("webhook", "'webhook' is no receiver; expected `log`, an Apprise URL or"),
        ("$HOOK", "is no receiver"),
        ("mailtos://graph:s3cret@mail.test?to=a@b.test", r"a secret stands in 'mailtos://\*\*\*@"),
        ("jsons://a.test/ghp_0123456789abcdefghijABCDEFGHIJ012345", "a secret stands in"),
    ],
)
def test_faulty_receivers_are_refused_and_a_secret_in_one_is_not_repeated(text: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault) as caught:
        require_receiver(text)
    assert "s3cret" not in str(caught.value) and "ghp_" not in str(caught.value)


def test_what_is_shown_of_a_receiver_names_variables() -> None:
    assert display_name("jsons://hooks.test/${HOOK_PATH}") == "jsons://hooks.test/${HOOK_PATH}"
    mail = "mailto://someone:${PW}@mail.test:25?from=a@b.test&to=c@d.test"
    assert display_name(mail) == "mailto://***@mail.test:25?from=a@b.test&to=c@d.test"
    assert "pa?ss" not in display_name("mailto://someone:pa?ss@mail.test")
