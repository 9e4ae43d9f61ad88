"""Blockers of a release, as typed records: when the plan is made, and again before publication.

All blockers are returned at once; none is raised as an error, and nothing is uploaded here.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from codelewm_assets import training
from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import ManifestError, StoreError
from codelewm_assets.core.ids import kind_and_partition
from codelewm_assets.core.package import REGISTER, register_digest
from codelewm_assets.core.records import PackRow
from codelewm_assets.core.tables import iter_table
from codelewm_assets.release.hub_croissant import dataset_files
from codelewm_assets.release.hub_layout import CARD, CARDS, Place, places
from codelewm_assets.release.hub_loading import loading_faults
from codelewm_assets.release.hub_plan import Blocker, PlannedFile, Reason, ReleasePlan, planned_files
from codelewm_assets.store.scans import secrets_in, secrets_in_files
from codelewm_assets.store.store import Artifact, ArtifactStore
from codelewm_assets.training.sidecar import MODULES

SUFFIXES = (".md", ".json", ".jsonl", ".yaml", ".png", ".parquet", ".safetensors")  # none is executable
NOW = f"the register ({' and '.join(REGISTER)}) is"
MODEL_MODULES = {name: sha256_file(Path(training.__file__).parent / name) for name in MODULES}


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan, and its generated files by name."""

    plan: ReleasePlan
    generated_files: Mapping[str, bytes]


def draft_release(store: ArtifactStore, latest: Mapping[str, str]) -> Draft:
    """The plan of these artifacts, with its blockers. Args: latest: artifact id → digest."""
    stored, blockers = _stored(store, latest)
    by_id = {place.artifact_id: artifact for place, artifact in stored.items()}
    lineages, faults = _lineages(store, by_id)
    intact = {name: artifact for name, artifact in by_id.items() if artifact.digest not in faults}
    blockers += [_blocker("manifest_mismatch", row) for rows in faults.values() for row in rows]
    blockers += [*_mixed_versions(lineages), *_secrets(store, intact, lineages, faults)]
    blockers += [*_audit(intact, by_id), *_inspections(intact, by_id)]
    whole = {place: artifact for place, artifact in stored.items() if artifact.digest not in faults}
    files, generated = planned_files(stored, dataset_files(whole))
    blockers += [*_unexpected(files), *_unloadable(files, generated, by_id, faults), *_register(by_id)]
    refusals = tuple(dict.fromkeys(blockers))
    return Draft(ReleasePlan(register_digest=register_digest(), files=files, refusals=refusals), generated)


def _unexpected(files: Sequence[PlannedFile]) -> Iterator[Blocker]:
    """Files of a kind that a release does not have."""
    expected = f"wanted one of {', '.join(SUFFIXES)}, or this version's {' and '.join(MODULES)}"
    for file in files:
        if not (file.path.endswith(SUFFIXES) or _is_model_code(file)):
            yield _blocker("unexpected_file", f"{file.artifact_id} {file.source}; {expected}")


def _unloadable(
    files: Sequence[PlannedFile],
    generated: Mapping[str, bytes],
    released: Mapping[str, Artifact],
    faults: Mapping[str, object],
) -> Iterator[Blocker]:
    """Dataset repositories that `datasets` does not load; those with a damaged file are reported as such, and not loaded."""
    damaged = {file.repository for file in files if file.digest in faults}
    sources = {
        file: generated[file.source] if file.is_generated else released[file.artifact_id].path(file.source)
        for file in files
        if file.repository not in damaged
    }
    for fault in loading_faults(sources):
        yield _blocker("dataset_does_not_load", fault)


def _is_model_code(file: PlannedFile) -> bool:
    """True for a module of a checkpoint that defines its model, byte for byte as in this package."""
    name = file.path.rpartition("/")[2]
    return file.artifact_id.startswith("checkpoint[") and MODEL_MODULES.get(name) == file.sha256


def _blocker(reason: Reason, detail: str) -> Blocker:
    return Blocker(reason=reason, detail=detail)


