"""Scanning programs, and what would be published, for secrets: `detect-secrets`, and `core.secrets`.

Entropy detectors are excluded: artifacts are full of digests.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from codelewm_assets.core import secrets
from codelewm_assets.core.digests import digest_of, sha256_file
from codelewm_assets.core.secrets import secret_kinds, secret_variables, value_kinds

PLUGINS = (
    "AWSKeyDetector", "ArtifactoryDetector", "AzureStorageKeyDetector", "BasicAuthDetector", "CloudantDetector",
    "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "JwtTokenDetector",
    "MailchimpDetector", "NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector",
    "SendGridDetector", "SlackDetector", "StripeDetector", "TelegramBotTokenDetector", "TwilioKeyDetector",
)  # fmt: skip
SCANNED = (".json", ".jsonl", ".md", ".html", ".yaml", ".txt")
NUMBER = re.compile(r'(\s*(?:"[^"]*":\s*)?)-?\d[\d.eE+-]*(,?)\s*')
"""A line of a JSON report that holds a number and nothing else beside its key: only the key can be a secret."""


def scanner_version() -> str:
    """Digest of what `pattern_findings` depends on besides the texts."""
    own = [sha256_file(Path(file)) for file in (__file__, secrets.__file__)]
    return digest_of([*own, version("detect-secrets")])


def secret_findings(paths: Sequence[Path]) -> list[str]:
    """`file:line kind` of every finding in the text files among `paths`; the secret itself is not repeated."""
    named = [(path.name, path) for path in sorted(paths) if path.suffix in SCANNED]
    return _findings(((name, _lines(path)) for name, path in named), secret_variables())


def secrets_in_texts(texts: Mapping[str, str]) -> list[str]:
    """`name:line kind` of every finding, by name; the secret itself is not repeated."""
    return _findings(((name, text.splitlines()) for name, text in sorted(texts.items())), secret_variables())


def pattern_findings(texts: Mapping[str, str | Path]) -> list[str]:
    """As `secrets_in_texts`, without the values of this environment's variables, so the result depends only on the texts."""
    return _findings(_named(texts), {})


def variable_findings(texts: Mapping[str, str | Path]) -> list[str]:
    """`name:line Value of NAME` for each value of a secret variable of this environment."""
    variables = secret_variables()
    return [
        f"{name}:{number} {kind}"
        for name, lines in _named(texts)
        for number, line in enumerate(lines, 1)
        for kind in value_kinds(line, variables)
    ]


def _named(texts: Mapping[str, str | Path]) -> Iterator[tuple[str, Iterable[str]]]:
    for name, text in sorted(texts.items()):
        yield name, _lines(text) if isinstance(text, Path) else text.splitlines()


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as handle:
        yield from handle


def _findings(named: Iterable[tuple[str, Iterable[str]]], variables: Mapping[str, str]) -> list[str]:
    """`name:line kind` of every finding. Lines that differ only in a JSON number are scanned once."""
    from detect_secrets.core.scan import scan_line

    known: dict[str, list[str]] = {}
    findings = []
    with _scanner():
        for name, lines in named:
            for number, line in enumerate(lines, 1):
                bare = NUMBER.fullmatch(line)
                text = f"{bare[1]}0{bare[2]}" if bare else line
                if text not in known:
                    known[text] = sorted(
                        {secret.type for secret in scan_line(text)} | set(secret_kinds(text, variables))
                    )
                findings += [f"{name}:{number} {kind}" for kind in known[text]]
    return findings


@contextmanager
def _scanner() -> Iterator[None]:
    from detect_secrets.settings import get_settings, transient_settings

    with transient_settings({"plugins_used": [{"name": name} for name in PLUGINS]}):
        get_settings().disable_filters(
            "detect_secrets.filters.allowlist.is_line_allowlisted"
        )  # "pragma: allowlist secret"
        yield
