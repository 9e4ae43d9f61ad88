"""The table of programs that models wrote: controls first, each scorer with problems and with models held out."""

from codelewm_assets.core.ids import MODEL_CONTROLS
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.model_programs import SUMMARY, model_program_table
from codelewm_assets_tests.claims.evidence import SCORERS, seed_evidence

CRITIC = SCORERS["critic"]
assert CRITIC.unseen_model_rerank is not None
HUMANEVAL = CRITIC.unseen_model_rerank.benchmarks["humaneval"].model_copy(
    update={"pass_at_1": {name: (place + 1) / 32 for place, name in enumerate(("critic", *MODEL_CONTROLS))}}
)
RERANK = CRITIC.unseen_model_rerank.model_copy(update={"benchmarks": {"humaneval": HUMANEVAL}})
UNSEEN = CRITIC.model_copy(update={"unseen_model_rerank": RERANK})


def records(**scorers: object) -> Records:
    """Records of seed 42 with these scorers."""
    evidence = seed_evidence(scorers=scorers).model_dump(mode="json")
    return Records({"benchmark_labels": {"humaneval": "humaneval"}, "seed": {"42": evidence}})


def test_controls_stand_first_then_the_scorer_by_held_out() -> None:
    both = UNSEEN.model_copy(update={"model_rerank": RERANK, "model_calibration": CRITIC.unseen_model_calibration})
    lines = model_program_table(records(critic=both), MODEL_CONTROLS).splitlines()[2:]
    of_one = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "| humaneval |" in line]
    assert [row[1] for row in of_one] == [*MODEL_CONTROLS, "critic", "critic"]
    assert [row[3] for row in of_one[-2:]] == ["problems", "problems and models"]
    assert [row[6] for row in of_one[:2]] == ["0.062", "0.094"]  # 2/32 and 3/32
    assert of_one[-1][6] == "0.031"


def test_the_summary_has_chance_and_the_strong_controls_alone() -> None:
    table = model_program_table(records(critic=UNSEEN), SUMMARY)
    assert "| model_prior |" in table
    assert "| lexical |" not in table


def test_without_such_programs_there_is_no_table() -> None:
    bare = CRITIC.model_copy(update={"unseen_model_rerank": None})
    assert model_program_table(records(critic=bare), SUMMARY) == ""
