"""The report: every figure moves with its record, nothing absent is a zero, and no sentence is beyond the gates."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
import pytest

from codelewm_assets.claims.audit import audit_text
from codelewm_assets.claims.gates import GATES
from codelewm_assets.claims.register import CLAIMS
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import BENCHMARKS, SEEDS
from codelewm_assets.evaluation.reports import SeedEvidence
from codelewm_assets.release.figures import CAPTIONS
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import render
from codelewm_assets.release.report_records import report_records, run_facts
from codelewm_assets.release.results_report import REPORT, results_files
from codelewm_assets.store.manifest import Manifest
from codelewm_assets_tests.claims.evidence import (
    STAND_IN,
    collapse,
    gates_of,
    integrity,
    nothing_known,
    rerank,
    seed_evidence,
    together,
    with_rerank,
)
from codelewm_assets_tests.release.full import CELLS, FINDING, SCORES, full_records, sparse_records
from codelewm_assets_tests.release.records import manifest

NOT_SHOWN = {
    "calibration.row_count", "calibration.problem_count",  # counts stand with each score
    "record_calibration.row_count", "record_calibration.problem_count",
}  # fmt: skip
ONLY_IN_THE_RECORDS = ("slices.completion_kind", "slices.operator_family")  # small parts, of one class often
ONLY_OF_P_PASS = (
    "thresholded",
    "threshold_table",
    "calibration_bins",
    "equal_mass_bins",
)  # of controls they say nothing


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """(path, number) of every number below a value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(place)))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def _altered(tree: dict[str, Any], path: tuple[str, ...]) -> Records:
    """The tree with the number at this path moved by more than any rounding hides; only what leads there is copied."""
    changed: Any = dict(tree)
    found = changed
    for step in path[:-1]:
        key: Any = int(step) if isinstance(found, list) else step
        found[key] = copy.copy(found[key])
        found = found[key]
    last: Any = int(path[-1]) if isinstance(found, list) else path[-1]
    found[last] += 7 if isinstance(found[last], int) else 0.731
    return Records(changed)


def _kind(path: tuple[str, ...]) -> tuple[str, ...]:
    """A path without which seed, score, benchmark or place it is of: the same line of code reads all of these."""
    return tuple("*" if step in (*SCORES, *BENCHMARKS, "42", "1729") or step.isdecimal() else step for step in path)


def _text(records: Records, figures: Mapping[str, str] = {}) -> str:
    """Report and appendix."""
    return "".join(results_files(records, figures=figures).values())


@pytest.mark.slow
def test_every_number_that_the_report_reads_moves_the_text_when_its_record_is_altered() -> None:
    records = full_records()
    text, tree = _text(records), records._tree
    read = {path for path in (steps for steps, _ in _leaves(tree)) if any(path[: len(r)] == r for r in records.read)}
    assert len(read) > 1500
    some = list({_kind(path): path for path in sorted(read)}.values())  # one of each kind: a rendering takes its time
    assert len(some) > 100
    still = [".".join(path) for path in some if _text(_altered(dict(tree), path)) == text]
    assert still == []


def test_altering_one_record_moves_that_figure_alone() -> None:
    tree = full_records()._tree
    path = ("seed", "42", "calibration", "overall", "p_pass", "roc_auc")
    before, after = _text(Records(tree)).splitlines(), _text(_altered(dict(tree), path)).splitlines()
    moved = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    starts = (
        "| p_pass |",
        "| humaneval + mbpp_plus (stand-in) | 42 | p_pass |",
        "| ROC-AUC of completions | codelewm |",
    )
    assert all(old.startswith(starts) for old, _ in moved)
    assert len(moved) == 3


def test_every_number_of_the_reports_is_read_but_those_that_are_listed() -> None:
    records = full_records()
    _text(records)
    unread = [
        ".".join(path[2:])
        for path, _ in _leaves(records._tree["seed"], ("seed",))
        if not any(path[: len(read)] == read for read in records.read)
    ]
    surprising = [
        name
        for name in sorted(set(unread) - NOT_SHOWN)
        if not any(part in name for part in ONLY_IN_THE_RECORDS)
        and not any(part in name for part in ONLY_OF_P_PASS)
        and not name.endswith(".seed")
    ]
    assert surprising == []


def test_a_template_that_asks_for_what_nobody_gave_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render(f"{REPORT}.j2", records=full_records())


@pytest.mark.parametrize("status", ["OPEN", "CLOSED"])
def test_a_claim_that_is_closed_stands_in_the_list_not_to_claim_alone(status: str) -> None:
    gates = gates_of() if status == "OPEN" else nothing_known()
    text = _text(sparse_records(gates))
    safe, forbidden = text.split("### What may be said")[1].split("### This run")[0].split("### Do not claim")
    for claim in gates.claims:
        assert claim.status == status
        assert (f"- {claim.sentence} Gates that hold: " in safe) == (status == "OPEN")
        assert (f"- CLOSED: {claim.sentence} Closed by: " in forbidden) == (status == "CLOSED")
    assert f"on both benchmarks is {status}.**" in text


