"""Score rows and held-out records by keyword, for the tests of evaluation, claims and release."""

from typing import Any

from codelewm_assets.core.records import PackRow
from codelewm_assets.evaluation.rows import HeldoutRecord, ScoreRow


def score_row(passed: bool, p_pass: float | None, problem: str = "p0", **changes: Any) -> ScoreRow:
    """One row; other keywords are fields of the row, or scores when they are numbers or None and no field."""
    fields = {name: value for name, value in changes.items() if name in ScoreRow.model_fields}
    scores = {name: value for name, value in changes.items() if name not in ScoreRow.model_fields}
    base: dict[str, Any] = {
        "completion_id": f"{problem}/c",
        "problem_id": problem,
        "benchmark_id": "humaneval",
        "passed": passed,
        "scores": {"p_pass": p_pass, **scores},
    }
    return ScoreRow(**base | fields)


def heldout_record(number: int, **changes: Any) -> HeldoutRecord:
    """One held-out record of its own problem with an output of its own."""
    fields: dict[str, Any] = {
        "record_id": f"r{number:04d}",
        "problem_id": f"p{number:04d}",
        "completion_id": f"c{number:04d}",
        "benchmark_id": "humaneval",
        "fold": 0,
        "passed": True,
        "completion_passed": True,
        "output": f"output {number}",
        "output_type": "int",
        "output_magnitude_bucket": "small",
        "output_length_bucket": "short",
        "exception_class": "none",
        "execution_status": "pass",
        "p_pass": 0.5,
        "p_pass_raw": 0.5,
        "p_pass_no_action": 0.5,
        "p_pass_shuffled_action": 0.5,
        "energy": 1.0,
        "energy_no_action": 1.0,
    }
    return HeldoutRecord(**fields | changes)


def pack_row(record_id: str, *, code: str = "return x", given: str = "", output: str = "") -> PackRow:
    """A pack row of which evaluation reads the three texts only."""
    texts = {"code_tokens": code, "input_tokens": given, "output_tokens": output}
    return PackRow.model_construct(record_id=record_id, **texts)
