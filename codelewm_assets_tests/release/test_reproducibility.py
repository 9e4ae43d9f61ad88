"""The answer sheet: each answer is read from an artifact, and is no where the artifact is missing or does not say."""

from typing import Any

from codelewm_assets.release.reproducibility import QUESTIONS, Answer, Evidence, answer_sheet
from codelewm_assets_tests.claims.evidence import rerank, seed_evidence
from codelewm_assets_tests.release.records import manifest, sidecar

METADATA: dict[str, dict[str, Any]] = {
    "benchmark_problems": {"problem_count": 7, "input_count": 30, "source_revisions": {"humaneval": "r"}, "left_out_count": 2},
    "problem_splits": {"near_duplicate_pairs": 4},
    "labelled_completions": {"isolation_layers": ["seccomp"]},
    "preflight_report": {"register_digest": "f" * 64},
    "checkpoint[42]": {},
    "claim_gates": {},
    "rerank_report[42]": {},
}  # fmt: skip
MANIFESTS = {
    name: manifest(name, {}).model_copy(update={"metadata": found, "source_git_sha": "1" * 40, "command": "build"})
    for name, found in METADATA.items()
}
WHOLE = Evidence(MANIFESTS, {42: sidecar(42)}, {42: seed_evidence()})


def _answers(evidence: Evidence) -> dict[str, Answer]:
    return {answer.question_id: answer for answer in answer_sheet(evidence).answers}


def test_every_question_has_one_answer_with_the_artifact_it_is_read_from() -> None:
    answers = _answers(WHOLE)
    assert list(answers) == [question.question_id for question in QUESTIONS]
    for question in QUESTIONS:
        answer = answers[question.question_id]
        assert (answer.artifact_id, answer.digest) == (question.artifact_id, MANIFESTS[question.artifact_id].digest)
    assert [name for name, answer in answers.items() if answer.answer == "no"] == [
        "results.runtime"
    ]  # no artifact holds it
    assert answers["data.statistics"].value == {"problem_count": 7, "input_count": 30}
    assert answers["model.size"].value == {"42": {"parameter_count": sidecar(42).parameter_count}}
    assert answers["results.variation"].value == {"42": {"humaneval": [0.001, 9.0], "mbpp_plus": [0.001, 9.0]}}
    assert answers["code.revision"].value == ["1" * 40]


def test_without_artifacts_every_answer_is_no_and_names_nothing() -> None:
    for answer in _answers(Evidence({}, {}, {})).values():
        assert (answer.answer, answer.value, answer.artifact_id, answer.digest) == ("no", None, None, None)


def test_what_an_artifact_does_not_say_is_answered_no() -> None:
    unknown = MANIFESTS | {
        "claim_gates": MANIFESTS["claim_gates"].model_copy(update={"source_git_sha": "unknown", "command": ""})
    }
    unknown["benchmark_problems"] = manifest("benchmark_problems", {})
    without = rerank("humaneval", lift_over_best_control=None)
    answers = _answers(Evidence(unknown, {}, {42: seed_evidence(rerank=without), 1729: seed_evidence()}))
    for name in ("code.revision", "code.command", "data.statistics", "data.source", "model.size", "results.variation"):
        assert (answers[name].answer, answers[name].value) == ("no", None), name
    no_report = Evidence(MANIFESTS, {}, {42: seed_evidence(), 1729: seed_evidence(rerank=None)})
    assert _answers(no_report)["results.variation"].answer == "no"
