"""Scanning programs, and what would be published, for secrets: `detect-secrets`, and `core.secrets`.

Entropy detectors are left out: artifacts are full of digests, which are nothing but entropy.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from codelewm_assets.core.secrets import secret_kinds, secret_variables

PLUGINS = (
    "AWSKeyDetector", "ArtifactoryDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "JwtTokenDetector",
    "MailchimpDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector",
    "SendGridDetector", "SlackDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip
SCANNED = (".json", ".jsonl", ".md", ".html", ".yaml", ".txt")
NUMBER = re.compile(r'(\s*(?:"[^"]*":\s*)?)-?\d[\d.eE+-]*(,?)\s*')
"""A line of a JSON report that holds a number and nothing else beside its key: only the key can be a secret."""


def secret_findings(paths: Sequence[Path]) -> list[str]:
    """`file:line kind` of every finding in the text files among `paths`; the secret itself is not repeated."""

    def lines_of(path: Path) -> Iterator[str]:
        with path.open(encoding="utf-8", errors="replace") as handle:
            yield from handle

    return _findings((path.name, lines_of(path)) for path in sorted(paths) if path.suffix in SCANNED)


def secrets_in_texts(texts: Mapping[str, str]) -> list[str]:
    """`name:line kind` of every finding, by name; the secret itself is not repeated."""
    return _findings((name, text.splitlines()) for name, text in sorted(texts.items()))


def _findings(named: Iterable[tuple[str, Iterable[str]]]) -> list[str]:
    """`name:line kind` of every finding. Lines that are alike but for a number that is all they say are scanned once."""
    from detect_secrets.core.scan import scan_line

    known: dict[str, list[str]] = {}
    found = []
    variables = secret_variables()
    with _scanner():
        for name, lines in named:
            for number, line in enumerate(lines, 1):
                bare = NUMBER.fullmatch(line)
                text = f"{bare[1]}0{bare[2]}" if bare else line
                if text not in known:
                    known[text] = sorted(
                        {secret.type for secret in scan_line(text)} | set(secret_kinds(text, variables))
                    )
                found += [f"{name}:{number} {kind}" for kind in known[text]]
    return found


@contextmanager
def _scanner() -> Iterator[None]:
    from detect_secrets.settings import get_settings, transient_settings

    with transient_settings({"plugins_used": [{"name": name} for name in PLUGINS]}):
        get_settings().disable_filters(
            "detect_secrets.filters.allowlist.is_line_allowlisted"
        )  # "pragma: allowlist secret"
        yield
