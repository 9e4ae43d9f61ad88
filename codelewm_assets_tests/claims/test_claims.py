"""Which claims open, on what; and what the stage may import."""

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import codelewm_assets.claims
from codelewm_assets.claims import register
from codelewm_assets.claims.gate_rules import SEED_GATES
from codelewm_assets.claims.gates import GATES, evaluate_claims
from codelewm_assets.claims.register import CLAIMS, GATE_RULES, Threshold
from codelewm_assets.claims.verdicts import ClaimGates, ClaimResult
from codelewm_assets.core.ids import ABLATIONS, BENCHMARKS, MODEL_CONTROLS, SEEDS
from codelewm_assets.evaluation.reports import Lift, RerankReport
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.claims.evidence import (
    STAND_IN,
    calibration,
    collapse,
    difference,
    equivalent,
    gates_of,
    integrity,
    nothing_known,
    probe,
    record_calibration,
    rerank,
    rerank_of,
    retrieval,
    state_of,
    surprise,
    target,
    transfer,
    with_rerank,
    with_scorer,
)
from codelewm_assets_tests.claims.evidence import category as decoys
from codelewm_assets_tests.claims.register_tables import BEGIN, END, PAGE, register_tables
from codelewm_assets_tests.marked_section import with_section

WHOLE = "improves_reranking"
BELOW_LM = Lift(points=-9.7, ci95=(-12.0, -1.0))


def critic_worse(benchmark: str) -> RerankReport:
    """The critic's rerank report, saturated on one benchmark."""
    report = rerank_of("critic")
    changed = report.benchmarks[benchmark].model_copy(update={"saturated": True})
    return report.model_copy(update={"benchmarks": report.benchmarks | {benchmark: changed}})


FAULTS: dict[str, dict[str, Any]] = {
    "collapse": {"collapse": collapse(effective_rank_ratio=0.1)},
    "retrieval": {"retrieval": retrieval(mrr=0.0)},
    "surprise": {"surprise": surprise(mutation=decoys(0.5))},
    "probe": {"probe": probe(target(0.0))},
    "calibration": {"calibration": calibration(error=0.5, **{name: difference() for name in ABLATIONS})},
    "rerank:humaneval": with_rerank("humaneval", rerank("humaneval", points=0.0)),
    "rerank:mbpp_plus": with_rerank("mbpp_plus", rerank("mbpp_plus", points=0.0)),
    "contamination": {"collapse": collapse(encoder_may_have_seen_benchmarks="unknown")},
    "action_use": {"record_calibration": record_calibration(difference(0.0))},
    "unseen_operators": with_scorer("codelewm", transfer=transfer(mean_lift=BELOW_LM)),
    "equivalent_edits": with_scorer("codelewm", transfer=transfer(equivalent=equivalent(0.64))),
    "model_programs": with_scorer("codelewm", unseen_model_rerank=rerank_of("p_pass", MODEL_CONTROLS, saturated=True)),
    "critic:calibration": with_scorer("critic", calibration=calibration(error=0.5, score="critic")),
    **{f"critic:rerank:{name}": with_scorer("critic", rerank=critic_worse(name)) for name in BENCHMARKS},
    "critic:unseen_operators": with_scorer("critic", transfer=transfer(mean_lift=BELOW_LM)),
    "critic:equivalent_edits": with_scorer("critic", transfer=transfer(equivalent=equivalent(0.64))),
    "critic:model_programs": with_scorer(
        "critic", unseen_model_rerank=rerank_of("critic", MODEL_CONTROLS, saturated=True)
    ),
}


def _failing(*gates: str) -> ClaimGates:
    """Good evidence but for these gates."""
    changes = {key: value for gate in gates if gate != "integrity" for key, value in FAULTS[gate].items()}
    return gates_of({1729: changes}, evidence=integrity(secret_findings=["x"]) if "integrity" in gates else None)


def _status(found: ClaimGates) -> dict[str, str]:
    return {claim.claim_id: claim.status for claim in found.claims}


def _claim(found: ClaimGates, claim_id: str) -> ClaimResult:
    return next(claim for claim in found.claims if claim.claim_id == claim_id)