def _stored(store: ArtifactStore, latest: Mapping[str, str]) -> tuple[dict[Place, Artifact], list[Blocker]]:
    stored, blockers = dict[Place, Artifact](), list[Blocker]()
    for place in places():
        digest, is_card = latest.get(place.artifact_id), place.kind in CARDS
        try:
            if digest is None:
                raise StoreError(f"{place.artifact_id} has not been materialized.")
            artifact = store.load(place.kind, digest, partition=place.partition)
        except ManifestError as error:
            blockers.append(_blocker("manifest_mismatch", str(error)))
        except StoreError as error:
            blockers.append(_blocker("card_missing" if is_card else "artifact_missing", str(error)))
        else:
            stored[place] = artifact
            files = {place.path_of(file.path) for file in artifact.manifest.files}
            if is_card and not place.folder and CARD not in files:
                detail = f"{place.artifact_id} {artifact.digest[:12]} has no {CARD} for {place.repository}."
                blockers.append(_blocker("card_missing", detail))
    return stored, blockers


def _lineages(
    store: ArtifactStore, released: Mapping[str, Artifact]
) -> tuple[dict[str, dict[str, Artifact]], dict[str, list[str]]]:
    """Artifact id → its lineage by digest, and digest → faults of that artifact's manifest or files."""
    known, faults = dict[str, Artifact | None](), dict[str, list[str]]()

    def load(name: str, digest: str) -> Artifact | None:
        if digest not in known:
            kind, partition = kind_and_partition(name)
            try:
                known[digest] = artifact = store.load(kind, digest, partition=partition)
            except StoreError as error:
                known[digest], faults[digest] = None, [str(error)]
                return None
            rows = [f"{f.artifact} {f.file} is {f.found[:12]}, wanted {f.wanted[:20]}" for f in store.verify(artifact)]
            faults.update({digest: rows} if rows else {})
        return known[digest]

    lineages = {}
    for released_id, artifact in released.items():
        lineage, waiting = dict[str, Artifact](), [(released_id, artifact.digest)]
        while waiting:
            name, digest = waiting.pop()
            loaded = load(name, digest)
            if loaded is not None and digest not in lineage:
                lineage[digest] = loaded
                waiting += loaded.manifest.parent_artifacts.items()
        lineages[released_id] = lineage
    return lineages, faults


def _mixed_versions(lineages: Mapping[str, Mapping[str, Artifact]]) -> Iterator[Blocker]:
    """A release has one version of each artifact in its lineage: one pack, one checkpoint per seed, one set of gates."""
    behind: dict[str, dict[str, list[str]]] = {}
    for released_id, lineage in lineages.items():
        for digest, artifact in lineage.items():
            behind.setdefault(artifact.manifest.artifact_id, {}).setdefault(digest, []).append(released_id)
    for artifact_id, versions in sorted(behind.items()):
        if len(versions) > 1:
            parts = [f"{d[:12]} behind {', '.join(sorted(names)[:3])}" for d, names in sorted(versions.items())]
            yield _blocker("mixed_versions", f"{artifact_id}: {'; '.join(parts)}")


def _secrets(
    store: ArtifactStore,
    intact: Mapping[str, Artifact],
    lineages: Mapping[str, Mapping[str, Artifact]],
    faults: Mapping[str, object],
) -> Iterator[Blocker]:
    """Secrets in the text files to be published, and in the programs, inputs and outputs behind the hashed tokens."""
    for name, artifact in intact.items():
        for row in secrets_in_files(store, artifact):
            yield _blocker("secret_found", f"{name} {row}")
    for artifact in lineages.get("dataset_card", {}).values():
        if artifact.manifest.artifact_kind == "execution_pack" and artifact.digest not in faults:
            for row in secrets_in(store, artifact, {"texts": "pack.parquet"}, partial(_pack_texts, artifact)):
                yield _blocker("secret_found", f"execution_pack {row}")


def _pack_texts(pack: Artifact) -> dict[str, str]:
    """Each program, input and output once, by the first record that has it."""
    texts: dict[str, str] = {}
    for record in iter_table(pack.path("pack.parquet"), PackRow):
        for text in (record.code_tokens, record.input_tokens, record.output_tokens):
            texts.setdefault(text, record.record_id)
    return {f"{record_id} #{number}": text for number, (text, record_id) in enumerate(texts.items())}


def _audit(intact: Mapping[str, Artifact], released: Mapping[str, Artifact]) -> Iterator[Blocker]:
    """The audit read the gates, the report and the cards of this release, and found no sentence beyond the gates."""
    audit = intact.get("claim_audit")
    if audit is None:
        return
    audited = ("claim_gates", "results_report", *CARDS)
    latest = {name: a.digest for name, a in released.items() if a.manifest.artifact_kind in audited}
    for name, digest in sorted(latest.items()):
        read = audit.manifest.parent_artifacts.get(name, "nothing")
        if read != digest:
            detail = f"claim_audit {audit.digest[:12]} read {read[:12]} of {name}, the latest is {digest[:12]}"
            yield _blocker("audit_out_of_date", detail)
    for row in audit.read_json("claim_audit.json")["overclaims"]:
        yield _blocker("overclaim", f"{row['document']}:{row['line']} {row['claim_id']}: {row['sentence']}")


