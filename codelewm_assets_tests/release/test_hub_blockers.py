"""Each reason against a release, made to happen: exactly the typed reasons that it must give, and nothing is sent."""

import shutil
from collections.abc import Callable

import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.errors import ReleaseError
from codelewm_assets.core.records import Decoy
from codelewm_assets.core.tables import arrow_schema, write_table
from codelewm_assets.release.hub_blockers import blockers_now
from codelewm_assets.release.hub_plan import Blocker
from codelewm_assets.release.hub_upload import publish
from codelewm_assets_tests.release.hub_world import (
    DATA_CARD,
    LABELS,
    MODEL_CODE,
    SECRET,
    HubWorld,
    audit_of,
    data_card,
    inspection_of,
    pack_of,
    pack_with,
)

OVERCLAIM = {"document": "dataset_card/README.md", "line": 3, "claim_id": "is_non_collapsed", "sentence": "Not so."}


def _append(world: HubWorld, artifact_id: str, name: str) -> None:
    path = world.artifact(artifact_id).folder / name
    path.write_bytes(path.read_bytes() + b"x")


def _without(world: HubWorld, artifact_id: str) -> None:
    del world.latest[artifact_id]


def _alter_manifest(world: HubWorld, artifact_id: str) -> None:
    path = world.artifact(artifact_id).folder / "manifest.json"
    path.write_text(path.read_text().replace('"bytes": ', '"bytes": 9'))


