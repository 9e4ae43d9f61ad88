"""A benchmark that asks for outputs, through the graph: its records are decoys and queries, and no pool or gate is about it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from codelewm_assets.benchmarks import problem as way_in
from codelewm_assets.benchmarks.pins import DATASETS
from codelewm_assets.benchmarks.stand_in import read_stand_in
from codelewm_assets.claims.verdicts import ClaimGates
from codelewm_assets.core.ids import FOLDS, BenchmarkId
from codelewm_assets.core.records import ExcludedProblem, Problem
from codelewm_assets.defs.inputs import Inputs
from codelewm_assets.evaluation.reports import RerankReport, RetrievalReport, SurpriseReport
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets_tests.benchmarks.cruxeval_rows import cruxeval_row, cruxeval_rows, write_rows
from codelewm_assets_tests.defs.deployment import deployed
from codelewm_assets_tests.defs.stored_world import TINY
from codelewm_assets_tests.tiers import slow

DATA = ["benchmark_problems", "sampled_completions", "candidate_completions", "labelled_completions", "execution_pack",
        "problem_splits", "semantic_decoys", "rerank_pools", "library_functions", "library_variants", "control_scores",
        "scorer_scores", "tokenized_pack", "preflight_report"]  # fmt: skip
SEEDED = ["checkpoint", "critic", "heldout_scores", "p_pass_calibration", "retrieval_report", "surprise_report",
          "rerank_report"]  # fmt: skip
FLOORS = {"passed": 1, "failed": 1, "magnitude": dict.fromkeys(
    ("negative", "zero", "small", "medium", "large", "not_a_number"), 0)}  # fmt: skip
PROBLEMS = 16  # of our own under the name of each benchmark that asks for programs


def profile_of(path: Path) -> str:
    """The tiny profile with CRUXEval-O, for few problems."""
    raw = yaml.safe_load(Path(TINY).read_text(encoding="utf-8"))
    raw["sources"] |= {"cruxeval_o": "cruxeval", "max_inputs_per_problem": 3}
    raw["preflight"]["floors"] = {
        "humaneval": FLOORS, "mbpp_plus": FLOORS, "decoy_category": {"pairs": 1, "problems": 1}
    }  # fmt: skip
    raw["preflight"] |= {"control_ceiling": 0.99, "chance_margin": 0.99}  # few pools show nothing of either
    raw["training"]["folds"] = list(FOLDS)
    raw["library"] = {"functions": 30, "varied": 4}
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return str(path)


def problems_of(benchmark: BenchmarkId, first: int, prefix: str) -> list[Problem]:
    """Problems of our own as this benchmark's."""
    chosen = read_stand_in(max_inputs=3)[first : 2 * PROBLEMS : 2]
    return [
        problem.model_copy(update={"problem_id": f"{prefix}/{n}", "benchmark_id": benchmark})
        for n, problem in enumerate(chosen)
    ]


@pytest.fixture(scope="module")
@slow
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inputs]:
    folder = tmp_path_factory.mktemp("outputs")
    profile = profile_of(folder / "outputs.yaml")
    wrong = cruxeval_row(0, id="sample_90", output="[2, 4]")

    def wheel(**_: object) -> tuple[list[Problem], list[ExcludedProblem]]:
        rows = problems_of("humaneval", 0, "HumanEval")
        return [row.model_copy(update={"benchmark_label": "humaneval", "source_revision": "test"}) for row in rows], []

    with pytest.MonkeyPatch.context() as patch, deployed(folder, profile=profile) as made:
        patch.setenv(
            DATASETS["cruxeval_o"].environment, str(write_rows(folder / "rows.jsonl", [*cruxeval_rows(), wrong]))
        )
        patch.setattr(way_in, "read_wheel", wheel)
        patch.setattr(way_in, "read_stand_in", lambda **_: problems_of("mbpp_plus", 1, "StandIn"))
        for assets, seed in ((DATA, None), (SEEDED, "42"), (["claim_gates"], None)):
            assert made.failures(made.launch(assets, seed)) == {}
        yield Inputs(made.instance, made.stored.store, load_profile(profile))


def test_its_records_are_made_of_the_rows_that_hold_and_of_inputs_of_their_kind(built: Inputs) -> None:
    """Of 16 rows one states a wrong output; each of the others has its own input and two of rows with the same types."""
    assert [(row.problem_id, row.reason) for row in built.excluded_problems() if row.problem_id.startswith("CRUX")] == [
        ("CRUXEval/90", "its program gives [1, 3], published is [2, 4]")
    ]
    rows = [row for row in built.pack() if row.source_dataset == "cruxeval_o"]
    assert len(rows) == 15 * 3 and {(row.completion_kind, row.is_scored, row.passed) for row in rows} == {
        ("reference", True, True)
    }
    (first,) = (row for row in rows if row.record_id == "CRUXEval/0::CRUXEval/0/c000::i0")
    assert (first.input_tokens, first.output_tokens) == ("[[1, 2, 3, 4]]", "[1, 3]")


def test_its_decoys_are_other_inputs_of_the_program_two_a_problem(built: Inputs) -> None:
    own = [pair for pair in built.decoys() if pair.source_problem_id.startswith("CRUXEval")]
    assert Counter(pair.category for pair in own) == {"same_code_different_input": 15 * 2}
    report = built.artifact("surprise_report", "42")
    judged = SurpriseReport.model_validate(report.read_json("outputs/cruxeval_o/surprise_report.json"))
    category = judged.categories["same_code_different_input"]
    assert (category.pair_count, category.problem_count) == (30, 15)
    assert category.auc is not None and 0 <= category.auc <= 1
    assert "cruxeval_o" not in SurpriseReport.model_validate(report.read_json("surprise_report.json")).benchmarks


def test_its_retrieval_asks_for_the_published_outputs_among_those_of_its_fold(built: Inputs) -> None:
    """A random order finds the output of a query among C of its fold at the first place in 1 of C."""
    report = built.artifact("retrieval_report", "42").read_json("outputs/cruxeval_o/retrieval_report.json")
    judged = RetrievalReport.model_validate(report)
    assert judged.query_count == 15 and judged.scores is not None
    sizes = Counter(split.fold for split in built.splits() if split.benchmark_id == "cruxeval_o")  # outputs all differ
    assert judged.candidates_per_query == max(sizes.values())
    expected = sum(sizes[fold] / sizes[fold] for fold in sizes) / 15  # each fold's queries together find one
    assert judged.scores["random"].recall_at_1 == pytest.approx(expected)
    assert built.artifact("retrieval_report", "42").manifest.metadata["cruxeval_o_query_count"] == 15


def test_nothing_of_it_is_trained_on_judged_or_reranked(built: Inputs) -> None:
    assert built.pools() and not [member for member in built.pools() if member.benchmark_id == "cruxeval_o"]
    assert not [row for row in built.control_scores() if row.benchmark_id == "cruxeval_o"]
    report = RerankReport.model_validate(built.artifact("rerank_report", "42").read_json("rerank_report.json"))
    assert set(report.benchmarks) == {"humaneval", "mbpp_plus"}
    gates = ClaimGates.model_validate(built.artifact("claim_gates").read_json("claim_gates.json"))
    assert gates.gates and not [gate.gate for gate in gates.gates if "cruxeval" in gate.gate]
