"""Cards, rendered from tiny records: headers of the Hub's own classes, figures by path, and nothing beyond the gates."""

import subprocess
import sys
from typing import Any

import pytest
import yaml

from codelewm_assets.claims.audit import audit_text
from codelewm_assets.core.records import ExcludedProblem
from codelewm_assets.release import cards
from codelewm_assets.release.cards import dataset_card, eval_results, model_card
from codelewm_assets.release.hub_layout import CONFIGS
from codelewm_assets.release.report_records import report_records
from codelewm_assets.training.config import PretrainedEncoder, TrainingConfig
from codelewm_assets_tests.claims.evidence import LABELS, STAND_IN, collapse, gates_of, nothing_known, seed_evidence
from codelewm_assets_tests.factories import World, make_world
from codelewm_assets_tests.release.full import full_records
from codelewm_assets_tests.release.records import sidecar

MADE_FROM = {"execution_pack": "e" * 64}


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(3)


def _header(card: str) -> dict[str, Any]:
    assert card.startswith("---\n")
    found: dict[str, Any] = yaml.safe_load(card.split("---\n")[1])
    return found


def _dataset(world: World, left_out: tuple[ExcludedProblem, ...] = (), labels: dict[str, str] = LABELS) -> str:
    records = report_records(nothing_known(labels), {})
    return dataset_card(world.rows, world.splits, left_out, records, artifacts=MADE_FROM)


def test_the_dataset_card_counts_every_row_once(world: World) -> None:
    card = _dataset(world)
    rows = card.split("## Rows")[1].split("## Magnitude")[0].splitlines()
    counts = [int(line.split("|")[5]) for line in rows if line.startswith("| ") and "benchmark" not in line]
    assert sum(counts) == len(world.rows)
    buckets = card.split("## Magnitude")[1].split("## Outcomes")[0].splitlines()
    cells = [int(n) for line in buckets if line.startswith("| ") and "fold" not in line for n in line.split("|")[3:8]]
    assert sum(cells) == len(world.rows)
    assert "## Excluded problems\n\n(none)\n" in card
    assert "| humaneval | MIT | https://example.org/license |" in card
    assert f"| execution_pack | {'e' * 64} |" in card


def test_the_dataset_cards_header_is_what_the_hub_reads(world: World) -> None:
    header = _header(_dataset(world))
    assert header["license"] == "other"
    assert header["size_categories"] == ["n<1K"]
    stated = {config["config_name"]: config["data_files"] for config in header["configs"]}
    assert stated == {name: [{"split": "test", "path": path}] for name, path in CONFIGS.items()}


def test_the_dataset_card_names_what_was_excluded_and_the_stand_in(world: World) -> None:
    card = _dataset(world, (ExcludedProblem(problem_id="humaneval/099", reason="no | inputs"),), STAND_IN)
    assert "| humaneval/099 | no \\| inputs |" in card
    assert "`mbpp_plus (stand-in)`" in card
    assert "| mbpp_plus |" not in card


def test_the_model_card_is_rendered_from_its_sidecar() -> None:
    evidence = seed_evidence(collapse=collapse(effective_rank_ratio=None))
    card = model_card(sidecar(1729), report_records(gates_of(), {1729: evidence}), artifacts={"claim_gates": "f" * 64})
    assert "# CodeLeWM transition model, seed 1729" in card
    assert "123456 trained parameters, from scratch, on cpu (test)" in card
    assert "The encoder's pretraining holds none of the benchmarks: there is none." in card
    assert "folds [0, 1]" in card
    for name, letter in (
        ("execution_pack", "a"),
        ("problem_splits", "b"),
        ("tokenized_pack", "c"),
        ("claim_gates", "f"),
    ):
        assert f"| {name} | {letter * 64} |" in card
    assert "| torch | 9.8.7 |" in card
    assert "| hidden | 96 |" in card
    assert "| effective_rank_ratio | 0.200 | – | – |" in card  # the absent figure is no zero, its floor stands
    assert _header(card)["license"] == "apache-2.0"


def test_the_model_card_states_the_encoder_and_what_it_may_have_seen() -> None:
    encoder = PretrainedEncoder(source="a/b", revision="1" * 40, gguf_file="b.gguf")
    config = TrainingConfig(encoder="pretrained", pretrained=encoder)
    changes = {"config": config, "encoder_may_have_seen_benchmarks": "unknown"}
    card = model_card(sidecar().model_copy(update=changes), full_records(), artifacts={})
    assert "on the pretrained encoder `a/b` (frozen), on cpu (test)" in card
    assert "Whether the encoder's pretraining holds the benchmarks: unknown." in card
    assert f'# folder or name of a/b, with gguf_file="b.gguf", at revision {"1" * 40}\nmodel.attach(' in card


def test_each_metric_of_the_seed_is_an_eval_result_with_the_benchmarks_label() -> None:
    records = full_records()
    index = _header(model_card(sidecar(42), records, artifacts={}))["model-index"][0]
    found = {
        (result["dataset"]["name"], metric["name"]): metric["value"]
        for result in index["results"]
        for metric in result["metrics"]
    }
    assert index["name"] == "codelewm-model-seed42"
    on = "mbpp_plus (stand-in)"
    rerank = "seed.42.rerank.mbpp_plus"
    assert found[on, "pass@1 of p_pass"] == records.at(f"{rerank}.pass_at_1.p_pass")
    assert found[on, "lift over the best control, consensus, in points"] == records.at(
        f"{rerank}.lift.consensus.points"
    )
    both = f"humaneval and {on}"
    assert found[both, "ROC-AUC of p_pass"] == records.at("seed.42.calibration.overall.p_pass.roc_auc")
    assert not [name for name, _ in found if name == "mbpp_plus"]
    assert len(found) == len(list(eval_results(records, 42)))


def test_a_metric_that_is_absent_is_no_eval_result() -> None:
    assert list(eval_results(report_records(gates_of(), {}), 42)) == []
    assert "model-index" not in _header(model_card(sidecar(42), report_records(gates_of(), {}), artifacts={}))


def test_the_same_records_give_the_same_card(world: World) -> None:
    assert _dataset(world) == _dataset(world)
    first = model_card(sidecar(), full_records(), artifacts={})
    assert model_card(sidecar(), full_records(), artifacts={}) == first


def test_importing_the_cards_imports_no_huggingface_hub() -> None:
    program = f"import sys, {cards.__name__}; print('huggingface_hub' in sys.modules, 'jinja2' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split()[0] == "False"


def test_no_card_says_more_than_the_gates_when_all_claims_are_closed(world: World) -> None:
    gates = nothing_known(STAND_IN)
    status = {claim.claim_id: claim.status for claim in gates.claims}
    for card in (_dataset(world, labels=STAND_IN), model_card(sidecar(), full_records(gates), artifacts={})):
        assert audit_text(card, status) == []
        assert all(f"CLOSED: {claim.sentence}" in card for claim in gates.claims)
