"""The table of programs that models wrote: controls first, each scorer with problems and with models held out."""

from codelewm_assets.core.ids import MODEL_CONTROLS
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.model_programs import SUMMARY, model_program_table
from codelewm_assets_tests.claims.evidence import SCORERS, seed_evidence


def records(**scorers: object) -> Records:
    """Records of seed 42 with these scorers."""
    evidence = seed_evidence(scorers=scorers).model_dump(mode="json")
    return Records({"benchmark_labels": {"humaneval": "humaneval"}, "seed": {"42": evidence}})


def test_controls_stand_first_then_the_scorer_by_held_out() -> None:
    own = SCORERS["critic"]
    seen = own.model_copy(
        update={"model_rerank": own.unseen_model_rerank, "model_calibration": own.unseen_model_calibration}
    )
    lines = model_program_table(records(critic=seen), MODEL_CONTROLS).splitlines()[2:]
    of_one = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "| humaneval |" in line]
    assert [row[1] for row in of_one] == [*MODEL_CONTROLS, "critic", "critic"]
    assert [row[3] for row in of_one[-2:]] == ["problems", "problems and models"]
    report = own.unseen_model_rerank
    assert report is not None
    assert of_one[-1][6] == f"{report.benchmarks['humaneval'].pass_at_1['critic']:.4f}"


def test_the_summary_has_chance_and_the_strong_controls_alone() -> None:
    table = model_program_table(records(critic=SCORERS["critic"]), SUMMARY)
    assert "| model_prior |" in table
    assert "| lexical |" not in table


def test_without_such_programs_there_is_no_table() -> None:
    bare = SCORERS["critic"].model_copy(update={"unseen_model_rerank": None})
    assert model_program_table(records(critic=bare), SUMMARY) == ""
