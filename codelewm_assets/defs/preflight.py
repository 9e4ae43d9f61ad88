"""Stage `preflight`: every rule's finding on exactly these artifacts."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from codelewm_assets.baselines.control_scores import ControlRow
from codelewm_assets.claims import prospects as prospects_of
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.findings import finding
from codelewm_assets.core.package import register_digest, versions
from codelewm_assets.core.records import Finding
from codelewm_assets.core.tables import arrow_schema, sample_rows, write_table
from codelewm_assets.defs.artifact_asset import AssetRun, Plan, artifact_asset
from codelewm_assets.defs.checks import check_of, checks_on, evaluate_rules, rule_of
from codelewm_assets.defs.inputs import AssetOutput, Inputs
from codelewm_assets.defs.ui_metadata import sample
from codelewm_assets.preflight.clearance import COVERED, REQUIRED_RULES
from codelewm_assets.preflight.report import PreflightReport
from codelewm_assets.preflight.stored_rules import verified
from codelewm_assets.store.store import Artifact


@artifact_asset(
    "preflight", kinds={"scikitlearn", "parquet"}, code_version="3", table=ControlRow,
    deps=["execution_pack", "rerank_pools", "problem_splits", "benchmark_problems", "candidate_completions", "labelled_completions",
          "library_functions"],
)  # fmt: skip
def control_scores(run: AssetRun) -> Plan:
    """Scores of every control on every scored completion and pool member, by which pools are cleared and lifts are measured."""
    inputs = run.inputs

    def make() -> AssetOutput:
        from codelewm_assets.baselines.control_scores import control_rows
        from codelewm_assets.baselines.model_controls import model_controls

        tables = inputs.pack(), inputs.pools(), inputs.splits(), inputs.prompts(), inputs.llm_order()
        library = [function.code for function in inputs.library_functions()]
        asked = {row.source_submission_id for row in inputs.pack() if row.completion_kind == "model"}
        fold = {split.problem_id: split.fold for split in inputs.splits()}
        of_models = model_controls(inputs.samples(), inputs.labelled() if asked else (), fold, asked)
        rows = control_rows(*tables, library, inputs.structure_scores(), of_models)
        count = sum(row.pool_id is None for row in rows)
        metadata = {"completion_count": count, "pool_member_count": len(rows) - count}
        return AssetOutput({"controls.parquet": write_table(rows, arrow_schema(ControlRow))}, metadata)

    def show(scores: Artifact) -> Mapping[str, Any]:
        return sample(inputs, scores, lambda: sample_rows(scores.path("controls.parquet")), ControlRow)

    return Plan(make, versions("scikit-learn"), show=show)


@artifact_asset("preflight", deps=COVERED, kinds={"json"}, code_version="7")
def preflight_report(run: AssetRun) -> Plan:
    """Every rule's finding on exactly these artifacts, and the verdict for training: clear or not."""
    inputs = run.inputs

    def make() -> AssetOutput:
        findings = evaluate_rules(inputs)
        red = [result.rule for result in findings if not result.passed]
        report = PreflightReport(
            clear=not red,
            red=tuple(red),
            judged={artifact.manifest.artifact_id: artifact.digest for artifact in run.parents()},
            folds=tuple(inputs.profile.folds),
            settings=inputs.profile.preflight_settings(),
            register_digest=register_digest(),
            claims={row.claim_id: tuple(row.reasons) for row in prospects_of.prospects(_plan(inputs))},
            findings=tuple(findings),
        )
        return AssetOutput(
            {"preflight_report.json": pretty_json(report.model_dump(mode="json"))},
            {"clear": not red, "red": red, "rule_count": len(findings), "register_digest": register_digest()},
        )

    # the rules too: a report of fewer rules must not be reused
    config = inputs.profile.preflight_settings() | versions("scikit-learn", "great-expectations")
    config |= {
        "rules": list(REQUIRED_RULES),
        "register": register_digest(),
        "critic": inputs.profile.critic.model_dump(mode="json"),
    }
    config["encoder"] = inputs.profile.training_config().encoder_may_have_seen_benchmarks
    return Plan(make, config)


def _plan(inputs: Inputs) -> prospects_of.Plan:
    """The evidence that this profile will have."""
    problems: dict[str, dict[str, set[str]]] = {"codelewm": defaultdict(set), "critic": defaultdict(set)}
    for row in inputs.control_scores():
        if row.pool_id is None or row.completion_kind == "model":
            continue
        if row.fold in inputs.profile.folds:
            problems["codelewm"][row.benchmark_id].add(row.problem_id)
        if row.benchmark_id in inputs.profile.critic.benchmarks:
            problems["critic"][row.benchmark_id].add(row.problem_id)
    return prospects_of.Plan(
        inputs.benchmark_labels(),
        {scorer: {name: len(found) for name, found in own.items()} for scorer, own in problems.items()},
        frozenset({"critic"} if inputs.profile.critic.unseen_operators else ()),
        model_problems=Counter(
            benchmark
            for benchmark, _ in {(m.benchmark_id, m.problem_id) for m in inputs.pools() if m.pool_kind == "model"}
        ),
        held_out_models=frozenset({"critic"} if inputs.profile.critic.unseen_models else ()),
        may_have_seen=inputs.profile.training_config().encoder_may_have_seen_benchmarks != "false",
    )


def preflight_is_clear(inputs: Inputs, partition: str | None) -> Finding:
    """The report is clear, covers the latest artifacts, and agrees with each rule's check."""
    report = inputs.artifact("preflight_report").read_json("preflight_report.json")
    bad = [f"red rule {rule}" for rule in report["red"]]
    bad += [
        f"{name} was rebuilt since" for name in COVERED if report["judged"].get(name) != inputs.artifact(name).digest
    ]
    if not bad:  # the findings that the checks read
        red = {result.rule for result in evaluate_rules(inputs) if not result.passed}
        bad = [f"{row['rule']} is red, the report has it green" for row in report["findings"] if row["rule"] in red]
    if not bad and report["clear"] is not True:
        bad = ["the report is not clear and names no red rule"]
    return finding(
        "preflight_is_clear",
        bad,
        blocker="preflight_not_clear",
        message="Every rule is green on the latest artifacts.",
        figures={"rules": len(report["findings"]), "red_rules": len(report["red"])},
    )


def artifacts_verify(inputs: Inputs, partition: str | None) -> Finding:
    """Every artifact of the report is stored, its manifest and files byte for byte as they were written."""
    judged = inputs.artifact("preflight_report").read_json("preflight_report.json")["judged"]
    return verified("artifacts_verify", inputs.store, list(judged.items()))


ASSETS = [control_scores, preflight_report]
CHECKS = [
    *checks_on("control_scores"),
    *(check_of(rule_of("preflight_report", rule)) for rule in (preflight_is_clear, artifacts_verify)),
]
