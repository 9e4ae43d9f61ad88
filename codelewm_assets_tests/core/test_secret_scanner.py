"""The secret scan: planted secrets are found and not repeated, digests are no secrets. Secrets are put together at run time."""

import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest

from codelewm_assets.core.secret_scanner import PLUGINS, secret_findings, secrets_in_texts
from codelewm_assets.preflight.data_rules import no_secrets
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_completion, make_problem

KEY_HEADER = "-----BEGIN " + "RSA " + "PRIVATE KEY-----"
AWS_KEY = "AKIA" + "Q3EGRNXL5XOTB7YD"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def _file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_private_key_and_an_aws_key_are_found_by_file_and_line(tmp_path: Path) -> None:
    path = _file(tmp_path, "card.md", f"# Card\n\n{KEY_HEADER}\nid = {AWS_KEY}\n")
    assert secret_findings([path]) == ["card.md:3 Private Key", "card.md:4 AWS Access Key"]


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".md", ".html", ".yaml", ".txt"])
def test_every_kind_of_text_that_is_published_is_scanned(tmp_path: Path, suffix: str) -> None:
    path = _file(tmp_path, f"file{suffix}", f'{{"key": "{AWS_KEY}"}}\n')
    assert secret_findings([path]) == [f"file{suffix}:1 AWS Access Key"]


def test_a_finding_does_not_repeat_the_secret(tmp_path: Path) -> None:
    found = secret_findings([_file(tmp_path, "a.txt", AWS_KEY)])
    assert found
    assert all(AWS_KEY not in row for row in found)


def test_digests_are_no_secrets(tmp_path: Path) -> None:
    text = f'{{"sha256": "{DIGEST}", "digest": "{DIGEST[:40]}", "token": "{DIGEST}"}}\n'
    assert (
        secret_findings([_file(tmp_path, "manifest.json", text), _file(tmp_path, "a.md", f"| x | {DIGEST} |\n")]) == []
    )


def test_a_comment_in_the_text_does_not_silence_the_scan(tmp_path: Path) -> None:
    """Programs of other people are scanned too: what they say of themselves counts for nothing."""
    text = f"id = '{AWS_KEY}'  # pragma: " + "allowlist secret\n"
    assert secret_findings([_file(tmp_path, "pack.txt", text)]) == ["pack.txt:1 AWS Access Key"]


def test_findings_come_in_order_of_files(tmp_path: Path) -> None:
    paths = [_file(tmp_path, name, AWS_KEY) for name in ("b.txt", "a.txt")]
    assert secret_findings(paths) == ["a.txt:1 AWS Access Key", "b.txt:1 AWS Access Key"]


def test_nothing_to_scan_is_nothing_found(tmp_path: Path) -> None:
    assert secret_findings([]) == []
    assert secret_findings([_file(tmp_path, "clean.md", "# Clean\n\nNothing here.\n")]) == []


LONG = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cDfG"
PLANTED = [("hf_" + LONG, "Hugging Face Token"), ("sk-" + LONG, "Secret Key"), ("ghp_" + LONG + "xy", "GitHub Token"),
           ("gho_" + LONG + "xy", "GitHub Token"), (AWS_KEY, "AWS Access Key")]  # fmt: skip


@each_case(("secret", "kind"), PLANTED)
def test_a_token_in_a_program_is_found_by_completion_and_line(secret: str, kind: str) -> None:
    problem = make_problem(0)
    clean = make_completion(problem, 0)
    planted = make_completion(problem, 1, code=f"def solve(x):\n    return '{secret}'")
    found = no_secrets([clean, planted])
    assert (found.passed, found.blocker) == (False, "secret_found")
    assert f"{planted.completion_id}:2 {kind}" in found.offenders
    assert secret not in str(found)
    assert no_secrets([clean]).passed


@pytest.mark.parametrize("secret", [secret for secret, _ in PLANTED])
def test_the_same_tokens_are_found_in_files(secret: str, tmp_path: Path) -> None:
    assert secret_findings([_file(tmp_path, "a.txt", f"x {secret} y\n")])


