"""Pages of the review site: overview, claims, pools, checks, a page for each digest, Data Docs, report and cards."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from codelewm_assets.core.ids import artifact_id, kind_and_partition
from codelewm_assets.release import claims_text, model_rates
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import Cell, cell, reasons_text, render, table
from codelewm_assets.release.site import body_of, frame, with_back_link
from codelewm_assets.release.site_claims import claims_page
from codelewm_assets.release.site_pools import ScoredPools, pool_pages
from codelewm_assets.store.manifest import NOT_IN_DIGEST, Manifest

SHORT = 12
NO_OFFENDER = ("offender_count", 0)  # of a green check it says nothing more
HOLDS = {
    "results_report": "verdict, gates, every metric beside every control, plots, the published figures, commands to verify",
    "tracker_status": "each criterion of the tracker with the asset, check or gate that shows it",
    "dataset_card": "the pack: rows, labels, outcomes, licences, what was left out",
    "model": "one seed's checkpoint: figures, digests, configuration",
}
"""Page → its description in the overview."""
GATES_FILE = "claim_gates.json"
TRAINED_ON_CHECKS = (
    "no_scored_problem_was_trained_on",
    "no_near_duplicate_crosses_folds",
    "only_held_out_rows_were_scored",
)
TRUST_CHECKS = ("labels_were_isolated", "sidecar_matches", "artifacts_verify", "no_secrets")


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check on one partition: its sentence, state, judged digest and figures."""

    stage: str
    asset: str
    check: str
    partition: str | None
    sentence: str
    state: str
    detail: str
    judged: str | None
    figures: Mapping[str, float | int | str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DataDocs:
    """The page of one table's contract; None if the check has not written it."""

    asset: str
    digest: str
    document: bytes | None

    @property
    def path(self) -> str:
        """Its path in the site."""
        return f"data_docs/{slug(self.asset, None, self.digest)}.html"


@dataclass(frozen=True, slots=True)
class SiteContents:
    """The contents of the site.

    Attributes:
        texts: page name (`results_report`, `model_card_42`) → (title, Markdown).
        claim_gates: bytes of `claim_gates.json`.
        pools: pools of all seeds.
    """

    records: Records
    texts: Mapping[str, tuple[str, str]]
    pictures: Mapping[str, bytes]
    checks: Sequence[CheckRow]
    manifests: Mapping[str, Manifest]
    data_docs: Sequence[DataDocs]
    claim_gates: bytes
    pools: ScoredPools


def slug(kind: str, partition: str | None, digest: str) -> str:
    """A file name for an artifact: letters, digits, `_`, `-` and `.` only."""
    return re.sub(r"[^\w.-]+", "-", f"{kind}-{partition or 'all'}-{digest[:SHORT]}")


def manifest_path(manifest: Manifest, digest: str) -> str:
    """Path of a manifest's page in the site."""
    return f"manifests/{slug(*kind_and_partition(manifest.artifact_id), digest)}.html"


def index_rows(manifests: Mapping[str, Manifest]) -> dict[str, Any]:
    """`artifact_index.json`: digest → the manifest without time, commit and command."""
    return {digest: manifest.model_dump(mode="json", exclude=NOT_IN_DIGEST) for digest, manifest in manifests.items()}


def artifact_index(manifests: Mapping[str, Manifest], *, link: Callable[[Manifest, str], str] | None = None) -> str:
    """The artifact index: a row per artifact behind the report and the cards, then a row per file.

    Args: manifests: digest → manifest. link: manifest and digest → address of its own page; without it names are plain.
    """

    def name(manifest: Manifest, digest: str) -> str:
        return f"[{_escaped(manifest.artifact_id)}]({link(manifest, digest)})" if link else manifest.artifact_id

    ordered = sorted(manifests.items(), key=lambda item: (item[1].artifact_id, item[0]))
    artifacts: list[list[Cell]] = [
        [name(m, digest), digest, len(m.files), sum(file.bytes for file in m.files), len(m.parent_artifacts)]
        for digest, m in ordered
    ]
    files: list[list[Cell]] = [
        [m.artifact_id, file.path, file.sha256, file.bytes] for _, m in ordered for file in m.files
    ]
    return "\n".join(
        [
            "# Artifacts\n",
            "The digest is the artifact's data version: it is over its files, parents and configuration.\n",
            table(["artifact", "digest", "files", "bytes", "parents"], artifacts),
            "## Files\n",
            table(["artifact", "file", "sha256", "bytes"], files),
        ]
    )


def site_files(contents: SiteContents) -> dict[str, bytes]:
    """Path in the site → bytes. Deterministic."""
    nav = {"index.html": "Overview", "claims.html": "Claims", "pools.html": "Pools", "results_report.html": "Results"}
    nav |= {model_rates.PAGE: "Models"} if contents.records.keys("model_rates") else {}
    nav |= {"checks.html": "Checks"} | {f"{name}.html": title for name, (title, _) in contents.texts.items()}
    nav |= {"artifacts.html": "Artifacts", "data_docs.html": "Data Docs"}
    digests = digest_pages(contents)
    texts = {
        "index.html": ("Overview", _overview(contents)),
        "claims.html": ("Claims", claims_page(contents.records)),
        "checks.html": ("Checks", _checks(contents, digests)),
        "artifacts.html": ("Artifacts", artifact_index(contents.manifests, link=manifest_path)),
        "data_docs.html": ("Data Docs", _data_docs(contents)),
        **{f"{name}.html": text for name, text in contents.texts.items()},
        **(model_rates.pages(contents.records) if contents.records.keys("model_rates") else {}),
        **{
            manifest_path(manifest, digest): (manifest.artifact_id, _manifest(manifest, digest, digests))
            for digest, manifest in contents.manifests.items()
        },
        **{
            digests[digest]: (f"Digest {digest[:SHORT]}", _not_stored(digest, names))
            for digest, names in _named_elsewhere(contents).items()
        },
    }
    site = f"CodeLeWM review, profile {contents.records.at('profile')}"
    bodies = {path: (title, body_of(text)) for path, (title, text) in texts.items()} | pool_pages(contents.pools)
    framed = {
        path: frame(title, body, nav, here=path, site=site, digests=digests) for path, (title, body) in bodies.items()
    }
    pages = {path: text.encode("utf-8") for path, text in framed.items()} | {GATES_FILE: contents.claim_gates}
    pages |= {
        docs.path: with_back_link(docs.document, "../data_docs.html") for docs in contents.data_docs if docs.document
    }
    return dict(sorted((pages | dict(contents.pictures)).items()))


def digest_pages(contents: SiteContents) -> dict[str, str]:
    """Digest → path of its page: of each manifest, of each of its files, and of each artifact that is named but not stored."""
    files = {f.sha256: manifest_path(m, digest) for digest, m in contents.manifests.items() for f in m.files}
    absent = {digest: f"manifests/not-stored-{digest[:SHORT]}.html" for digest in _named_elsewhere(contents)}
    return files | absent | {digest: manifest_path(manifest, digest) for digest, manifest in contents.manifests.items()}


def _named_elsewhere(contents: SiteContents) -> dict[str, list[str]]:
    """Digest without a manifest here → the texts that name it."""
    named: dict[str, list[str]] = {}
    for row in contents.checks:
        if row.judged:
            named.setdefault(row.judged, []).append(f"{row.check} on {artifact_id(row.asset, row.partition)} judged it")
    for manifest in contents.manifests.values():
        for name, parent in manifest.parent_artifacts.items():
            named.setdefault(parent, []).append(f"{manifest.artifact_id} was made from it, as {name}")
    for docs in contents.data_docs:
        named.setdefault(docs.digest, []).append(f"Data Docs of {docs.asset} are about it")
    return {digest: sorted(set(names)) for digest, names in sorted(named.items()) if digest not in contents.manifests}


def _not_stored(digest: str, names: Sequence[str]) -> str:
    lines = "".join(f"- {_escaped(name)}\n" for name in names)
    return (
        f"# Digest {digest[:SHORT]}\n\n`{digest}`\n\nThe site has no manifest of this digest: it is not in the lineage of the "
        f"released texts, or is not stored any more. `codelewm-assets verify {digest}` looks for it in a store.\n\n"
        f"Named by:\n\n{lines}"
    )


def _overview(contents: SiteContents) -> str:
    records, states = contents.records, [row.state for row in contents.checks]
    rows = [row for seed_rows in contents.pools.rows.values() for row in seed_rows]
    return render(
        "overview.md.j2", records=records, claims=claims_text, texts=contents.texts, holds=HOLDS,
        check_counts={state: states.count(state) for state in sorted(set(states))}, manifests=contents.manifests,
        data_docs=contents.data_docs, gates=table(["gate", "state", "why"], _gate_rows(records)),
        problem_count=len({row.problem_id for row in rows}), pool_count=len({row.pool_id for row in rows}),
        program_count=len({row.completion_id for row in rows}), folds=sorted({row.fold for row in rows}),
        scored=[f"[{_escaped(m.artifact_id)}]({manifest_path(m, digest)})" for digest, m in contents.manifests.items()
                if m.artifact_kind == "heldout_scores"],
        not_test=sorted({row.problem_id for row in rows if row.split != "test"}),
        trained_on=_of_checks(contents, TRAINED_ON_CHECKS), trust=_of_checks(contents, TRUST_CHECKS),
    )  # fmt: skip


def _of_checks(contents: SiteContents, names: Sequence[str]) -> list[CheckRow]:
    return sorted((row for row in contents.checks if row.check in names), key=lambda row: names.index(row.check))


def _gate_rows(records: Records) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for gate in records.keys("gate"):
        reasons = reasons_text(records.at(("gate", gate, "reasons")))
        rows.append(
            [gate, records.at(("gate", gate, "state")), reasons or "evidence of every seed is complete and enough"]
        )
    return rows


def _checks(contents: SiteContents, digests: Mapping[str, str]) -> str:
    docs = {page.asset: page.path for page in contents.data_docs if page.document}
    stages: dict[str, list[list[Cell]]] = {}
    for row in contents.checks:
        name = artifact_id(row.asset, row.partition)
        judged = f"[`{row.judged[:SHORT]}`]({digests[row.judged]})" if row.judged else None
        values = {key: value for key, value in row.figures.items() if key != "judged" and (key, value) != NO_OFFENDER}
        figures = ", ".join(f"{key} {cell(value)}" for key, value in sorted(values.items()))
        text = row.sentence if row.state == "GREEN" else f"{row.sentence} {row.detail}"
        if row.check.endswith("_contract") and row.asset in docs:
            figures += f" ([Data Docs]({docs[row.asset]}))"
        stages.setdefault(row.stage, []).append([f"{row.check} on {name}", row.state, text, judged, figures])
    return render("checks.md.j2", stages=stages)


def _data_docs(contents: SiteContents) -> str:
    rows: list[list[Cell]] = []
    for page in contents.data_docs:
        link = (
            f"[what is promised and found]({page.path})" if page.document else "no page: run the table's contract check"
        )
        rows.append([page.asset, link, page.digest])
    return render("data_docs.md.j2", rows=table(["table", "page", "digest of the judged artifact"], rows))


def _manifest(manifest: Manifest, digest: str, digests: Mapping[str, str]) -> str:
    parents: list[list[Cell]] = [
        [f"[{_escaped(name)}]({PurePosixPath(digests[parent]).name})", parent]
        for name, parent in sorted(manifest.parent_artifacts.items())
    ]
    return render(
        "manifest.md.j2",
        manifest=manifest,
        digest=digest,
        parents=table(["made from", "digest"], parents),
        files=table(["file", "sha256", "bytes"], [[f.path, f.sha256, f.bytes] for f in manifest.files]),
        text=json.dumps(manifest.model_dump(mode="json", exclude=NOT_IN_DIGEST), indent=1, sort_keys=True,
                        ensure_ascii=False),
    )  # fmt: skip


def _escaped(name: str) -> str:
    return name.replace("[", "\\[").replace("]", "\\]")
