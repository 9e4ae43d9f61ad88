"""Scanning what would be published for secrets, with `detect-secrets`.

Entropy detectors are left out: artifacts are full of digests, which are nothing but entropy.
"""

from collections.abc import Sequence
from pathlib import Path

PLUGINS = (
    "AWSKeyDetector",
    "ArtifactoryDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
SCANNED = (".json", ".jsonl", ".md", ".html", ".yaml", ".txt")


def secret_findings(paths: Sequence[Path]) -> list[str]:
    """`file:line kind` of every finding in the text files among `paths`; the secret itself is not repeated."""
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import get_settings, transient_settings

    found = []
    with transient_settings({"plugins_used": [{"name": name} for name in PLUGINS]}):
        get_settings().disable_filters(
            "detect_secrets.filters.allowlist.is_line_allowlisted"
        )  # "pragma: allowlist secret"
        for path in sorted(paths):
            if path.suffix in SCANNED:
                found += [f"{path.name}:{secret.line_number} {secret.type}" for secret in scan_file(str(path))]
    return found