def test_every_claim_is_open_when_every_gate_holds() -> None:
    assert set(_status(gates_of()).values()) == {"OPEN"}
    assert all(claim.reasons == () for claim in gates_of().claims)


def test_every_claim_is_closed_without_evidence_and_says_why() -> None:
    found = nothing_known()
    assert [claim.claim_id for claim in found.claims] == [claim.claim_id for claim in CLAIMS]
    assert {claim.status for claim in found.claims} == {"CLOSED"}
    for claim in found.claims:
        assert {reason.code for reason in claim.reasons} == {"evidence_missing"}


@each_case("gate", GATES)
def test_a_failing_gate_closes_exactly_the_claims_that_need_it(gate: str) -> None:
    found = _failing(gate)
    assert [g.gate for g in found.gates if g.state != "HOLDS"] == [gate]
    closed = {claim_id for claim_id, status in _status(found).items() if status == "CLOSED"}
    assert closed == {claim.claim_id for claim in CLAIMS if gate in claim.gates}


@each_case(
    "gate",
    [
        "rerank:humaneval",
        "rerank:mbpp_plus",
        "collapse",
        "retrieval",
        "calibration",
        "action_use",
        "contamination",
        "model_programs",
        "integrity",
    ],
)
def test_improves_reranking_needs_both_benchmarks_and_each_supporting_gate(gate: str) -> None:
    claim = _claim(_failing(gate), WHOLE)
    assert claim.status == "CLOSED"
    state = "UNDECIDED" if gate == "contamination" else "FAILS"
    assert all(reason.detail.startswith(f"{gate} {state}: ") for reason in claim.reasons)


@pytest.mark.parametrize(("gates", "status"), [(("probe",), "OPEN"), (("surprise",), "OPEN"),
                                               (("probe", "surprise"), "CLOSED")])  # fmt: skip
def test_improves_reranking_needs_one_of_probe_and_surprise(gates: tuple[str, ...], status: str) -> None:
    assert _claim(_failing(*gates), WHOLE).status == status


@pytest.mark.parametrize("seed", SEEDS)
def test_one_seed_without_evidence_closes_improves_reranking(seed: int) -> None:
    found = gates_of({seed: {"rerank": None}})
    claim = _claim(found, WHOLE)
    assert claim.status == "CLOSED"
    assert f"rerank:humaneval UNDECIDED: seed {seed}: The rerank report of p_pass is missing." in [
        r.detail for r in claim.reasons
    ]


def test_a_stand_in_closes_every_claim_but_those_of_humaneval_alone_and_of_the_weights() -> None:
    """All gates but that of the stand-in's own reranking hold."""
    report = rerank("mbpp_plus", benchmark_label=STAND_IN["mbpp_plus"])
    found = gates_of({seed: with_rerank("mbpp_plus", report) for seed in SEEDS}, labels=STAND_IN)
    is_open = {claim_id for claim_id, status in _status(found).items() if status == "OPEN"}
    assert is_open == {
        "improves_reranking_on_humaneval", "codelewm_tells_known_bugs_on_humaneval", "critic_tells_known_bugs_on_humaneval",
        "is_non_collapsed",
    }  # fmt: skip
    for claim in found.claims:
        assert claim.status == "OPEN" or "benchmark_is_a_stand_in" in {reason.code for reason in claim.reasons}


def test_only_the_claims_on_programs_that_models_wrote_speak_of_completions() -> None:
    for claim in CLAIMS:
        of_programs = any(gate.endswith("model_programs") for gate in claim.gates)
        assert of_programs == any("ompletions" in wording for wording in claim.wordings)
        assert of_programs == claim.reach.startswith("programs that models wrote")


def test_claims_on_generated_bugs_name_their_scorer_and_what_it_reads() -> None:
    named = [claim for claim in CLAIMS if claim.reach.startswith("generated bugs")]
    assert len(named) == 2 * (len(BENCHMARKS) + 2)
    for claim in named:
        assert claim.sentence.startswith(
            (
                "CodeLeWM, which reads a prompt, a program and an input,",
                "The critic, which reads a program and its prompt,",
            )
        )
        of_unseen = "unseen operators" in claim.sentence
        assert of_unseen == any(gate.endswith("unseen_operators") for gate in claim.gates)


