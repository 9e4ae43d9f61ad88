"""From score rows and latents to claims: labels that mean nothing open no claim, a score with a known lift opens its own only."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from codelewm_assets.claims.gates import evaluate_gates
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import ABLATIONS, BENCHMARKS, CONTROLS, MODEL_CONTROLS, SEEDS
from codelewm_assets.core.records import Decoy
from codelewm_assets.evaluation.calibration import calibration_report
from codelewm_assets.evaluation.probe import latent_probe_report
from codelewm_assets.evaluation.reports import RerankReport, ScorerEvidence, SeedEvidence
from codelewm_assets.evaluation.rerank import rerank_report
from codelewm_assets.evaluation.retrieval import retrieval_report
from codelewm_assets.evaluation.rows import HeldoutRecord, LabelledRecord, ScoreRow
from codelewm_assets.evaluation.score_table import ScoreTable
from codelewm_assets.evaluation.surprise import CATEGORIES, surprise_report
from codelewm_assets.evaluation.transfer import EquivalentPair, transfer_report
from codelewm_assets_tests.claims.evidence import LABELS, STAND_IN, collapse, integrity
from codelewm_assets_tests.evaluation.rows import heldout_record, pack_row
from codelewm_assets_tests.tiers import slow

PROBLEMS: dict[str, int] = {"humaneval": 164, "mbpp_plus": 378}
MEMBERS = 6
RESAMPLES = 400
SURE, UNSURE = 0.9, 0.1
ORACLE_LIFT_POINTS = 100 * (SURE * (1 - 0.5**MEMBERS) + UNSURE * 0.5**MEMBERS - 0.5)
"""Members pass at rate 0.9 or 0.1, each as likely. One at 0.9 is on top unless all six are at 0.1; a control is right in half."""


def _rows(
    seed: int, score: str, *, is_shuffled: bool, controls: Sequence[str] = CONTROLS, benchmark: str | None = None
) -> list[ScoreRow]:
    """A pool a problem; the score is the very rate at which a member passes, all others are noise.

    Args:
        is_shuffled: verdicts are dealt anew within each problem, so that no score knows anything of them.
        benchmark: of the problems; both without it.
    """
    generator, noise = np.random.default_rng([seed, 6]), np.random.default_rng([seed, 3])
    others = (*controls, *ABLATIONS, "lm", "static")
    rows = []
    for name, problems in PROBLEMS.items():
        for problem in range(problems):
            rates = generator.choice([SURE, UNSURE], size=MEMBERS)
            passed = generator.random(MEMBERS) < rates
            if is_shuffled:
                passed = generator.permutation(passed)
            for member in range(MEMBERS):
                rows.append(
                    ScoreRow.model_validate(
                        {
                            "completion_id": f"{problem}/{member}",
                            "problem_id": f"{name}/{problem}",
                            "benchmark_id": name,
                            "passed": bool(passed[member]),
                            "operator_family": FAMILIES[problem % len(FAMILIES)],
                            "scores": {score: float(rates[member])}
                            | {other: float(noise.random()) for other in others if other != score},
                        },
                        context={"subject": score},
                    )
                )
    return rows


FAMILIES = ("relational", "arithmetic", "logical", "constant")


def _of_scorer(seed: int, score: str, *, is_shuffled: bool, is_whole: bool) -> ScorerEvidence:
    """Reports of one scorer. Args: is_whole: with those of unseen operators, equivalent edits and models' programs."""
    rows = _rows(seed, score, is_shuffled=is_shuffled)
    drawn: dict[str, Any] = {"seed": seed, "resamples": RESAMPLES}
    reports: dict[str, Any] = {
        "calibration": calibration_report(ScoreTable.of(rows), seed=seed, subject=score),
        "rerank": rerank_report(ScoreTable.of(rows), subject=score, **drawn),
    }
    if is_whole:
        of_models = ScoreTable.of(_rows(seed, score, is_shuffled=is_shuffled, controls=MODEL_CONTROLS))
        noise = np.random.default_rng([seed, 4]).random((200, 2))
        # a score that reads edits, where both programs pass: the gate must see it
        pairs = [EquivalentPair(f"p{n % 50}", f"u{n}", f"e{n}") for n in range(len(noise))]
        scores = {f"{side}{n}": value for n, (a, b) in enumerate(noise) for side, value in (("u", a + 0.1), ("e", b))}
        reports |= {
            "transfer": transfer_report(rows, pairs, scores, subject=score, **drawn),
            "unseen_model_calibration": calibration_report(of_models, seed=seed, subject=score),
            "unseen_model_rerank": rerank_report(of_models, subject=score, **drawn),
        }
    return ScorerEvidence(**reports)


