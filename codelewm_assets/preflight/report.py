"""`preflight_report.json`: the verdict for training."""

from typing import Literal

from pydantic import JsonValue

from codelewm_assets.core.records import Finding, Record


class PreflightReport(Record):
    """Every rule's finding on exactly the artifacts named, and the verdict."""

    schema_version: Literal["codelewm.preflight_report.v1"] = "codelewm.preflight_report.v1"
    clear: bool  # no rule is red
    red: tuple[str, ...]  # rules that are
    judged: dict[str, str]  # artifact id → digest
    folds: tuple[int, ...]  # that training may use
    settings: dict[str, JsonValue]  # of the profile, under which rules judged
    register_digest: str  # of the register of gates and claims that training is preregistered under
    claims: dict[str, tuple[str, ...]]  # claim → why it cannot open, whatever is measured
    findings: tuple[Finding, ...]  # one a rule
