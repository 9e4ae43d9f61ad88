"""`latest/`: stable paths of the latest report and site."""

from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

from codelewm_assets.commands.latest import latest_pages, link_latest, page_address, page_lines
from codelewm_assets.store.store import ArtifactStore
from codelewm_assets_tests.commands.made import materialized


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dagster.yaml").write_text("", encoding="utf-8")
    return tmp_path


def shown(home: Path, *, is_linked: bool = True) -> str | None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        store = ArtifactStore(home / "artifacts")
        if is_linked:
            link_latest(instance, store)
        artifact = latest_pages(instance, store)["results_report"]
        return None if artifact is None else page_address(store, "results_report", artifact)


def test_the_link_follows_the_latest_build_and_only_the_latest_is_called_so(home: Path) -> None:
    assert shown(home) is None
    link = "artifacts/latest/results_report/results_report.md"
    for text in (b"first", b"second"):
        materialized(home, "results_report", {"results_report.md": text})
        assert shown(home) == link
        assert Path(link).read_bytes() == text
    third = materialized(home, "results_report", {"results_report.md": b"third"})  # as by the UI: no link was made
    assert shown(home, is_linked=False) == f"artifacts/results_report/all/{third.digest}/results_report.md"
    assert shown(home) == link
    assert [path.name for path in (home / "artifacts" / "latest").iterdir()] == ["results_report"]


def test_a_moved_store_keeps_its_links(home: Path) -> None:
    materialized(home, "results_report", {"results_report.md": b"text"})
    shown(home)
    (home / "artifacts").rename(home / "elsewhere")
    assert (home / "elsewhere/latest/results_report/results_report.md").read_bytes() == b"text"


def test_a_folder_in_the_place_of_the_link_is_left_alone(home: Path) -> None:
    materialized(home, "results_report", {"results_report.md": b"text"})
    own = home / "artifacts/latest/results_report"
    own.mkdir(parents=True)
    (own / "mine.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(OSError, match="results_report"):
        shown(home)
    assert [path.name for path in own.parent.iterdir()] == ["results_report"] and (own / "mine.txt").is_file()


def test_on_object_storage_the_address_is_shown() -> None:
    store = SimpleNamespace(address="s3://bucket/evidence")
    artifact = SimpleNamespace(address="s3://bucket/evidence/review_site/all/0123")
    assert page_address(store, "review_site", artifact) == "s3://bucket/evidence/review_site/all/0123/index.html"


def test_rates_of_no_model_are_no_page(home: Path) -> None:
    materialized(home, "results_report", {"results_report.md": b"text"})
    for count, lines in ((0, 1), (2, 2)):
        materialized(home, "model_rates", {"model_rates.md": str(count).encode()}, metadata={"model_count": count})
        with dg.DagsterInstance.from_config(str(home)) as instance:
            store = ArtifactStore(home / "artifacts")
            link_latest(instance, store)
            shown_lines = page_lines(instance, store)
        assert len(shown_lines) == lines
    assert shown_lines[-1] == "model_rates: artifacts/latest/model_rates/model_rates.md"
