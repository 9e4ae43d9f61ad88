"""Each asset check is green on the small world and red on data that has exactly its fault."""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codelewm_assets.claims.register import GATE_RULES
from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.errors import ContractError
from codelewm_assets.core.findings import finding
from codelewm_assets.core.records import CellCount, Finding
from codelewm_assets.core.sample_records import SourceReading, UnreadRows
from codelewm_assets.core.tables import arrow_schema, write_table
from codelewm_assets.defs import checks
from codelewm_assets.defs.assemble import STAGE_MODULES
from codelewm_assets.defs.checks import DATA_RULES, check_result, evaluate_rules
from codelewm_assets.defs.critic import TRAINED_ON
from codelewm_assets.defs.status import check_name
from codelewm_assets.preflight.contracts import tables
from codelewm_assets.sandbox.isolation import BASIC_LAYERS
from codelewm_assets.scorers.fitting import CriticScore
from codelewm_assets.scorers.named import NamedScore
from codelewm_assets_tests.claims.evidence import named, with_named
from codelewm_assets_tests.defs.stored_world import StoredWorld
from codelewm_assets_tests.factories import World, make_problem, random_program


@dataclass(frozen=True)
class Case:
    """A check, and the fault it must find: a change of the world, of a stored table, or of what is stored beside it."""

    asset: str
    check: str
    partition: str | None
    blocker: str
    fault: Callable[[World], World] | None = None
    layers: tuple[str, ...] | None = None
    table: Callable[[pa.Table], pa.Table] | None = None


def _replace_first(field: str, **changes: Any) -> Callable[[World], World]:
    def fault(world: World) -> World:
        rows = list(getattr(world, field))
        rows[0] = rows[0].model_copy(update=changes)
        return world.changed(**{field: tuple(rows)})

    return fault


def _without_completions_of_first_problem(world: World) -> World:
    first = world.problems[0].problem_id
    kept = tuple(c for c in world.completions if c.problem_id != first or c.completion_kind == "reference")
    return world.changed(completions=kept)


def _nondeterministic_that_passed(world: World) -> World:
    rows = list(world.labelled)
    rows[0] = rows[0].model_copy(update={"is_deterministic": False})
    return world.changed(labelled=tuple(rows))


def _only_passing(world: World) -> World:
    return world.changed(rows=tuple(r.model_copy(update={"completion_passed": True}) for r in world.rows))


def _second_fold_for_first_problem(world: World) -> World:
    first = world.splits[0]
    return world.changed(splits=(*world.splits, first.model_copy(update={"fold": (first.fold + 1) % 5})))


def _near_duplicate_in_another_fold(world: World) -> World:
    a = world.splits[0]
    b = next(s for s in world.splits if s.fold != a.fold)
    reference = world.references[a.problem_id]
    problems = tuple(
        p.model_copy(update={"reference": reference}) if p.problem_id == b.problem_id else p for p in world.problems
    )
    return world.changed(problems=problems)


def _no_large_output_in_fold_0(world: World) -> World:
    fold = {s.problem_id: s.fold for s in world.splits}
    rows = tuple(
        r.model_copy(update={"output_magnitude_bucket": "medium"})
        if fold[r.source_problem_id] == 0 and r.output_magnitude_bucket == "large"
        else r
        for r in world.rows
    )
    return world.changed(rows=rows)


def _no_mutation_pairs(world: World) -> World:
    return world.changed(decoys=tuple(d for d in world.decoys if d.category != "mutation"))


def _scored_problem_near_a_trained_one(world: World) -> World:
    fold = {s.problem_id: s.fold for s in world.splits}
    scored = next(m.problem_id for m in world.pools if fold[m.problem_id] == 0)
    trained = next(name for name in sorted(fold) if fold[name] == 3)
    reference = world.references[trained]
    problems = tuple(
        p.model_copy(update={"reference": reference}) if p.problem_id == scored else p for p in world.problems
    )
    return world.changed(problems=problems)


def _prompt_that_holds_the_passing_code(world: World) -> World:
    passing = {m.problem_id: m.completion_id for m in world.pools if m.passed}
    problems = tuple(
        p.model_copy(update={"prompt": world.codes[passing[p.problem_id]]}) if p.problem_id in passing else p
        for p in world.problems
    )
    return world.changed(problems=problems)