Fault = Callable[[HubWorld], None]
FAULTS: dict[str, tuple[Fault, set[str], str]] = {
    "a published file is altered": (
        lambda w: _append(w, "problem_splits", "splits.parquet"),
        {"manifest_mismatch"},
        "problem_splits .* splits.parquet is",
    ),
    "a file is altered that nobody publishes": (
        lambda w: _append(w, LABELS, "labelled_completions.json"),
        {"manifest_mismatch"},
        "labelled_completions .* labelled_completions.json is",
    ),
    "a manifest is altered": (
        lambda w: _alter_manifest(w, "claim_gates"),
        {"manifest_mismatch"},
        "The manifest was altered",
    ),
    "a parent is gone": (
        lambda w: shutil.rmtree(w.artifact(LABELS).folder),
        {"manifest_mismatch"},
        "is not in the store",
    ),
    "a secret in a card": (
        lambda w: w.build({"dataset_card": data_card(DATA_CARD + SECRET)}),
        {"secret_found"},
        r"dataset_card README.md:\d+ Hugging Face Token",
    ),
    "a secret in a program behind the hashed tokens": (
        lambda w: w.build({"execution_pack": {"pack.parquet": pack_of(code=f"def solve(x):\n    return '{SECRET}'")}}),
        {"secret_found"},
        "execution_pack .*:2 Hugging Face Token",
    ),
    "a secret in an input behind the hashed tokens": (
        lambda w: w.build({"execution_pack": {"pack.parquet": pack_with(input_tokens=f"['{SECRET}']")}}),
        {"secret_found"},
        "execution_pack .*:1 Hugging Face Token",
    ),
    "a secret in an output behind the hashed tokens": (
        lambda w: w.build({"execution_pack": {"pack.parquet": pack_with(output_tokens=f"'{SECRET}'")}}),
        {"secret_found"},
        "execution_pack .*:1 Hugging Face Token",
    ),
    "a sentence beyond the gates": (
        lambda w: w.build({"claim_audit": audit_of(OVERCLAIM)}),
        {"overclaim"},
        "dataset_card/README.md:3 is_non_collapsed: Not so.",
    ),
    "an audit by other gates": (
        lambda w: w.build({"claim_gates": {"claim_gates.json": b"{}\n"}}, keep=("claim_audit",)),
        {"audit_out_of_date", "mixed_versions"},
        "read .* of claim_gates, the latest is",
    ),
    "an audit that did not read this card": (
        lambda w: w.build(
            {"model_card": {f"{seed}/README.md": b"# Other\n" for seed in (42, 1729)}},
            keep=("claim_audit", "artifact_index"),
        ),
        {"audit_out_of_date", "mixed_versions"},
        r"read .* of model_card",
    ),
    "a checkpoint that was not inspected": (
        lambda w: _without(w, "checkpoint_inspection[1729]"),
        {"artifact_missing", "checkpoint_not_inspected"},
        r"checkpoint\[1729\] .* has no inspection$",
    ),
    "an inspection of another checkpoint": (
        lambda w: w.build(
            {"checkpoint[42]": {"fold0/model.safetensors": b"other", "sidecar.json": b"{}"}},
            keep=("checkpoint_inspection[42]",),
        ),
        {"checkpoint_not_inspected", "mixed_versions"},
        r"checkpoint\[42\] .* has no inspection; there is one of",
    ),
    "an inspection that looked at nothing": (
        lambda w: w.build({"checkpoint_inspection[42]": inspection_of(tensor_count=0)}),
        {"checkpoint_not_inspected"},
        "looked at no tensor",
    ),
    "an inspection that does not say whether tensors are finite": (
        lambda w: w.build(
            {"checkpoint_inspection[42]": {"checkpoint_inspection.json": pretty_json({"tensor_count": 9})}}
        ),
        {"checkpoint_not_inspected"},
        "looked at no tensor",
    ),
    "a tensor that is not finite": (
        lambda w: w.build({"checkpoint_inspection[42]": inspection_of(nonfinite_tensors=["fold 0 layer.weight"])}),
        {"checkpoint_not_finite"},
        "fold 0 layer.weight",
    ),
    "no model card": (
        lambda w: _without(w, "model_card"),
        {"card_missing"},
        r"model_card has not been materialized",
    ),
    "a card without its text": (
        lambda w: w.build({"dataset_card": {"data/pack.parquet": b"hashed rows"}}),
        {"card_missing"},
        "dataset_card .* has no README.md",
    ),
    "no report of one seed": (
        lambda w: _without(w, "surprise_report[42]"),
        {"artifact_missing"},
        r"surprise_report\[42\]",
    ),
    "decoys of another pack": (
        lambda w: w.build({"execution_pack": {"pack.parquet": pack_of(code="pass")}}, keep=("semantic_decoys",)),
        {"mixed_versions"},
        "execution_pack: .* behind .*; .* behind",
    ),
    "a dataset whose split has a reserved name": (
        lambda w: w.build({"dataset_card": data_card(DATA_CARD.replace("split: test", "split: all", 1))}),
        {"dataset_does_not_load"},
        "codelewm-dataset default: ValueError: `all` is a special split keyword",
    ),
    "a configuration whose file is not published": (
        lambda w: w.build({"dataset_card": data_card(DATA_CARD.replace("pools.parquet", "pool.parquet"))}),
        {"dataset_does_not_load"},
        "codelewm-dataset rerank_pools: FileNotFoundError",
    ),
    "a table without a row": (
        lambda w: w.build({"semantic_decoys": {"decoys.parquet": write_table([], arrow_schema(Decoy))}}),
        {"dataset_does_not_load"},
        "codelewm-dataset semantic_decoys: DatasetGenerationError",
    ),
    "a dataset whose card states no data": (
        lambda w: w.build({"dataset_card": data_card("# Data\n")}),
        {"dataset_does_not_load"},
        "codelewm-dataset README.md states neither configs nor `viewer: false`",
    ),
    "a file that could be run": (
        lambda w: w.build({"checkpoint[42]": {"fold0.pkl": b"weights", "sidecar.json": b"{}"}}),
        {"unexpected_file"},
        r"checkpoint\[42\] fold0.pkl; wanted one of",
    ),
    "a module of the model that was edited": (
        lambda w: w.build({"checkpoint[42]": MODEL_CODE | {"fold0/modeling_codelewm.py": b"import os"}}),
        {"unexpected_file"},
        r"checkpoint\[42\] fold0/modeling_codelewm.py; .*, or this version's configuration_codelewm.py and modeling",
    ),
    "a module of the model that is no checkpoint's": (
        lambda w: w.build({"surprise_report[42]": MODEL_CODE}),
        {"unexpected_file"},
        r"surprise_report\[42\] fold0/configuration_codelewm.py; ",
    ),
}