RECORDS = 200


def _unit(generator: np.random.Generator, count: int) -> NDArray[np.float32]:
    made = generator.normal(size=(count, 16)).astype(np.float32)
    return cast(NDArray[np.float32], made / np.linalg.norm(made, axis=1, keepdims=True))


def _labelled(generator: np.random.Generator, number: int, **changes: Any) -> HeldoutRecord:
    """A record with labels drawn by chance."""
    return heldout_record(
        number,
        problem_id=f"p{number // 4:03d}",
        passed=bool(generator.random() < 0.5),
        output_type=str(generator.choice(["int", "str"])),
        output_magnitude_bucket=str(generator.choice(["small", "large"])),
        output_length_bucket=str(generator.choice(["short", "medium"])),
        exception_class=str(generator.choice(["none", "ValueError"])),
        **changes,
    )


def _of_latents(seed: int) -> dict[str, Any]:
    """Retrieval, surprise and probe reports of latents that know nothing, by the functions that judge real ones."""
    generator = np.random.default_rng([seed, 1])
    records = [_labelled(generator, i) for i in range(RECORDS)]
    fit = [
        LabelledRecord.model_validate(
            _labelled(generator, RECORDS + i).model_dump(include=set(LabelledRecord.model_fields))
        )
        for i in range(RECORDS)
    ]
    names = ("z_pred", "z_pred_no_action", "z_pred_shuffled_action", "z_out", "z_code", "z_input")
    latents, fit_latents = ({name: _unit(generator, RECORDS) for name in names} for _ in range(2))
    pack = {r.record_id: pack_row(r.record_id, output=r.record_id) for r in (*records, *fit)}
    pairs = [_decoy(category, i, records) for category in CATEGORIES for i in range(120)]
    return {
        "retrieval": retrieval_report(records, latents, pack, seed=seed, resamples=RESAMPLES),
        "surprise": surprise_report(records, latents, pairs, seed=seed, resamples=RESAMPLES),
        "probe": latent_probe_report(records, latents, fit, fit_latents, pack, seed=seed, resamples=RESAMPLES),
    }


def _decoy(category: str, number: int, records: Sequence[HeldoutRecord]) -> Decoy:
    return Decoy(
        decoy_id=f"{category}::{number}",
        category=category,  # type: ignore[arg-type]
        source_problem_id=records[number].problem_id,
        query_record_id=records[number].record_id,
        decoy_record_id=records[(number + 7) % RECORDS].record_id,
        input_relation="same",
        output_relation="different",
        rationale="test",
    )


def _record_rows(seed: int, *, is_shuffled: bool) -> list[ScoreRow]:
    """Four records of each completion, in pools by completion; p_pass is the rate at which each passes."""
    generator = np.random.default_rng([seed, 2])
    rows = []
    for benchmark, problems in PROBLEMS.items():
        for number in range(2 * problems):
            rates = generator.choice([SURE, UNSURE], size=4)
            passed = generator.random(4) < rates
            if is_shuffled:
                passed = generator.permutation(passed)
            rows += [
                ScoreRow(
                    completion_id=f"{number}::{place}", problem_id=f"{benchmark}/{number // 2}", benchmark_id=benchmark,
                    pool_id=str(number), passed=bool(passed[place]),
                    scores={"p_pass": float(rates[place]), "input_prior": float(generator.random())},
                )
                for place in range(4)
            ]  # fmt: skip
    return rows


def _evidence(seed: int, *, is_shuffled: bool) -> SeedEvidence:
    """All reports of a seed. The shuffled one has evidence for every gate."""
    ours, critic = (
        _of_scorer(seed, score, is_shuffled=is_shuffled, is_whole=is_shuffled) for score in ("p_pass", "critic")
    )
    records = ScoreTable.of(_record_rows(seed, is_shuffled=is_shuffled))
    return SeedEvidence(
        collapse=collapse(), calibration=ours.calibration, rerank=ours.rerank,
        record_calibration=calibration_report(records, seed=seed, level="record"),
        scorers={"codelewm": ours, "critic": critic}, **_of_latents(seed),
    )  # fmt: skip


def _judge(evidence: Sequence[SeedEvidence], **changes: Any) -> ClaimGates:
    fields: dict[str, Any] = {"profile": "test", "benchmark_labels": LABELS} | changes
    kept = fields.pop("integrity", integrity())
    return evaluate_gates(dict(zip(SEEDS, evidence, strict=True)), kept, **fields)