def test_what_holds_for_codelewm_opens_nothing_of_the_critic() -> None:
    found = gates_of({seed: {"scorers": {}} for seed in SEEDS})
    is_open = {claim_id for claim_id, status in _status(found).items() if status == "OPEN"}
    assert not {claim_id for claim_id in is_open if claim_id.startswith("critic")}
    assert {"codelewm_tells_known_bugs", "codelewm_tells_known_bugs_on_humaneval"} <= is_open
    assert not {"improves_reranking", "codelewm_tells_unseen_bugs"} & is_open


def test_a_stand_in_label_alone_closes_claims_whose_gates_all_hold() -> None:
    found = gates_of(labels=STAND_IN)
    claim = _claim(found, "p_pass_is_calibrated")
    assert state_of(found, "calibration") == "HOLDS"
    assert claim.status == "CLOSED"
    assert [r.code for r in claim.reasons] == ["benchmark_is_a_stand_in"]
    assert claim.reasons[0].detail.startswith("mbpp_plus (stand-in): ")


def test_a_claim_on_a_gate_that_was_not_judged_is_an_error() -> None:
    with pytest.raises(KeyError, match="rerank:humaneval"):
        evaluate_claims({}, {})


def test_every_claim_needs_integrity_and_gates_that_exist() -> None:
    for claim in CLAIMS:
        assert "integrity" in claim.gates
        assert set(claim.gates) | set(claim.any_of) <= set(GATES)
    assert len({claim.claim_id for claim in CLAIMS}) == len(CLAIMS)


def _thresholds() -> list[Threshold]:
    found = [value for value in vars(register).values() if isinstance(value, Threshold)]
    return found + list(register.SURPRISE_AUC.values())


def test_every_threshold_names_its_source_and_the_day_it_was_fixed() -> None:
    assert len(_thresholds()) >= 12
    assert all(len(threshold.source) > 10 for threshold in _thresholds())
    assert all(date.fromisoformat(threshold.fixed_on) for threshold in _thresholds())


def test_every_threshold_belongs_to_a_gate() -> None:
    used = [threshold for rule in GATE_RULES for _, threshold in rule.thresholds]
    assert all(any(threshold is found for found in used) for threshold in _thresholds())


def test_every_gate_that_is_judged_has_a_rule_and_every_rule_a_function() -> None:
    assert set(GATES) == {*SEED_GATES, "integrity"}
    assert all(set(rule.seeds) == (set() if rule.name == "integrity" else set(SEEDS)) for rule in GATE_RULES)
    assert all(rule.rule.endswith(".") and rule.benchmarks for rule in GATE_RULES)


def test_no_wording_belongs_to_two_claims() -> None:
    wordings = [wording for claim in CLAIMS for wording in claim.wordings]
    assert len(set(wordings)) == len(wordings)
    assert all(claim.sentence == claim.wordings[0] for claim in CLAIMS)


def test_the_tables_of_the_docs_page_are_those_of_the_register() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_section(page, BEGIN, END, register_tables()), (
        "The register changed. Review the change, then run `make flow`."
    )
    assert register_tables() in page


def _imports() -> Iterator[tuple[str, str]]:
    folder = Path(codelewm_assets.claims.__file__).parent
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                yield path.name, node.module or "."
            elif isinstance(node, ast.Import):
                yield from ((path.name, alias.name) for alias in node.names)


def test_claims_import_only_core_and_the_report_records_of_this_package() -> None:
    own = {(file, name) for file, name in _imports() if name.startswith(("codelewm_assets", "."))}
    allowed = ("codelewm_assets.core.", "codelewm_assets.claims", "codelewm_assets.evaluation.reports")
    assert own
    assert {row for row in own if not row[1].startswith(allowed)} == set()


def test_claims_import_nothing_that_computes() -> None:
    outside = {name.split(".")[0] for _, name in _imports() if not name.startswith("codelewm_assets")}
    assert outside <= {"collections", "dataclasses", "functools", "re", "typing", "pydantic", "markdown_it"}