def test_the_verdict_counts_claims_and_gates() -> None:
    text = _text(sparse_records(gates_of({42: {"collapse": None}})))
    without_it = sum(not {"collapse", "contamination"} & {*claim.gates} for claim in CLAIMS)
    assert f" {without_it} of {len(CLAIMS)} claims are OPEN." in text
    assert "0 FAIL, 2 are UNDECIDED (collapse, contamination). A gate holds only" in text
    assert f"Of {len(GATES)} gates {len(GATES) - 2} HOLD (retrieval, surprise, " in text
    assert "- collapse UNDECIDED: seed 42: The report checkpoint_inspection is missing.\n" in text


def test_the_report_has_every_gate_with_its_state_for_each_seed() -> None:
    for gates in (gates_of(), nothing_known(), gates_of({42: {"collapse": None}})):
        text = _text(report_records(gates, {}))
        for gate in gates.gates:
            for row in gate.seeds:
                assert f"| {gate.gate} | {'–' if row.seed is None else row.seed} | {row.state} |" in text


@pytest.mark.parametrize("make", [full_records, sparse_records])
def test_no_sentence_of_the_report_is_beyond_the_gates_when_all_claims_are_closed(make: Any) -> None:
    gates = nothing_known()
    status = {claim.claim_id: claim.status for claim in gates.claims}
    text = _text(make(gates), CAPTIONS)  # figures as good as can be
    assert set(status.values()) == {"CLOSED"}
    assert audit_text(text, status) == []


def test_a_stand_in_is_named_and_explained_and_is_not_otherwise() -> None:
    changed = with_rerank("mbpp_plus", rerank("mbpp_plus", benchmark_label=STAND_IN["mbpp_plus"]))
    gates = gates_of({s: changed for s in SEEDS}, labels=STAND_IN)
    text = _text(report_records(gates, {42: seed_evidence(**changed)}))
    assert "`mbpp_plus (stand-in)`" in text
    assert "say nothing of MBPP-Plus" in text
    assert "| mbpp_plus (stand-in) | 42 | consensus |" in text
    assert "stand-in" not in _text(sparse_records())


def test_absent_reports_leave_tables_empty_and_no_zero() -> None:
    text = _text(report_records(nothing_known(), {42: SeedEvidence()})).split("## Beside the published")[0]
    assert "reads the lift over the best control.\n\n(none)\n" in text
    assert "0.000" not in text


def test_fields_that_a_report_does_not_have_are_dashes() -> None:
    text = _text(sparse_records())
    assert "| humaneval | 42 | 100 | 100 | consensus | – | – | – | no | 2000 | – |" in text
    assert "| 42 | model | 0.151 | – | – | 0.251 | – | – | 100 | 64 |" in text
    assert (
        "| humaneval + mbpp_plus | 42 | p_pass | ok | 0.700 | – | – | – | – | 5 | 5 | 0 | 0 |" in text
    )  # no pools were looked at: no 0
    assert "## Execution records" not in text


def test_a_score_without_whole_pools_is_a_dash() -> None:
    changed = with_rerank("humaneval", rerank("humaneval", pass_at_1={"llm_order": None}, mrr={"llm_order": None}))
    text = _text(report_records(gates_of(), {42: seed_evidence(**changed)}))
    assert "| humaneval | 42 | llm_order | – | – | – | – | – | – | – | – | no |" in text


def test_lifts_name_the_best_control_and_preflight_its_state() -> None:
    records = report_records(gates_of(), {42: seed_evidence()}, [FINDING, CELLS])
    text = _text(records, {"training_curve.png": "what it shows"})
    assert "| humaneval | 42 | consensus | 0.500 | 0.600 | – | – | – | 100 | 3.00 [1.00e-03, 9.00] | – | yes |" in text
    assert "| humaneval | 42 | lexical | 0.400 | 0.500 | – | – | – | 100 | 20.00 [10.00, 30.00] | – | no |" in text
    assert "| pack_is_odd\\|even | RED: odd | rows 3 |" in text
    assert "| folds_cover_every_cell | GREEN | cells 2 |" in text
    assert "![what it shows](training_curve.png)" in text
    assert "roc.png" not in text  # a figure that was not drawn is not linked


def test_the_commands_name_the_digests_that_the_report_rests_on() -> None:
    assert f"codelewm-assets verify {'1' * 64}  # claim_gates\n" in _text(full_records())


def test_the_same_records_give_the_same_text() -> None:
    evidence = {seed: seed_evidence() for seed in SEEDS}
    first = _text(report_records(gates_of(), evidence, [FINDING]))
    again = _text(report_records(gates_of(), dict(reversed(evidence.items())), [FINDING]))
    assert first == again


def test_a_problem_that_was_trained_on_stands_in_the_report_and_leaves_nothing_to_be_said() -> None:
    evidence = {seed: seed_evidence() for seed in SEEDS}
    gates = gates_of(evidence=integrity(scored_problems_trained_on=["HumanEval/3"]))
    text = _text(report_records(gates, evidence))
    assert "- integrity FAILS: The number of scored problems that were trained on is 1; at most 0 is needed.\n" in text
    assert "| integrity | scored_problem_trained_on | 1 | 0 | The number of scored problems" in text
    assert f"0 of {len(CLAIMS)} claims are OPEN" in text


