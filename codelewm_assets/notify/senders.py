"""The notifiers that ship: the log, a webhook, e-mail. Errors never hold a secret: neither an address's path nor a token."""

import logging
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import formatdate
from typing import assert_never
from urllib.parse import quote, urlsplit

from codelewm_assets.core.digests import sha256_text
from codelewm_assets.core.errors import NotifyError
from codelewm_assets.notify.message import Message, Notifier
from codelewm_assets.notify.settings import (
    LogSettings,
    NotifierSettings,
    SmtpSettings,
    WebhookSettings,
    require_safe_url,
)


def notifier_of(settings: NotifierSettings, environment: Mapping[str, str], log: logging.Logger) -> Notifier:
    """The notifier with its secrets. Raises: NotifyError: a variable is not set, or what it holds is no safe address."""
    if isinstance(settings, LogSettings):
        return LogNotifier(log)
    if isinstance(settings, WebhookSettings):
        url = settings.url or _secret(environment, settings.url_environment, settings.name) or ""
        try:
            require_safe_url(url)
        except ValueError as error:
            raise NotifyError(f"{settings.name}: {error}. Correct {settings.url_environment}.") from error
        return WebhookNotifier(settings, url, _secret(environment, settings.token_environment, settings.name))
    if isinstance(settings, SmtpSettings):
        return SmtpNotifier(settings, _secret(environment, settings.password_environment, settings.name))
    assert_never(settings)


def _secret(environment: Mapping[str, str], name: str | None, notifier: str) -> str | None:
    if name is None:
        return None
    if not environment.get(name):
        raise NotifyError(f"{notifier}: {name} is not set. Set it where the code server runs.")
    return environment[name]


class LogNotifier:
    """An error in the log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def send(self, message: Message) -> None:
        """Write it; a log always takes it."""
        self._log.error("%s\n%s", message.subject, message.text)


class WebhookNotifier:
    """A POST of the message as JSON, with its key as `Idempotency-Key`; `text` is what chat services show."""

    def __init__(self, settings: WebhookSettings, url: str, token: str | None) -> None:
        self._settings, self._url, self._token = settings, url, token

    def send(self, message: Message) -> None:
        """Post it. Raises: NotifyError: no answer in time, another status than 2xx, or a token that no header takes.

        A redirect is not followed.
        """
        import requests

        where = f"{self._settings.name} ({urlsplit(self._url).hostname})"
        body = message.model_dump() | {"text": f"{message.subject}\n{message.text}"}
        headers = {"Idempotency-Key": quote(message.key, safe=":/ ")}  # a header is ASCII; a key may name any file
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            answer = requests.post(
                self._url, json=body, headers=headers, timeout=self._settings.timeout_s, allow_redirects=False
            )
        except requests.RequestException as error:
            # `from None`: the error's own text holds the address
            raise NotifyError(f"{where} could not be reached ({type(error).__name__}).") from None
        except ValueError as error:  # such as UnicodeEncodeError, whose own text holds the token
            raise NotifyError(
                f"{where} could not be asked ({type(error).__name__}); a token must be plain ASCII."
            ) from None
        if not 200 <= answer.status_code < 300:
            raise NotifyError(f"{where} answered {answer.status_code}; wanted 2xx.")


class SmtpNotifier:
    """A plain-text e-mail to all recipients; its Message-ID comes of the key, so that a repeat shows as one."""

    def __init__(self, settings: SmtpSettings, password: str | None) -> None:
        self._settings, self._password = settings, password

    def send(self, message: Message) -> None:
        """Send it. Raises: NotifyError: the server refused it or all recipients, could not be reached, or not be logged in to."""
        settings = self._settings
        where = f"{settings.name} ({settings.host}:{settings.port})"
        try:
            with closing(self._connected()) as server:
                if settings.user is not None and self._password is not None:
                    server.login(settings.user, self._password)
                refused = server.send_message(self._mail(message))
                with suppress(OSError, smtplib.SMTPException):  # it is delivered, whatever the goodbye brings
                    server.quit()
        except smtplib.SMTPResponseException as error:
            raise NotifyError(f"{where} answered {error.smtp_code}.") from None
        except (OSError, smtplib.SMTPException) as error:
            raise NotifyError(f"{where} did not take the mail ({type(error).__name__}).") from None
        except ValueError as error:  # such as UnicodeEncodeError, whose own text holds the password
            raise NotifyError(
                f"{where} could not be sent the mail ({type(error).__name__}); user and password must be plain ASCII."
            ) from None
        if refused:  # the others have it: to send it again would tell them twice
            logging.getLogger(__name__).error("%s refused %s.", where, ", ".join(sorted(refused)))

    def _connected(self) -> smtplib.SMTP:
        settings, context = self._settings, ssl.create_default_context()
        if settings.security == "tls":
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout_s, context=context)
        server = smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s)
        if settings.security == "starttls":
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server

    def _mail(self, message: Message) -> EmailMessage:
        mail, settings = EmailMessage(), self._settings
        mail["From"], mail["To"], mail["Subject"] = settings.sender, ", ".join(settings.recipients), message.subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<{sha256_text(message.key)[:32]}@{settings.sender.partition('@')[2]}>"
        mail.set_content(message.text)
        return mail
