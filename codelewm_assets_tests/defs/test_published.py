"""`published_evidence`: short without a folder, judged with one, made again when a file changes."""

import json
from pathlib import Path

import dagster as dg

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.defs.published import CHECKS, published_evidence
from codelewm_assets.defs.resources import ProfileResource
from codelewm_assets_tests.defs.stored_world import QUIET, StoredWorld
from codelewm_assets_tests.defs.test_completions import TINY, failure
from codelewm_assets_tests.defs.test_library import shown
from codelewm_assets_tests.published.written import Published


def _profile(folder: Path, published: str | None) -> ProfileResource:
    path = folder / "tiny.yaml"
    text = TINY.replace("ISOLATION", "auto").replace("SPREAD", "in_process")
    path.write_text(text + (f"\npublished: {{folder: {published}}}\n" if published else ""))
    return ProfileResource(name=str(path))


def _materialize(stored: StoredWorld, folder: Path, published: str | None) -> dg.ExecuteInProcessResult:
    resources = stored.resources | {"profile": _profile(folder, published)}
    return dg.materialize(
        [published_evidence, *CHECKS],
        instance=stored.instance,
        resources=resources,
        run_config=QUIET,
        raise_on_error=False,
    )


def _check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_without_a_folder_the_artifact_says_that_nothing_was_judged(stored: StoredWorld, tmp_path: Path) -> None:
    result = _materialize(stored, tmp_path, None)
    metadata = shown(result)
    assert (metadata["is_named"], metadata["claim_count"]) == (False, 0)
    assert "No folder of published evidence is named" in (Path(metadata["folder"]) / "recheck.md").read_text()
    assert _check(result).passed


def test_an_altered_report_is_red_names_itself_and_stops_nothing(stored: StoredWorld, tmp_path: Path) -> None:
    Published(tmp_path / "in").rerank()
    clean = _materialize(stored, tmp_path, str(tmp_path / "in"))
    assert (shown(clean)["manifest_count"], shown(clean)["score_file_count"], _check(clean).passed) == (1, 1, True)
    report = tmp_path / "in" / "reports" / "execution_rerank_report.json"
    report.write_bytes(pretty_json(json.loads(report.read_bytes()) | {"claim_allowed": True}))
    altered = _materialize(stored, tmp_path, str(tmp_path / "in"))
    assert shown(altered)["digest"] != shown(clean)["digest"]
    evaluation = _check(altered)
    assert evaluation.check_name == "published_files_recompute"
    assert not evaluation.passed
    assert "differs from what its rows give: claim_allowed" in str(evaluation.metadata)


def test_a_folder_that_cannot_be_judged_fails_in_words(stored: StoredWorld, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "scores.jsonl").write_text("{")
    assert "scores.jsonl: not JSON, or truncated" in failure(_materialize(stored, tmp_path, str(tmp_path / "in")))
    assert "no such file or folder" in failure(_materialize(stored, tmp_path, str(tmp_path / "absent")))