def _open(gates: ClaimGates) -> set[str]:
    return {claim.claim_id for claim in gates.claims if claim.status == "OPEN"}


@pytest.fixture(scope="module")
@slow
def null() -> list[SeedEvidence]:
    """Twenty sets of evidence with verdicts dealt anew within each problem."""
    return [_evidence(seed, is_shuffled=True) for seed in range(20)]


@pytest.fixture(scope="module")
def oracle() -> list[SeedEvidence]:
    """Two sets of evidence of a score that knows each member's rate."""
    return [_evidence(seed, is_shuffled=False) for seed in range(2)]


def test_with_labels_that_mean_nothing_every_claim_about_them_stays_closed_in_20_of_20(
    null: list[SeedEvidence],
) -> None:
    """`is_non_collapsed` speaks of the spread of latents and reads no label: it may be open, and nothing else."""
    opened = [_open(_judge([null[i], null[(i + 1) % 20]])) for i in range(20)]
    assert opened == [{"is_non_collapsed"}] * 20


def test_the_null_is_decided_by_figures_and_not_for_want_of_evidence(null: list[SeedEvidence]) -> None:
    """Gates FAIL; none is UNDECIDED, which would close claims too."""
    for i in range(20):
        states = {gate.gate: gate.state for gate in _judge([null[i], null[(i + 1) % 20]]).gates}
        assert {name for name, state in states.items() if state == "UNDECIDED"} == set()
        assert {name for name, state in states.items() if state == "HOLDS"} == {
            "collapse",
            "contamination",
            "integrity",
        }


def test_a_score_with_a_known_lift_opens_exactly_the_claims_that_rest_on_it(oracle: list[SeedEvidence]) -> None:
    """The lift is 38.75 points on both benchmarks and p_pass is the true rate; the latents still know nothing."""
    gates = _judge(oracle)
    assert round(ORACLE_LIFT_POINTS, 2) == 38.75
    lifts = [
        seed.rerank.benchmarks[name].lift[control]
        for seed in oracle
        if seed.rerank
        for name in BENCHMARKS
        for control in CONTROLS
    ]
    assert len(lifts) == 4 * len(CONTROLS)
    assert abs(sum(lift.points for lift in lifts) / len(lifts) - ORACLE_LIFT_POINTS) < 3
    covered = [lift.ci95[0] <= ORACLE_LIFT_POINTS <= lift.ci95[1] for lift in lifts]
    assert sum(covered) >= 0.9 * len(covered)
    assert _open(gates) == {
        *(f"{scorer}_tells_known_bugs_on_{name}" for scorer in ("codelewm", "critic") for name in BENCHMARKS),
        "critic_tells_known_bugs", "p_pass_is_calibrated", "is_non_collapsed",
    }  # fmt: skip


def test_the_same_score_on_one_seed_of_two_opens_none_of_them(
    oracle: list[SeedEvidence], null: list[SeedEvidence]
) -> None:
    assert _open(_judge([oracle[0], null[0]])) == {"is_non_collapsed"}


def _on_a_stand_in(report: RerankReport | None) -> RerankReport:
    assert report is not None
    found = report.benchmarks["mbpp_plus"].model_copy(update={"benchmark_label": STAND_IN["mbpp_plus"]})
    return report.model_copy(update={"benchmarks": report.benchmarks | {"mbpp_plus": found}})


def test_the_same_score_on_a_stand_in_opens_the_claim_of_the_published_benchmark_alone(
    oracle: list[SeedEvidence],
) -> None:
    labelled = []
    for evidence in oracle:
        report = evidence.rerank
        critic = evidence.scorers["critic"]
        scorers = {"critic": critic.model_copy(update={"rerank": _on_a_stand_in(critic.rerank)})}
        labelled.append(evidence.model_copy(update={"rerank": _on_a_stand_in(report), "scorers": scorers}))
    gates = _judge(labelled, benchmark_labels=STAND_IN)
    assert _open(gates) == {
        "codelewm_tells_known_bugs_on_humaneval", "critic_tells_known_bugs_on_humaneval", "is_non_collapsed",
    }  # fmt: skip


def test_the_same_score_on_problems_that_were_trained_on_opens_nothing(oracle: list[SeedEvidence]) -> None:
    assert _open(_judge(oracle, integrity=integrity(scored_problems_trained_on=["HumanEval/3"]))) == set()
