"""Patterns of secrets, names of environment variables that hold one, and the mask of both. Standard library only.

Scanning files for secrets is `core.secret_scanner`.
"""

import os
import re
from collections.abc import Mapping
from functools import lru_cache

SECRET_NAME = re.compile(
    r"TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|KEY|CREDENTIALS?$|(?<!COM)PAT$|_(?:PASS|PWD)$", re.IGNORECASE
)
"""Names of environment variables that hold a secret. PATH, PWD and COMPAT are no such names."""
MIN_SECRET_CHARS = 6  # shorter values, such as those of switches, occur in ordinary messages
MIN_SCANNED_CHARS = 8
PLAIN_WORD = re.compile(r"[A-Za-z]+|[\d.]+")  # as the password of a test database: occurs in ordinary programs
USER_IN_URL = re.compile(r"(?<=://)[^/\s]+(?=@)")  # a password may hold an @: the last one counts
MASK = "***"

START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"  # of a token: also after an escaped line break or tab, as in JSON
SECRET_FIELD = (
    r"(?i:passw(?:or)?d|passphrase|pwd|secret|(?:api|access|private|secret|account|auth)_?key|"
    r"(?:access|auth|api)_?token)"
)
TOKENS: Mapping[str, re.Pattern[str]] = {
    "Hugging Face Token": re.compile(START + r"hf_[A-Za-z0-9]{30,}"),
    "Secret Key": re.compile(START + r"sk-(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{20,}"),
    "GitHub Token": re.compile(START + r"(?:gh[a-z]_[A-Za-z0-9]{30,}|github_pat_(?=[A-Za-z_]*\d)[A-Za-z0-9_]{22,})"),
    "Google API Key": re.compile(START + r"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    "Authorization Header": re.compile(
        r"(?i:\bbearer|\bauthorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:basic|token))(?:\s|%20)+"
        r"(?P<secret>(?=[A-Za-z._~+/-]*[\d=])[\w.~+/-]{8,}=*)"
    ),
    "Password in Quotes": re.compile(
        SECRET_FIELD + r"(?:\\?[\"'])?\]?\s*(?::\s*[\w.|\[\] ]{1,40})?(?:=>|:=|:|=(?!=))\s*"
        r"(?P<quote>\\?[\"'`])(?![<{$%*])(?=[^\s\"'`\\]*[A-Za-z])(?=[^\s\"'`\\]*[\d!@#$%^&*+=?~])"
        r"(?P<secret>[^\s\"'`\\]{6,})(?P=quote)"
    ),
    "Password": re.compile(
        SECRET_FIELD + r"=(?![<{$%*=])(?=[^\s\"'`\\&;,]*[A-Za-z])(?=[^\s\"'`\\&;,]*\d)"
        r"(?P<secret>[^\s\"'`\\&;,()\[\]{}<>.]{6,})(?=[\s&;]|$)"
    ),
}
"""Kind → pattern of what `detect-secrets` 1.5 does not know, knows in an older shape only, or finds in ordinary programs.

The group `secret`, where there is one, is the secret; otherwise the whole match is. Values of passwords have a letter and a
digit or sign, and are not a placeholder such as `<password>`, `{password}`, `$PASSWORD` or `%s`.
"""


def secret_variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Variables that are named as secrets, those with short values excluded.

    Args:
        environment: None: the process's own, as it is now.
    """
    variables = os.environ if environment is None else environment
    return {
        name: value for name, value in variables.items() if len(value) >= MIN_SECRET_CHARS and SECRET_NAME.search(name)
    }


def secret_kinds(text: str, variables: Mapping[str, str]) -> list[str]:
    """The kind of each pattern that the text matches, and `Value of NAME` for each variable's value in it.

    Args:
        variables: of `secret_variables`. Values shorter than `MIN_SCANNED_CHARS`, and those that are one word or number, are
            not looked for: they occur in ordinary text.
    """
    return [kind for kind, pattern in TOKENS.items() if pattern.search(text)] + value_kinds(text, variables)


def value_kinds(text: str, variables: Mapping[str, str]) -> list[str]:
    """`Value of NAME` for each variable whose value is in the text, with the exceptions of `secret_kinds`."""
    return [
        f"Value of {name}"
        for name, value in variables.items()
        if len(value) >= MIN_SCANNED_CHARS and not PLAIN_WORD.fullmatch(value) and _encodings(value).search(text)
    ]


def masked(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text without secrets: values of `secret_variables`, `TOKENS`, and users and passwords in URLs.

    Args:
        environment: None: the process's own, as it is now.
    """
    for secret in sorted(set(secret_variables(environment).values()), key=len, reverse=True):
        text = _encodings(secret).sub(MASK, text)
    text = USER_IN_URL.sub(MASK, text)
    for pattern in TOKENS.values():
        text = pattern.sub(_without_secret, text)
    return text


def _without_secret(match: re.Match[str]) -> str:
    secret = match.groupdict().get("secret", match[0])
    return match[0].replace(secret, MASK)


@lru_cache(maxsize=256)
def _encodings(value: str) -> re.Pattern[str]:
    """Matches the value as it is and percent-encoded, whichever of its characters an encoder escapes."""

    def either(char: str) -> str:
        escaped = "".join(f"%{byte:02x}" for byte in char.encode(errors="surrogateescape"))
        return f"(?:{re.escape(char)}|(?i:{escaped}){'|[+]' if char == ' ' else ''})"

    return re.compile("".join(map(either, value)))


OF_FILES = ("strerror", "filename", "filename2")  # what the text of an OSError is made of


def without_secrets(error: BaseException) -> BaseException:
    """The error, its texts masked in place; one of another kind in its place where they cannot be changed."""
    return _masked(error, {})


def _masked(error: BaseException, done: dict[int, BaseException]) -> BaseException:
    if id(error) in done:
        return done[id(error)]
    done[id(error)] = error
    error.args = tuple(masked(part) if isinstance(part, str) else part for part in error.args)
    for name in {*vars(error), *(OF_FILES if isinstance(error, OSError) else ())} - {"__notes__"}:
        value = getattr(error, name, None)
        if isinstance(value, str) and masked(value) != value:
            setattr(error, name, masked(value))
    if notes := getattr(error, "__notes__", None):
        notes[:] = [masked(str(note)) for note in notes]
    found = error
    if masked(str(error)) != str(error):
        found = RuntimeError(f"{type(error).__name__}: {masked(str(error))}").with_traceback(error.__traceback__)
        found.__cause__, found.__context__ = error.__cause__, error.__context__
        found.__suppress_context__ = error.__suppress_context__
        done[id(error)] = found
    is_suppressed = found.__suppress_context__
    if found.__cause__ is not None:
        found.__cause__ = _masked(found.__cause__, done)
    if found.__context__ is not None:
        found.__context__ = _masked(found.__context__, done)
    found.__suppress_context__ = is_suppressed  # which setting a cause turns on
    return found
