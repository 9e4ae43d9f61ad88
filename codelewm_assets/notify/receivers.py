"""Receivers of notices: the log, and every service that Apprise has an address for. No error holds a secret."""

import logging
import re
from collections.abc import Mapping
from urllib.parse import quote, unquote

from codelewm_assets.core.errors import NotifyError
from codelewm_assets.core.secrets import MIN_SECRET_CHARS, masked, secret_kinds
from codelewm_assets.notify.notice import Notice

LOG = "log"
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")  # as Apprise writes them
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
PASSWORD = re.compile(r"://[^/?\s@]*:(?!\$\{)[^@/?\s]+@")
MAX_REASON_CHARS = 300


def require_receiver(text: str) -> str:
    """The receiver as a profile writes it: `log`, an Apprise URL, or `${NAME}` for one that a variable holds.

    `${NAME}` inside a URL is the variable's value, percent-encoded. Raises: ValueError: it is something else, or holds a secret.
    """
    if text != LOG and not VARIABLE.fullmatch(text) and not re.fullmatch(r"[a-z][a-z0-9+.-]*://\S+", text):
        raise ValueError(
            f"{display_name(text)!r} is no receiver; expected `log`, an Apprise URL or ${{NAME}} of a variable"
        )
    if PASSWORD.search(text) or secret_kinds(text, {}):
        raise ValueError(f"a secret stands in {display_name(text)!r}; expected ${{NAME}} of a variable in its place")
    return text


def display_name(receiver: str) -> str:
    """The receiver as in the profile: names of variables, never their values."""
    address, mark, query = receiver.partition("?")
    if "@" not in address:  # a password may hold the mark
        address, mark, query = receiver, "", ""
    return masked(PASSWORD.sub("://***@", address), {}) + mark + masked(query, {})


def deliver(receiver: str, notice: Notice, environment: Mapping[str, str], log: logging.Logger) -> None:
    """Deliver a notice.

    Raises: NotifyError: a variable is not set, its value is no address or one in the clear, or the receiver did not take it.
    """
    if receiver == LOG:
        log.error("%s\n%s", notice.title, notice.body)
        return
    from apprise import Apprise, AppriseAsset, LogCapture

    values = _values(receiver, environment)
    is_whole = VARIABLE.fullmatch(receiver) is not None
    url = VARIABLE.sub(lambda found: values[found[1]] if is_whole else quote(values[found[1]], safe=""), receiver)
    logging.getLogger("apprise").propagate = False  # what it logs may hold a part of the address
    with LogCapture(level=logging.WARNING, fmt="%(message)s") as captured:  # type: ignore[no-untyped-call]
        target = Apprise.instantiate(url, asset=AppriseAsset(app_id="codelewm_assets", http_redirects=False))
        if target is None:
            raise NotifyError("it is no Apprise URL. Correct it; `apprise --details` lists what there is.")
        schemes: str | tuple[str, ...] = target.protocol or ()
        in_the_clear = (schemes,) if isinstance(schemes, str) else schemes
        if url.partition("://")[0].lower() in in_the_clear and target.host not in (*LOOPBACK, None):
            raise NotifyError(
                "it would send in the clear to another machine. Take the encrypted scheme, such as jsons."
            )
        group = Apprise()
        group.add(target)
        if not group.notify(title=notice.title, body=notice.body):
            raise NotifyError(_reason(captured.getvalue(), values))


def _values(receiver: str, environment: Mapping[str, str]) -> dict[str, str]:
    names = VARIABLE.findall(receiver)
    if missing := [name for name in names if not environment.get(name)]:
        raise NotifyError(f"{', '.join(missing)} is not set. Set it where the code server runs.")
    return {name: environment[name] for name in names}


def _reason(captured: str, values: Mapping[str, str]) -> str:
    """Apprise's log, without any part of the variables' values."""
    parts = {part for value in values.values() for part in re.split(r"[/:@?&=+,]+", value)}
    parts |= {unquote(part) for part in parts} | set(values.values())
    secrets = {f"SECRET_{number}": part for number, part in enumerate(parts) if len(part) >= MIN_SECRET_CHARS}
    text = masked(masked(" ".join(captured.split()), secrets))
    return f"it did not take the notice: {text[-MAX_REASON_CHARS:] or 'no reason given'}"