HEX = "0123456789abcdef"
OF_EACH_DETECTOR = [
    ("AKC" + LONG[:12], "Artifactory Credentials"),
    ("Account" + "Key=" + LONG * 2 + LONG[:18] + "==", "Azure Storage Account access key"),
    ("https://ann:" + LONG[:9] + "@host.test", "Basic Auth Credentials"),
    ("cloudant_" + 'password = "' + HEX * 4 + '"', "Cloudant Credentials"),
    ("M" + LONG[:23] + "." + LONG[:6] + "." + LONG[:27], "Discord Bot Token"),
    ("glpat" + "-" + LONG[:20], "GitLab Token"),
    ("eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0." + "c2lnbmF0dXJl", "JSON Web Token"),
    (HEX * 2 + "-us" + "12", "Mailchimp Access Key"),
    ("//registry.test/:_auth" + "Token=npm_" + LONG, "NPM tokens"),
    ("sk-" + LONG[:20] + "T3Blbk" + "FJ" + LONG[:20], "OpenAI Token"),
    ("-----BEGIN " + "OPENSSH " + "PRIVATE KEY-----", "Private Key"),
    ("pypi-" + "AgEIcHlwaS5vcmc" + LONG * 3, "PyPI Token"),
    ("SG" + "." + LONG[:22] + "." + (LONG * 2)[:43], "SendGrid API Key"),
    ("xox" + "b-123456789012-" + LONG[:24], "Slack Token"),
    ("sk" + "_live_" + LONG[:24], "Stripe Access Key"),
    ("123456789:" + LONG + "x", "Telegram Bot Token"),
    ("AC" + HEX * 2, "Twilio API Key"),
]


@each_case(("secret", "kind"), OF_EACH_DETECTOR, ids=[kind for _, kind in OF_EACH_DETECTOR])
def test_a_secret_of_each_kind_that_has_a_detector_is_found(secret: str, kind: str) -> None:
    assert f"a:1 {kind}" in secrets_in_texts({"a": secret})


def test_every_detector_has_a_secret_here() -> None:
    """AWS and GitHub stand in `PLANTED`."""
    assert len({kind for _, kind in OF_EACH_DETECTOR} | {"AWS Access Key", "GitHub Token"}) == len(PLUGINS)


def test_names_and_short_words_are_no_tokens() -> None:
    words = "half_open sk-learn ghx_short hf_name task-list-of-things-to-do self.hf_" + "1" * 10
    assert secrets_in_texts({"a": words, "b": ""}) == []


def test_a_line_in_two_texts_is_found_in_both() -> None:
    assert secrets_in_texts({"b": AWS_KEY, "a": AWS_KEY}) == ["a:1 AWS Access Key", "b:1 AWS Access Key"]


def test_a_secret_as_the_key_of_a_number_is_found_on_each_of_its_lines(tmp_path: Path) -> None:
    """Lines that say a number alone are scanned once for all numbers: their key is what is looked at."""
    lines = ["{", '  "ece": 0.25,', f'  "{AWS_KEY}": 1,', '  "ece": -3.5e-07,', f'  "{AWS_KEY}": 2', "  0.125,", "}"]
    path = _file(tmp_path, "report.json", "\n".join(lines) + "\n")
    assert secret_findings([path]) == ["report.json:3 AWS Access Key", "report.json:5 AWS Access Key"]


def test_a_secret_behind_a_number_is_found(tmp_path: Path) -> None:
    path = _file(tmp_path, "report.json", f'"ece": 0.25, "note": "{AWS_KEY}"\n"ece": 0.5, "note": "fine"\n')
    assert secret_findings([path]) == ["report.json:1 AWS Access Key"]


@pytest.mark.parametrize("form", [str, lambda value: urllib.parse.quote(value, safe="")])
def test_the_value_of_a_secret_variable_is_found_by_the_name_of_the_variable(
    form: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no pattern knows the secret, as it is or percent-encoded in a URL."""
    secret = "wörd/with+signs"
    path = _file(tmp_path, "card.md", f"# Card\nsee https://host/{form(secret)}/rows\n")
    assert secret_findings([path]) == []
    monkeypatch.setenv("MIRROR_PASSPHRASE", secret)
    assert secret_findings([path]) == ["card.md:2 Value of MIRROR_PASSPHRASE"]


PLANTED_TEXTS = [
    ("Authorization: Bearer " + LONG, "Authorization Header"),
    ("pass" + "word = 'hunter2'", "Password in Quotes"),
    ("github" + "_pat_11ABCDEFG0" + LONG, "GitHub Token"),
    ("AI" + "za" + LONG + "1", "Google API Key"),
]


@each_case(("text", "kind"), PLANTED_TEXTS)
def test_the_patterns_of_the_mask_are_findings_of_the_scan(text: str, kind: str) -> None:
    assert secrets_in_texts({"a": f"first\n{text}\n"}) == [f"a:2 {kind}"]


def test_programs_and_digests_that_speak_of_passwords_are_no_findings() -> None:
    program = "def valid(password):\n    return password == 'abc123' or check(password, key='md5')\n"
    assert secrets_in_texts({"a": program, "b": f'{{"secret_findings": ["{DIGEST}"], "key": "{DIGEST}"}}'}) == []