def _report(records: Records) -> str:
    return results_files(records, figures=CAPTIONS)[REPORT]


def test_the_report_is_shorter_than_280_lines_and_its_first_page_has_what_a_reader_needs() -> None:
    run = run_facts(manifest("claim_gates", {}), [manifest("claim_gates", {})], version="9.9.9")
    records = report_records(nothing_known(STAND_IN), {}, run=run)
    assert len(_report(full_records()).splitlines()) < 280
    first = _report(records).split("## Gates")[0]
    for words in ("is CLOSED.**", "### What may be said", "### Do not claim", "| gates judged on (UTC) | 2026-01-01 |",
                  "| commit of the gates | unknown |", "| version of codelewm_assets | 9.9.9 |", "| profile | tiny |"):  # fmt: skip
        assert words in first


def test_layers_that_any_labels_lacked_are_missing_and_without_labels_nothing_is_said() -> None:
    judged = manifest("claim_gates", {})

    def labels(*layers: str) -> Manifest:
        return manifest("labelled_completions", {}).model_copy(update={"metadata": {"isolation_layers": list(layers)}})

    found = run_facts(judged, [labels("seccomp", "rlimits"), labels("rlimits")], version="1")
    assert found["isolation_layers"] == ["rlimits"]
    assert {"seccomp", "pid_namespace"} <= set(found["missing_layers"]) and "rlimits" not in found["missing_layers"]
    nothing = run_facts(judged, [judged], version="1")
    assert (nothing["isolation_layers"], nothing["missing_layers"]) == (None, None)
    text = _report(report_records(gates_of(), {}, run=nothing))
    assert "| isolation layers present | – |\n| isolation layers missing | – |" in text


def test_artifacts_of_other_commits_are_counted() -> None:
    one, other = manifest("a", {}), manifest("b", {}).model_copy(update={"source_git_sha": "1" * 40})
    found = run_facts(one, [one, one, other], version="1")
    assert found["artifacts_by_commit"] == {"unknown": 2, "1" * 40: 1}


def test_every_reason_of_every_gate_stands_in_the_report_with_figure_threshold_and_sentence() -> None:
    bad = together([rerank("humaneval", points=-26.6, lower=-41.94, upper=-13.71), rerank("mbpp_plus")])
    gates = gates_of({42: {"rerank": bad, "collapse": None}})
    table = _report(report_records(gates, {})).split("## Every reason")[1]
    for gate in gates.gates:
        for reason in gate.reasons:
            assert f"| {gate.gate} | {reason.code} |" in table and f"| {reason.detail} |" in table
    assert "| rerank:humaneval | lift_below_threshold | -26.6 | 3 |" in table
    assert "| rerank:humaneval | significantly_worse | -41.940 to -13.710 | 0 |" in table


def test_gates_of_before_are_rendered_too() -> None:
    """Their reasons have a code and a detail, their seeds no needs."""
    raw = gates_of({42: {"collapse": collapse(effective_rank_ratio=0.1)}}).model_dump(mode="json")
    for owner in (*raw["gates"], *raw["claims"], *(row for gate in raw["gates"] for row in gate["seeds"])):
        owner["reasons"] = [{"code": reason["code"], "detail": reason["detail"]} for reason in owner["reasons"]]
    for row in (row for gate in raw["gates"] for row in gate["seeds"]):
        del row["needs"]
    text = _report(report_records(ClaimGates.model_validate(raw), {}))
    assert "Closed by: collapsed.\n" in text
    assert (
        "| collapse | collapsed | – | – | seed 42: effective_rank_ratio of z_pred is 0.1; at least 0.2 is needed. |"
        in text
    )
    assert "| collapse | 42 | FAILS | effective_rank_ratio 0.1, " in text


def test_gates_stand_beside_their_thresholds() -> None:
    text = _report(report_records(gates_of({42: {"collapse": collapse(effective_rank_ratio=0.19999)}}), {}))
    assert "effective_rank_ratio 0.19999 (at least 0.2)" in text  # never 0.2, which would be enough
    assert "lift_points 3 (at least 3)" not in text


def test_what_closes_a_claim_names_each_gate_and_code_once() -> None:
    text = _report(report_records(nothing_known(STAND_IN), {}))
    assert "Closed by: collapse UNDECIDED (evidence_missing); integrity UNDECIDED (evidence_missing).\n" in text


def test_tables_over_all_rows_name_a_stand_in() -> None:
    """Every table of figures of the model, in the report and in the appendix."""
    for text in results_files(full_records(), figures={}).values():
        sections = text.split("\n## ")
        for section in sections:
            if section.startswith(
                ("Does", "Do ", "Is ", "Can", "How did", "Reranking", "Separation", "Execution", "Surprise", "Probes")
            ):
                assert "stand-in" in section, section[:60]


def test_classified_counts_have_their_usual_names() -> None:
    assert "| threshold | TP | FP | TN | FN | precision | recall |" in _report(full_records())
