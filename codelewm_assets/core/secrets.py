"""Patterns of secrets, the rule which environment variables hold one, and the mask of both. Standard library only.

Scanning files for secrets is `preflight.secrets`.
"""

import os
import re
from collections.abc import Mapping

SECRET_NAME = re.compile(r"TOKEN|PASSWORD|SECRET|KEY", re.IGNORECASE)
SHORTEST_SECRET = 6  # characters; shorter values, such as those of switches, stand in every other message
USER_IN_URL = re.compile(r"(?<=://)[^/\s]+(?=@)")  # a password may hold an @: the last one counts
MASK = "***"

TOKENS: Mapping[str, re.Pattern[str]] = {
    "Hugging Face Token": re.compile(r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,}"),
    "Secret Key": re.compile(r"(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,}"),
    "GitHub Token": re.compile(r"(?<![A-Za-z0-9])gh[a-z]_[A-Za-z0-9]{30,}"),
}
"""Kind → pattern of tokens that `detect-secrets` 1.5 does not know, or knows in an older shape only."""


def masked(text: str, environment: Mapping[str, str] | None = None) -> str:
    """The text without values of variables that are named as secrets, and without users and passwords in URLs.

    Args: environment: None: the process's own, as it is now.
    """
    variables = os.environ if environment is None else environment
    secrets = {v for name, v in variables.items() if len(v) >= SHORTEST_SECRET and SECRET_NAME.search(name)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return USER_IN_URL.sub(MASK, text)