def _one_pool_left(world: World) -> World:
    fold = {s.problem_id: s.fold for s in world.splits}
    kept: dict[str, str] = {}
    for member in world.pools:
        if fold[member.problem_id] == 0:
            kept.setdefault(member.benchmark_id, member.pool_id)
    return world.changed(pools=tuple(m for m in world.pools if m.pool_id in kept.values()))


def _source_that_gives_nothing(world: World) -> World:
    unread = UnreadRows(reason="malformed", count=2, example="line 1: not JSON")
    reading = SourceReading(
        source="mine", file="mine.jsonl", form="JSON lines", row_count=2, program_count=0, unread=(unread,)
    )
    return world.changed(readings=(reading,))


def _pools_of_one_benchmark(world: World) -> World:
    return world.changed(pools=tuple(m for m in world.pools if m.benchmark_id == "humaneval"))


DATA_CASES = (
    Case("benchmark_problems", "stand_in_is_named", None, "stand_in_not_named",
         _replace_first("problems", source_revision="codelewm stand-in 1")),
    Case("benchmark_problems", "every_problem_is_usable", None, "problem_unusable",
         _replace_first("problems", inputs=(), expected=())),
    Case("candidate_completions", "every_problem_has_completions", None, "completions_missing",
         _without_completions_of_first_problem),
    Case("candidate_completions", "imports_were_read", None, "import_not_read", _source_that_gives_nothing),
    Case("candidate_completions", "no_secrets", None, "secret_found",
         _replace_first("completions", code="KEY = 'hf_" + "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD'")),
    Case("labelled_completions", "labels_are_deterministic", None, "label_not_deterministic",
         _nondeterministic_that_passed),
    Case("labelled_completions", "labels_were_isolated", None, "isolation_missing", None, ("rlimits",)),
    Case("labelled_completions", "labels_were_isolated", None, "isolation_missing", None, BASIC_LAYERS),
    Case("execution_pack", "pack_has_both_classes", None, "single_class", _only_passing),
    Case("execution_pack", "licences_are_known", None, "licence_unknown", _replace_first("rows", license="Proprietary")),
    Case("problem_splits", "no_problem_crosses_folds", None, "problem_crosses_folds", _second_fold_for_first_problem),
    Case("problem_splits", "no_near_duplicate_crosses_folds", None, "near_duplicate_crosses_folds",
         _near_duplicate_in_another_fold),
    Case("problem_splits", "folds_cover_every_cell", None, "coverage_below_floor", _no_large_output_in_fold_0),
    Case("semantic_decoys", "decoys_join_the_pack", None, "decoy_does_not_join",
         _replace_first("decoys", decoy_record_id="humaneval/000::of another pack::i0")),
    Case("semantic_decoys", "decoy_coverage", None, "coverage_below_floor", _no_mutation_pairs),
    Case("rerank_pools", "pools_join_the_pack", None, "pool_does_not_join",
         _replace_first("pools", completion_id="of another pack")),
    Case("rerank_pools", "no_scored_problem_was_trained_on", None, "scored_problem_trained_on",
         _scored_problem_near_a_trained_one),
    Case("control_scores", "controls_leave_headroom", None, "benchmark_saturated", _prompt_that_holds_the_passing_code),
    *(Case("rerank_pools", rule, None, "structure_tells_the_label", _pools_of_one_benchmark)
      for rule in ("structure_says_nothing_within_pools", "structure_says_nothing_across_pools", "fitted_structure_says_nothing")),
    Case("control_scores", "rerank_can_decide", None, "rerank_underpowered", _one_pool_left),
    Case("benchmark_problems", "problems_keep_their_contract", None, "contract_broken",
         table=lambda t: t.drop_columns("license")),
    Case("benchmark_problems", "problems_keep_their_contract", None, "contract_broken",
         table=lambda t: t.set_column(t.schema.get_field_index("benchmark_id"), "benchmark_id",
                                      pa.array(["mbpp_plus"] * len(t)))),
    Case("candidate_completions", "completions_keep_their_contract", None, "contract_broken",
         _replace_first("completions", completion_id="humaneval/000/c001")),
    Case("execution_pack", "pack_keeps_its_contract", None, "contract_broken",
         table=lambda t: t.set_column(t.schema.get_field_index("passed"), "passed", t["passed"].cast(pa.int64()))),
    Case("problem_splits", "splits_keep_their_contract", None, "contract_broken", _replace_first("splits", fold=5)),
    Case("semantic_decoys", "decoys_keep_their_contract", None, "contract_broken",
         _replace_first("decoys", query_record_id="humaneval/000::of another pack::i0")),
    Case("rerank_pools", "pools_keep_their_contract", None, "contract_broken",
         _replace_first("pools", benchmark_id="another benchmark")),
)  # fmt: skip
CONTRACT_CASES = [case for case in DATA_CASES if case.blocker == "contract_broken"]


