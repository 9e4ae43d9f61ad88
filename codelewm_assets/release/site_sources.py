"""Inputs of the review site besides records: texts of pages, pages of contracts, and the artifacts that checks judged."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from codelewm_assets.core.errors import StoreError
from codelewm_assets.core.ids import SEEDS
from codelewm_assets.preflight.contracts.suites import CONTRACTS
from codelewm_assets.release.site_pages import CheckRow, DataDocs
from codelewm_assets.store.store import Artifact, ArtifactStore

TITLES = {"results_report": "Results", "tracker_status": "Tracker", "dataset_card": "Data card",
          **{f"model_card_{seed}": f"Model {seed}" for seed in SEEDS}}  # fmt: skip


def data_docs_path(work: Path, asset: str, digest: str) -> Path:
    """Path of the page that a contract's check writes. Args: work: working folder of a store."""
    return work / "data_docs" / asset / "all" / digest / "index.html"


def data_docs(work: Path, lineage: Mapping[str, Artifact]) -> list[DataDocs]:
    """The contract pages of the tables in a lineage, as far as they were written."""
    pages = []
    for asset in dict.fromkeys(contract.asset for contract in CONTRACTS):
        for digest in sorted(d for d, artifact in lineage.items() if artifact.manifest.artifact_kind == asset):
            page = data_docs_path(work, asset, digest)
            pages.append(DataDocs(asset, digest, page.read_bytes() if page.is_file() else None))
    return pages


def judged_lineage(store: ArtifactStore, checks: Sequence[CheckRow]) -> dict[str, Artifact]:
    """Artifacts that checks judged, with their lineage, as far as they are stored."""
    artifacts: dict[str, Artifact] = {}
    for row in checks:
        if row.judged and row.judged not in artifacts:
            with suppress(StoreError):  # deleted since: the site says so
                artifacts |= store.lineage(store.load(row.asset, row.judged, partition=row.partition))
    return artifacts


def page_texts(artifacts: Sequence[Artifact]) -> dict[str, tuple[str, str]]:
    """Page name → title and Markdown of released artifacts, in the order of the navigation; an appendix follows its text."""
    texts = dict[str, str]()
    for artifact in artifacts:
        for file in sorted(artifact.manifest.files, key=lambda file: (file.path.endswith("_appendix.md"), file.path)):
            if file.path.endswith(".md"):
                seed = file.path.rpartition("/")[0]
                name = artifact.manifest.artifact_kind + (f"_{seed}" if seed else "")
                text = artifact.path(file.path).read_text(encoding="utf-8")
                texts[name] = f"{texts[name]}\n{text}" if name in texts else text
    return {name: (title, texts[name]) for name, title in TITLES.items() if name in texts}