def test_nothing_stands_against_a_release_before_a_fault_is_made(world: HubWorld) -> None:
    assert world.draft().plan.refusals == ()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_gives_exactly_its_typed_reasons_and_nothing_is_sent(name: str, world: HubWorld) -> None:
    fault, reasons, detail = FAULTS[name]
    fault(world)
    plan, sources = world.stored()
    assert {refusal.reason for refusal in plan.refusals} == reasons
    with pytest.raises(ReleaseError, match=rf"^Publication is refused: (?s:.*){detail.removesuffix('$')}.*uploaded\.$"):
        publish(plan, sources, token="hf_test", endpoint="http://127.0.0.1:9")


def test_all_reasons_come_at_once(world: HubWorld) -> None:
    world.build({"claim_audit": audit_of(OVERCLAIM), "checkpoint_inspection[42]": inspection_of(tensor_count=0)})
    _without(world, "model_card")
    found = {refusal.reason for refusal in world.draft().plan.refusals}
    assert found == {"overclaim", "checkpoint_not_inspected", "card_missing"}


def test_a_secret_is_not_repeated_in_its_refusal(world: HubWorld) -> None:
    world.build({"dataset_card": {"README.md": SECRET.encode()}})
    assert SECRET not in world.draft().plan.model_dump_json()


# at the time of publication


def _now(world: HubWorld, fault: Fault) -> list[Blocker]:
    plan, sources = world.stored()
    fault(world)
    return blockers_now(plan, sources, world.store, world.released)


def test_a_plan_on_which_nothing_changed_is_refused_for_nothing_new(world: HubWorld) -> None:
    assert _now(world, lambda w: None) == []


def test_a_published_file_altered_since_the_plan_is_refused_by_its_path(world: HubWorld) -> None:
    (found,) = _now(world, lambda w: _append(w, "checkpoint[42]", "sidecar.json"))
    assert found.reason == "altered_since_plan"
    assert found.detail.startswith("codelewm-model-seed42 checkpoint/sidecar.json is ")


def test_a_published_file_that_is_gone_is_refused(world: HubWorld) -> None:
    (found,) = _now(world, lambda w: (w.artifact("claim_gates").folder / "claim_gates.json").unlink())
    assert (found.reason, "is missing" in found.detail) == ("altered_since_plan", True)


def test_a_run_card_or_manifest_beside_the_plan_that_was_altered_is_refused(world: HubWorld) -> None:
    (found,) = _now(world, lambda w: _append(w, "hub_release", "run_card.md"))
    assert (found.reason, "codelewm-run-reports README.md" in found.detail) == ("altered_since_plan", True)


def test_an_ancestor_altered_since_the_plan_is_refused(world: HubWorld) -> None:
    (found,) = _now(world, lambda w: _append(w, "execution_pack", "pack.parquet"))
    assert found.reason == "manifest_mismatch"


def test_a_plan_of_artifacts_that_were_rebuilt_since_is_refused_with_each_of_them(world: HubWorld) -> None:
    found = _now(world, lambda w: w.build({"claim_gates": {"claim_gates.json": b"{}\n"}}))
    assert {refusal.reason for refusal in found} == {"plan_out_of_date"}
    assert {refusal.detail.split(" ")[0] for refusal in found} == {
        "claim_gates", "results_report", "dataset_card", "model_card", "claim_audit", "artifact_index",
    }  # fmt: skip