def _put_changed_table(stored: StoredWorld, case: Case) -> None:
    """Store the case's table again with its fault, which no record could carry."""
    made = stored.latest[case.asset]
    files: dict[str, bytes | Path] = {file.path: made.path(file.path) for file in made.manifest.files}
    name = next(name for name in files if name.endswith(tables.FILES[case.asset]))
    assert case.table is not None
    rows = case.table(pq.read_table(made.path(name)))
    stored.put(case.asset, files | {name: write_table(rows.to_pylist(), rows.schema)}, {})


@pytest.mark.parametrize("case", DATA_CASES, ids=lambda case: case.check)
def test_a_data_check_is_red_on_exactly_its_fault(case: Case, stored: StoredWorld, world: World) -> None:
    faulty = case.fault(world) if case.fault else world
    stored.put_data(faulty, layers=case.layers) if case.layers else stored.put_data(faulty)
    if case.table is not None:
        _put_changed_table(stored, case)
    found = stored.run_check(case.asset, case.check, case.partition)
    assert not found.passed
    assert found.metadata["blocker"].value == case.blocker
    assert found.metadata["offender_count"].value >= 1


@pytest.mark.parametrize("case", DATA_CASES, ids=lambda case: case.check)
def test_a_data_check_is_green_on_the_small_world(case: Case, stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    assert stored.run_check(case.asset, case.check, case.partition).passed


def test_a_sentence_names_three_offenders_and_how_many_more_or_the_cell_nearest_its_floor() -> None:
    cells = [CellCount(cell=f"fold {n} humaneval passed", count=30 + n, floor=10 + n) for n in range(5)]
    shared = {"blocker": "below", "message": "Each reaches it.", "figures": {"rows": 9}, "table": cells}
    green = check_result(finding("r", [], **shared))
    assert green.description == "Each reaches it. Nearest to its floor is fold 4 humaneval passed: 34, floor 14."
    assert set(green.metadata) == {"rows", "offender_count", "table"}
    red = check_result(finding("r", list("abcde"), **shared))
    assert red.description == "below: a; b; c; and 2 more"
    assert set(red.metadata) == {"rows", "offender_count", "blocker", "offenders", "table"}


@pytest.mark.parametrize(
    ("asset", "check"),
    [("problem_splits", "folds_cover_every_cell"), ("semantic_decoys", "decoy_coverage"),
     ("control_scores", "controls_leave_headroom"), ("control_scores", "rerank_can_decide")],
)  # fmt: skip
def test_checks_that_are_inspected_hold_a_picture(stored: StoredWorld, world: World, asset: str, check: str) -> None:
    stored.put_data(world)
    assert stored.run_check(asset, check).metadata["plot"].value.startswith("![](data:image/png;base64,")


@pytest.mark.parametrize("case", CONTRACT_CASES, ids=lambda case: case.check)
def test_a_contract_links_its_page_which_is_not_an_artifact(case: Case, stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    before = list(stored.store.artifacts())
    pages = [stored.run_check(case.asset, case.check, case.partition).metadata["data_docs"].path for _ in range(2)]
    name = case.asset if case.partition is None else f"{case.asset}[{case.partition}]"
    page = stored.store.root / "data_docs" / case.asset / (case.partition or "all") / stored.latest[name].digest
    assert pages == [str(page / "index.html")] * 2
    text = (page / "index.html").read_text(encoding="utf-8")
    assert "Kept" in text and f"{name} {stored.latest[name].digest[:12]}" in text
    assert f"{tables.FILES[case.asset]} of artifact {stored.latest[name].digest}" in text
    assert list(stored.store.artifacts()) == before
    assert stored.store.verify_all() == (len(before), [])


def test_the_preflight_report_does_not_validate_again_what_the_checks_did(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six tables, six validations, whoever asks first."""
    validated: list[str] = []

    def counted(contract: Any, *arguments: Any, **options: Any) -> Any:
        validated.append(contract.rule)
        return validate(contract, *arguments, **options)

    validate = checks.validate
    monkeypatch.setattr(checks, "validate", counted)
    stored.put_data(world)
    for contract in checks.CONTRACTS:
        assert stored.run_check(contract.asset, contract.rule).passed
    stored.put_preflight()
    assert len(validated) == len(set(validated)) == 6


def test_an_expectation_that_raises_is_an_error_of_the_check_and_no_red_data(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`(` is no regular expression."""
    decoys = next(c for c in checks.CONTRACTS if c.asset == "semantic_decoys")
    broken = replace(decoys, patterns={"decoy_id": "("})
    validate = checks.validate
    monkeypatch.setattr(checks, "validate", lambda _, *tables, **options: validate(broken, *tables, **options))
    stored.put_data(world)
    with pytest.raises(ContractError, match="decoys_keep_their_contract: 1 expectations could not be evaluated"):
        checks.contract_finding(broken, stored.inputs(), None)
    assert stored.run_checks("semantic_decoys", only="decoys_keep_their_contract") == {}


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A name for each time that the rule on decoys and the pack is worked out."""
    found: list[str] = []
    rule = next(rule for rule in DATA_RULES if rule.name == "decoys_join_the_pack")

    def counted(*arguments: Any) -> Finding:
        found.append(rule.name)
        return rule.evaluate(*arguments)

    rules = [replace(rule, evaluate=counted) if one is rule else one for one in DATA_RULES]
    monkeypatch.setattr(checks, "DATA_RULES", tuple(rules))
    return found


def _finding(stored: StoredWorld) -> Finding:
    """As a check, the report and the guard's check of the report ask for it; each with inputs of its own."""
    rule = next(rule for rule in checks.DATA_RULES if rule.name == "decoys_join_the_pack")
    return rule.finding(stored.inputs(), None)


def test_a_finding_is_made_once_for_the_same_artifacts_settings_and_code(
    stored: StoredWorld, world: World, judged: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.put_data(world)
    assert _finding(stored) == _finding(stored)
    assert len(judged) == 1
    monkeypatch.setattr("codelewm_assets.defs.inputs.package_sha256", lambda: "another")
    _finding(stored)
    assert len(judged) == 2
    monkeypatch.setattr("codelewm_assets.profiles.profile.Profile.preflight_settings", lambda profile: {"folds": [1]})
    _finding(stored)
    assert len(judged) == 3


def test_a_finding_is_made_again_when_another_artifact_that_it_read_was_rebuilt(
    stored: StoredWorld, world: World, judged: list[str]
) -> None:
    """The decoys, which the rule is on, stay as they are; the pack that they join loses its rows."""
    stored.put_data(world)
    decoys = stored.latest["semantic_decoys"]
    assert _finding(stored).passed
    stored.put("execution_pack", {"pack.parquet": write_table(world.rows[:1])}, {"benchmark_labels": {}})
    assert stored.latest["semantic_decoys"] == decoys
    assert not _finding(stored).passed
    assert len(judged) == 2


def test_a_damaged_finding_is_made_again(stored: StoredWorld, world: World, judged: list[str]) -> None:
    stored.put_data(world)
    assert _finding(stored).passed
    for path in (stored.store.root / "findings").rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(b'"passed": true', b'"passed": false'))
    assert _finding(stored).passed
    assert len(judged) == 2


def test_secrets_of_the_environment_are_looked_for_each_time(
    stored: StoredWorld, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.put_data(world)
    rule = next(rule for rule in DATA_RULES if rule.name == "no_secrets")
    assert rule.finding(stored.inputs(), None).passed
    monkeypatch.setenv("MIRROR_TOKEN", next(c.code for c in world.completions).splitlines()[0])
    assert not rule.finding(stored.inputs(), None).passed


def test_preflight_is_clear_is_red_when_the_report_has_a_red_rule_as_green(stored: StoredWorld, world: World) -> None:
    rows = [row.model_copy(update={"license": "Proprietary"}) if n == 0 else row for n, row in enumerate(world.rows)]
    stored.put_data(world.changed(rows=tuple(rows)))
    green = [
        found.model_copy(update={"passed": True}).model_dump(mode="json") for found in evaluate_rules(stored.inputs())
    ]
    stored.put_preflight(clear=True, red=[], findings=green)
    found = stored.run_check("preflight_report", "preflight_is_clear")
    assert not found.passed and "licences_are_known is red, the report has it green" in found.description


def _prepared(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    stored.put_preflight()
    stored.put_tokens(world)
    stored.put_checkpoint()


def test_preflight_is_clear_is_red_on_a_red_rule_and_on_a_rebuilt_artifact(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    stored.put_preflight()
    assert stored.run_check("preflight_report", "preflight_is_clear").passed
    stored.put_preflight(clear=False, red=["decoy_coverage"])
    assert not stored.run_check("preflight_report", "preflight_is_clear").passed
    stored.put_preflight()
    stored.put_data(_no_mutation_pairs(world))
    found = stored.run_check("preflight_report", "preflight_is_clear")
    assert not found.passed and "semantic_decoys was rebuilt" in found.description


def test_artifacts_verify_is_red_when_a_judged_file_was_edited(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    stored.put_preflight()
    assert stored.run_check("preflight_report", "artifacts_verify").passed
    path = stored.latest["semantic_decoys"].path("decoys.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = stored.run_check("preflight_report", "artifacts_verify")
    assert not found.passed
    assert (found.metadata["blocker"].value, found.metadata["offender_count"].value) == ("manifest_mismatch", 1)


def test_tokens_join_the_pack_is_red_when_a_row_is_not_tokenized(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    stored.put_tokens(world)
    assert stored.run_check("tokenized_pack", "tokens_join_the_pack").passed
    stored.put_tokens(world.changed(rows=world.rows[1:]))
    found = stored.run_check("tokenized_pack", "tokens_join_the_pack")
    assert not found.passed and found.metadata["offender_count"].value == 1


def test_sidecar_matches_is_red_when_it_names_other_weights(stored: StoredWorld, world: World) -> None:
    _prepared(stored, world)
    assert stored.run_check("checkpoint", "sidecar_matches", "42").passed
    stored.put_checkpoint(weights_sha256={"0": "0" * 64})
    stored.put_json("checkpoint_inspection", "checkpoint_inspection.json", _inspection(), partition="42")
    for asset in ("checkpoint", "checkpoint_inspection"):
        found = stored.run_check(asset, "sidecar_matches", "42")
        assert not found.passed and "weights of fold 0" in found.description


def _inspection(**changes: Any) -> dict[str, Any]:
    return {
        "schema_version": "codelewm.checkpoint_inspection.v1", "seed": 42, "latent_count": 100,
        "effective_rank_ratio": 0.5, "median_variance": 0.01, "neighbour_entropy": 0.9, "tensor_count": 3,
        "parameter_count": 4, "nonfinite_tensors": [], "r2": 0.2, "r2_ci95": [0.1, 0.3], "untrained_r2": -0.1,
        "over_untrained": {"difference": 0.3, "ci95": [0.2, 0.4]},
    } | changes  # fmt: skip


def test_weights_are_finite_is_red_when_a_tensor_is_not(stored: StoredWorld) -> None:
    stored.put_json("checkpoint_inspection", "checkpoint_inspection.json", _inspection(), partition="42")
    assert stored.run_check("checkpoint_inspection", "weights_are_finite", "42").passed
    broken = _inspection(nonfinite_tensors=["fold 0 project.weight"])
    stored.put_json("checkpoint_inspection", "checkpoint_inspection.json", broken, partition="42")
    assert not stored.run_check("checkpoint_inspection", "weights_are_finite", "42").passed


@pytest.mark.parametrize(
    "change",
    [
        {"effective_rank_ratio": 0.19},
        {"median_variance": 1e-9},
        {"neighbour_entropy": 0.09},
        {"effective_rank_ratio": None},
        {"r2": -1.0},
    ],
)
def test_latents_have_not_collapsed_is_red_below_a_floor_and_without_evidence(
    stored: StoredWorld, change: dict[str, Any]
) -> None:
    stored.put_json("checkpoint_inspection", "checkpoint_inspection.json", _inspection(), partition="42")
    assert stored.run_check("checkpoint_inspection", "latents_have_not_collapsed", "42").passed
    stored.put_json("checkpoint_inspection", "checkpoint_inspection.json", _inspection(**change), partition="42")
    assert not stored.run_check("checkpoint_inspection", "latents_have_not_collapsed", "42").passed


def _score_lines(world: World, *, fold: int = 0, p_pass: float | None = 0.5, score: str = "p_pass") -> bytes:
    from codelewm_assets.core.digests import canonical_json

    held = {s.problem_id for s in world.splits if s.fold == 0}
    rows = [
        {"completion_id": m.completion_id, "problem_id": m.problem_id, "benchmark_id": m.benchmark_id, "split": "test",
         "fold": fold, "passed": m.passed, "pool_id": m.pool_id, "scores": {score: p_pass}}
        for m in world.pools if m.problem_id in held
    ]  # fmt: skip
    return b"".join(canonical_json(row) + b"\n" for row in rows)


SCORE_FILES = {
    f"{folder}{name}.jsonl": score
    for folder, score in (("", "p_pass"), ("scorers/critic/", "critic"), ("scorers/ranker/", "ranker"))
    for name in ("score_rows", "completion_scores")
}
"""Files of score rows with a scorer that the profile names, and the score that each row has."""


@pytest.mark.parametrize(
    ("check", "fault"),
    [("every_score_row_has_p_pass", {"p_pass": None}), ("every_score_row_has_p_pass", {"p_pass": 1.5}),
     ("only_held_out_rows_were_scored", {"fold": 3})],
)  # fmt: skip
def test_score_checks_are_red_on_their_fault_in_either_file(
    stored: StoredWorld, world: World, check: str, fault: dict[str, Any]
) -> None:
    stored.put_data(world)
    clean = {name: _score_lines(world, score=score) for name, score in SCORE_FILES.items()}
    of_p_pass = check == "every_score_row_has_p_pass"
    for broken, score in [(None, ""), *SCORE_FILES.items()]:
        wanted = broken is None or (of_p_pass and score != "p_pass")
        files = clean | ({} if broken is None else {broken: _score_lines(world, **fault, score=score)})
        stored.put("heldout_scores", files, {}, partition="42")
        assert stored.run_check("heldout_scores", check, "42").passed is wanted


def test_scorers_score_every_pool_member_is_red_where_a_fold_that_is_judged_has_no_scores(
    stored: StoredWorld, world: World
) -> None:
    """Scores of fold 0 alone."""
    stored.put_data(world)
    held = {split.problem_id for split in world.splits if split.fold == 0}
    scores = [
        NamedScore(scorer="ranker", completion_id=name, seed=None, score=0.5)
        for name in sorted({m.completion_id for m in world.pools if m.problem_id in held})
    ]
    stated = {"name": "ranker", "kind": "external", "role": "candidate", "reads": "the program", "folds": [0],
              "none_of_the_benchmarks": None, "problems": None, "source": {}}  # fmt: skip
    files = {"scores.parquet": write_table(scores, arrow_schema(NamedScore)), "scorers.json": pretty_json([stated])}
    stored.put("scorer_scores", files, {})
    assert stored.run_check("scorer_scores", "scorers_score_every_pool_member").passed
    stored.put("scorer_scores", files | {"scorers.json": pretty_json([stated | {"folds": [0, 1]}])}, {})
    found = stored.run_check("scorer_scores", "scorers_score_every_pool_member")
    assert not found.passed
    assert "ranker: " in found.description and "pool members have no score" in found.description


def test_gates_of_named_scorers_is_red_when_one_of_them_does_not_hold(stored: StoredWorld) -> None:
    stored.put_json("claim_gates", "claim_gates.json", with_named(named("ranker")).model_dump(mode="json"))
    assert stored.run_check("claim_gates", "gates_of_named_scorers").passed
    gates = with_named(named("ranker", statement="unknown"))
    stored.put_json("claim_gates", "claim_gates.json", gates.model_dump(mode="json"))
    found = stored.run_check("claim_gates", "gates_of_named_scorers")
    assert not found.passed and found.description == "ranker:contamination UNDECIDED"


@pytest.mark.parametrize("fault", ["fold", "data"])
def test_critic_scores_held_out_programs_is_red_on_another_fold_and_on_rebuilt_data(
    stored: StoredWorld, world: World, fault: str
) -> None:
    stored.put_data(world)
    fold = {split.problem_id: split.fold for split in world.splits}

    def put(shift: int) -> None:
        rows = [
            CriticScore(
                completion_id=m.completion_id,
                problem_id=m.problem_id,
                fold=(fold[m.problem_id] + shift) % 5,
                critic=0.5,
            )
            for m in world.pools
        ]
        about = {"trained_on": {name: stored.latest[name].digest for name in TRAINED_ON}}
        files = {"scores.parquet": write_table(rows), "critic.json": pretty_json(about)}
        stored.put("critic", files, {}, partition="42")

    put(0)
    assert stored.run_check("critic", "critic_scores_held_out_programs", "42").passed
    if fault == "fold":
        put(1)
    else:
        stored.put_data(world.changed(rows=world.rows[:-1]))
    assert not stored.run_check("critic", "critic_scores_held_out_programs", "42").passed


def test_open_claims_follow_from_gates_is_red_when_a_claim_was_opened_by_hand(stored: StoredWorld) -> None:
    from codelewm_assets.claims.gates import evaluate_gates

    gates = evaluate_gates({}, None, profile="tiny", benchmark_labels={"humaneval": "humaneval"}).model_dump(
        mode="json"
    )
    stored.put_json("claim_gates", "claim_gates.json", gates)
    assert stored.run_check("claim_gates", "open_claims_follow_from_gates").passed
    gates["claims"][0]["status"] = "OPEN"
    stored.put_json("claim_gates", "claim_gates.json", gates)
    assert not stored.run_check("claim_gates", "open_claims_follow_from_gates").passed


GATE_CHECK_NAMES = tuple(check_name(rule.name) for rule in GATE_RULES)


def _put_gates(stored: StoredWorld, gates: Any) -> None:
    stored.put_json("claim_gates", "claim_gates.json", gates.model_dump(mode="json"))


@pytest.mark.parametrize("check", GATE_CHECK_NAMES)
def test_the_check_of_a_gate_passes_while_it_holds_and_else_warns_with_its_reasons(
    stored: StoredWorld, check: str
) -> None:
    from codelewm_assets_tests.claims.evidence import gates_of, nothing_known

    _put_gates(stored, gates_of())
    found = stored.run_check("claim_gates", check)
    assert found.passed and found.description == "HOLDS" and found.metadata["state"].value == "HOLDS"
    _put_gates(stored, nothing_known())
    found = stored.run_check("claim_gates", check)
    assert not found.passed and not found.blocking and found.severity.value == "WARN"
    assert found.description.startswith("UNDECIDED: evidence_missing (")
    assert found.metadata["reasons"].records[0].data["code"] == "evidence_missing"
    assert found.metadata["judged"].value == stored.latest["claim_gates"].digest


def test_the_check_of_a_gate_shows_figures_of_each_seed_and_the_thresholds(stored: StoredWorld) -> None:
    from codelewm_assets_tests.claims.evidence import collapse, gates_of

    _put_gates(stored, gates_of({1729: {"collapse": collapse(effective_rank_ratio=0.1)}}))
    found = stored.run_check("claim_gates", "gate_collapse")
    assert (
        found.description
        == "FAILS: collapsed (seed 1729: effective_rank_ratio of z_pred is 0.1; at least 0.2 is needed.)"
    )
    assert found.metadata["1729: effective_rank_ratio"].value == 0.1
    assert found.metadata["42: effective_rank_ratio"].value > 0.2
    shown = [row.data for row in found.metadata["thresholds"].records]
    assert (shown[0]["threshold"], shown[0]["value"], shown[0]["fixed on"]) == (
        "effective-rank ratio",
        "0.2",
        "2026-06-06",
    )


def test_a_gate_that_was_not_judged_when_the_gates_were_is_undecided(stored: StoredWorld) -> None:
    from codelewm_assets_tests.claims.evidence import gates_of

    gates = gates_of()
    _put_gates(stored, gates.model_copy(update={"gates": gates.gates[1:]}))
    found = stored.run_check("claim_gates", "gate_collapse")
    assert found.description == "UNDECIDED: evidence_missing (collapse was not judged)"


def test_no_claim_beyond_its_gate_is_red_on_an_overclaim(stored: StoredWorld) -> None:
    stored.put_json("claim_audit", "claim_audit.json", {"documents": ["README.md"], "overclaims": []})
    assert stored.run_check("claim_audit", "no_claim_beyond_its_gate").passed
    row = {"document": "README.md", "line": 3, "claim_id": "improves_reranking", "status": "CLOSED",
           "sentence": "It improves reranking."}  # fmt: skip
    stored.put_json("claim_audit", "claim_audit.json", {"documents": ["README.md"], "overclaims": [row]})
    found = stored.run_check("claim_audit", "no_claim_beyond_its_gate")
    assert not found.passed and "README.md:3" in found.description


def test_artifacts_verify_is_red_when_one_byte_changed(stored: StoredWorld, world: World) -> None:
    stored.put_data(world)
    made = stored.latest["execution_pack"]
    manifest = made.manifest.model_dump(mode="json", exclude={"created_at", "source_git_sha", "command"})
    stored.put_json("artifact_index", "artifact_index.json", {made.digest: manifest})
    assert stored.run_check("artifact_index", "artifacts_verify").passed
    path = made.path("pack.parquet")
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(bytes(data))
    found = stored.run_check("artifact_index", "artifacts_verify")
    assert not found.passed and "pack.parquet" in found.description


def test_a_release_is_red_when_its_plan_found_something(stored: StoredWorld) -> None:
    plan: dict[str, Any] = {
        "schema_version": "codelewm_assets.release_plan.v3",
        "register_digest": "",
        "files": [],
        "refusals": [],
    }
    stored.put_json("hub_release", "release_plan.json", plan)
    assert stored.run_check("hub_release", "nothing_stands_against_the_release").passed
    found = {"reason": "secret_found", "detail": "dataset_card README.md:1 Private Key"}
    stored.put_json("hub_release", "release_plan.json", plan | {"refusals": [found]})
    red = stored.run_check("hub_release", "nothing_stands_against_the_release")
    assert not red.passed and "secret_found" in str(red.description)


def test_every_check_of_the_graph_has_a_red_test_here() -> None:
    """As a case with a fault, or by name in a test that asserts that the check does not pass."""
    red = {case.check for case in DATA_CASES} | set(GATE_CHECK_NAMES)
    here = Path(__file__)
    texts = [
        path.read_text(encoding="utf-8")
        for path in (here, here.with_name("test_library.py"), here.with_name("test_published.py"))
    ]
    for function in (found for text in texts for found in ast.parse(text).body):
        if re.search(r"^ +assert (?:not .*\.passed|.*\.passed is wanted$)", ast.unparse(function), re.MULTILINE):
            red |= {node.value for node in ast.walk(function) if isinstance(node, ast.Constant)}
    checks = {key.name for module in STAGE_MODULES for check in module.CHECKS for key in check.check_keys}
    assert checks - red == set()


def test_the_world_itself_has_no_near_duplicates(world: World) -> None:
    assert random_program("a") != random_program("b")
    assert make_problem(0).problem_id == "humaneval/000"
    assert len({split.cluster for split in world.splits}) == len(world.problems)
