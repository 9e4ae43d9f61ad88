"""Figures and defaults that pages repeat are those of the settings."""

import re

import yaml

from codelewm_assets.defs.source_watch import SETTLED_AFTER_S, WATCH_MINUTE
from codelewm_assets_tests.docs.pages import DOCS, ROOT


def _figure(pattern: str) -> int:
    """The one number that the operator's page gives in a sentence."""
    text = " ".join((DOCS / "operating.md").read_text(encoding="utf-8").split())
    (found,) = re.findall(pattern, text)
    return int(found)


def test_the_operators_page_has_the_times_of_monitoring_and_of_the_watch() -> None:
    monitoring = yaml.safe_load((ROOT / "dagster.yaml").read_text(encoding="utf-8"))["run_monitoring"]
    assert _figure(r"monitoring looks every (\d+) seconds") == monitoring["poll_interval_seconds"]
    assert _figure(r"did not start within (\d+) minutes") * 60 == monitoring["start_timeout_seconds"]
    assert _figure(r"`watch_sources` looks (\d+) minutes past each hour") == WATCH_MINUTE
    assert _figure(r"written in the last (\d+) seconds") == SETTLED_AFTER_S
