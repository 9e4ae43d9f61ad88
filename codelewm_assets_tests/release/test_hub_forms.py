"""The Hub's forms of today: Croissant metadata, `eval.yaml`, and a model's `.eval_results/*.yaml`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.release.hub_benchmark import eval_results, eval_yaml, tasks
from codelewm_assets.release.hub_croissant import RESPONSIBLE_AI, croissant, dataset_files
from codelewm_assets.release.hub_layout import CONFIGS
from codelewm_assets.release.report_records import report_records
from codelewm_assets_tests.claims.evidence import STAND_IN, gates_of, nothing_known, seed_evidence
from codelewm_assets_tests.release.hub_world import DATA_FILES, TABLE_FILES


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Configuration → its table on disk."""
    folder = tmp_path_factory.mktemp("tables")
    contents = {
        **DATA_FILES,
        **{f"{kind}/{name}": data for kind, files in TABLE_FILES.items() for name, data in files.items()},
    }
    for name, data in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    return {name: folder / path for name, path in CONFIGS.items()}


@pytest.fixture(scope="module")
def metadata(tables: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The metadata as a file."""
    path = tmp_path_factory.mktemp("metadata") / "croissant.json"
    path.write_bytes(croissant(tables, version="1.0.0+abc"))
    return path


# In a process of its own: mlcroissant's logger closes the stream that pytest captures standard error with.
READ = """
import json, sys, mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1], mapping=json.loads(sys.argv[2]))  # raises on an error of the format
metadata = dataset.metadata
row = next(iter(dataset.records("default")))
print(json.dumps({
    "issues": metadata.ctx.issues.report(), "conforms_to": metadata.ctx.conforms_to.name,
    "record_sets": [records.id for records in metadata.record_sets],
    "tokens": len(row["default/code_tokens"]),
    "biases": str(metadata.data_biases), "sensitive": str(metadata.personal_sensitive_information),
}))
"""


@pytest.fixture(scope="module")
def read(metadata: Path, tables: dict[str, Path]) -> dict[str, Any]:
    """The metadata and a row as mlcroissant reads them."""
    mapping = {CONFIGS[name]: str(path) for name, path in tables.items()}
    command = [sys.executable, "-c", READ, str(metadata), json.dumps(mapping)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_the_metadata_validates_and_its_records_are_the_tables(read: dict[str, Any]) -> None:
    assert "datePublished" in read["issues"]  # no clock is read: the same content has the same bytes
    assert "1 warning" in read["issues"]
    assert read["conforms_to"] == "V_1_1"
    assert read["record_sets"] == list(CONFIGS)
    assert read["tokens"] > 1


def test_the_responsible_ai_fields_are_read_as_such(metadata: Path, read: dict[str, Any]) -> None:
    assert set(RESPONSIBLE_AI) <= json.loads(metadata.read_bytes()).keys()
    assert str(RESPONSIBLE_AI["rai:dataBiases"]) in read["biases"]
    assert str(RESPONSIBLE_AI["rai:personalSensitiveInformation"]) in read["sensitive"]


def test_without_a_table_there_is_no_metadata() -> None:
    assert dataset_files({}) == {}


def test_every_benchmark_and_metric_is_a_task_on_a_configuration_that_is_published() -> None:
    content = yaml.safe_load(eval_yaml())
    assert list(content) == ["name", "description", "evaluation_framework", "tasks"]
    ids = [row["id"] for row in content["tasks"]]
    assert ids == [f"{name}_{metric}" for name in BENCHMARKS for metric in ("pass_at_1", "mrr", "roc_auc")]
    assert {row["config"] for row in content["tasks"]} <= CONFIGS.keys()
    assert {row["split"] for row in content["tasks"]} == {"test"}


def test_a_models_results_are_entries_of_the_tasks_with_the_figures_of_the_reports() -> None:
    records = report_records(gates_of(), {42: seed_evidence()})
    files = dict(eval_results(records, 42))
    assert list(files) == [".eval_results/p_pass.yaml", ".eval_results/critic.yaml"]
    for score, base in (("p_pass", ""), ("critic", "scorers.critic.")):
        entries = parse_eval_result_entries(yaml.safe_load(files[f".eval_results/{score}.yaml"]))
        assert {entry.dataset_id for entry in entries} == {"codelewm/codelewm-dataset"}
        values = {entry.task_id: entry.value for entry in entries}
        assert values.keys() <= {task.task_id for task in tasks()} and values
        of_benchmarks = "rerank." if score == "p_pass" else "rerank.benchmarks."
        assert values["humaneval_pass_at_1"] == records.at(f"seed.42.{base}{of_benchmarks}humaneval.pass_at_1.{score}")


def test_a_result_names_its_score_its_seed_and_the_stand_in_and_absent_figures_are_no_result() -> None:
    records = report_records(nothing_known(STAND_IN), {42: seed_evidence()})
    (entry, *_) = parse_eval_result_entries(
        yaml.safe_load(dict(eval_results(records, 42))[".eval_results/p_pass.yaml"])
    )
    assert entry.notes == "pass_at_1 of p_pass, seed 42, on humaneval"
    notes = [
        e.notes
        for e in parse_eval_result_entries(yaml.safe_load(dict(eval_results(records, 42))[".eval_results/p_pass.yaml"]))
    ]
    assert "pass_at_1 of p_pass, seed 42, on mbpp_plus (stand-in)" in notes
    assert dict(eval_results(report_records(gates_of(), {}), 42)) == {}