def _inspections(intact: Mapping[str, Artifact], released: Mapping[str, Artifact]) -> Iterator[Blocker]:
    """Each checkpoint has an inspection of exactly these weights, and every number in them is finite."""
    for name, checkpoint in released.items():
        if checkpoint.manifest.artifact_kind != "checkpoint":
            continue
        inspection = intact.get(name.replace("checkpoint", "checkpoint_inspection"))
        inspected = None if inspection is None else inspection.manifest.parent_artifacts.get(name)
        if inspection is None or inspected != checkpoint.digest:
            other = f"; there is one of {inspected[:12]}" if inspected else ""
            yield _blocker("checkpoint_not_inspected", f"{name} {checkpoint.digest[:12]} has no inspection{other}")
            continue
        report = inspection.read_json("checkpoint_inspection.json")
        if not report.get("tensor_count") or "nonfinite_tensors" not in report:
            yield _blocker("checkpoint_not_inspected", f"the inspection of {name} looked at no tensor")
        for tensor in report.get("nonfinite_tensors", ()):
            yield _blocker("checkpoint_not_finite", f"{name} {checkpoint.digest[:12]} {tensor}")


def _register(released: Mapping[str, Artifact]) -> Iterator[Blocker]:
    """Training was cleared, and the gates were judged, under the register that is in force."""
    for name in ("preflight_report", "claim_gates"):
        artifact = released.get(name)
        stated = None if artifact is None else artifact.manifest.metadata.get("register_digest")
        if artifact is not None and stated != register_digest():
            detail = f"{name} {artifact.digest[:12]} was made under the register {str(stated)[:12]}, {NOW} {register_digest()[:12]}"
            yield _blocker("register_altered", detail)


def sources_of(plan: ReleasePlan, store: ArtifactStore, plan_artifact: Artifact) -> dict[PlannedFile, Path]:
    """The local path of each file of the plan; `blockers_now` finds missing and damaged ones.

    Args: plan_artifact: the stored plan.
    """

    def path(file: PlannedFile) -> Path:
        kind, partition = kind_and_partition(file.artifact_id)
        folder = (
            plan_artifact.folder if file.is_generated else store.folder(kind, str(file.digest), partition=partition)
        )
        try:
            artifact = plan_artifact if file.is_generated else store.load(kind, str(file.digest), partition=partition)
            return artifact.path(file.source)
        except StoreError:
            return folder / file.source

    return {file: path(file) for file in plan.files}


def blockers_now(
    plan: ReleasePlan, sources: Mapping[PlannedFile, Path], store: ArtifactStore, latest: Mapping[str, str]
) -> list[Blocker]:
    """The plan's blockers, and those that arose since: changed bytes of its files or their lineage, rebuilt artifacts.

    The other blockers depend on the artifacts' digests alone and are not evaluated again.
    """
    blockers = [*plan.refusals, *_altered(plan.files, sources)]
    if plan.register_digest != register_digest():
        detail = f"the release was planned under {plan.register_digest[:12]}, {NOW} {register_digest()[:12]}"
        blockers.append(_blocker("register_altered", detail))
    published = {file.artifact_id: file.digest for file in plan.files if file.digest}
    for name, digest in published.items():
        if latest.get(name) != digest:
            detail = f"{name} is {latest.get(name, 'gone')[:12]} now, the plan has {digest[:12]}. Materialize hub_release again."
            blockers.append(_blocker("plan_out_of_date", detail))
    stored = _stored(store, published)[0]
    _, faults = _lineages(store, {place.artifact_id: artifact for place, artifact in stored.items()})
    for digest, rows in faults.items():
        if digest not in published.values():  # of those the files were compared above
            blockers += [_blocker("manifest_mismatch", row) for row in rows]
    return list(dict.fromkeys(blockers))


def _altered(files: Sequence[PlannedFile], sources: Mapping[PlannedFile, Path]) -> Iterator[Blocker]:
    for file in files:
        now = sha256_file(sources[file]) if sources[file].is_file() else "missing"
        if now != file.sha256:
            detail = f"{file.repository} {file.path} is {now[:12]}, the plan has {file.sha256[:12]}. Run verify."
            yield _blocker("altered_since_plan", detail)
