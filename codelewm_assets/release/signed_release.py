"""A signed release: a claim over its artifacts, and a signature over each repository as it is published.

Signatures lie beside the store, in `signatures/<tag of the plan>/`: an elliptic-curve signature has other bytes each time, and
the same release is to be published again with the same ones.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from codelewm_assets.core.digests import pretty_json, sha256_file
from codelewm_assets.core.errors import AssetsError, SigningError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.core.package import REGISTER, register_digest
from codelewm_assets.core.records import Record
from codelewm_assets.release.claim_statement import stated_claim
from codelewm_assets.release.hub_blockers import sources_of
from codelewm_assets.release.hub_layout import RUN
from codelewm_assets.release.hub_links import in_namespace
from codelewm_assets.release.hub_plan import GENERATED, PlannedFile, ReleasePlan
from codelewm_assets.release.preregistration import FOLDER as PREREGISTERED
from codelewm_assets.release.signing import public_key_of, read_statement, sign_files, sign_statement, signature_faults
from codelewm_assets.store.layout import Mismatch
from codelewm_assets.store.store import ArtifactStore

FOLDER = "signatures"
SIGNATURE, CLAIM, PREREGISTRATION, PUBLIC_KEY, SIGNED = (
    "model.sig", "claim.intoto.json", "preregistration.intoto.json", "public_key.pem", "signed.json",
)  # fmt: skip
Sources = Mapping[PlannedFile, Path]


class SignedRelease(Record):
    """`signed.json`: what the signatures of a folder are of."""

    schema_version: str = "codelewm_assets.signed_release.v1"
    release_plan: str  # digest of hub_release
    namespace: str  # that its links are in
    left_out: tuple[str, ...] = ()  # paths of the plan that were not published


def sign_release(
    plan: ReleasePlan, sources: Sources, store: ArtifactStore, *, key: Path, signed: SignedRelease
) -> tuple[ReleasePlan, dict[PlannedFile, Path]]:
    """The plan with its claim and signatures, made now or by an earlier call.

    Args:
        plan: in its namespace, without blockers. signed: what the signatures are of.

    Raises: SigningError: the key cannot be used, or the release was signed with another one. StoreError: an artifact is gone.
    """
    folder, public_key = store.work / FOLDER / plan.tag, public_key_of(key)
    if (folder / SIGNED).is_file():
        if (folder / PUBLIC_KEY).read_bytes() != public_key:
            raise SigningError(f"{folder} was signed with another key than {key}. Name that key, or delete the folder.")
        if faults := [f"{row.artifact} {row.file} {row.found}" for row in _faults(store, folder, None)]:
            raise SigningError(f"{folder} does not verify: {'; '.join(faults)}. Delete it to sign this release anew.")
        return _with_signatures(plan, sources, folder)
    write_atomically(folder / PUBLIC_KEY, public_key)
    write_atomically(folder / CLAIM, sign_statement(stated_claim(plan, store), key))
    dated = store.work / PREREGISTERED / f"{plan.register_digest}.json"
    if dated.is_file():
        write_atomically(folder / PREREGISTRATION, dated.read_bytes())
    for repository, files in _repositories(_with_statements(sources, folder)).items():
        sign_files(files, key, folder / f"{repository}.sig")
    write_atomically(folder / SIGNED, pretty_json(signed.model_dump(mode="json")))
    return _with_signatures(plan, sources, folder)


def _repositories(sources: Sources) -> dict[str, dict[str, Path]]:
    """Repository → local path of each of its files."""
    names = sorted({file.repository for file in sources})
    return {name: {file.path: path for file, path in sources.items() if file.repository == name} for name in names}


def _with_statements(sources: Sources, folder: Path) -> dict[PlannedFile, Path]:
    paths = [folder / name for name in (CLAIM, PREREGISTRATION, PUBLIC_KEY) if (folder / name).is_file()]
    return {**sources, **{_planned(RUN, "dataset", path.name, path): path for path in paths}}


def _with_signatures(plan: ReleasePlan, sources: Sources, folder: Path) -> tuple[ReleasePlan, dict[PlannedFile, Path]]:
    every = _with_statements(sources, folder)
    for total in plan.totals:
        path = folder / f"{total.repository}.sig"
        every[_planned(total.repository, total.repository_type, SIGNATURE, path)] = path
    files = sorted(every, key=lambda file: (file.repository, file.path))
    return plan.model_copy(update={"files": tuple(files)}), {file: every[file] for file in files}


def _planned(repository: str, kind: str, name: str, path: Path) -> PlannedFile:
    return PlannedFile.model_validate(
        {"repository": repository, "repository_type": kind, "path": name, "source": name, "is_generated": True,
         "sha256": sha256_file(path), "bytes": path.stat().st_size, "artifact_id": GENERATED, "digest": None}
    )  # fmt: skip


def verify_releases(store: ArtifactStore, public_key: Path | None) -> tuple[int, list[Mismatch]]:
    """Number of signed releases, and every mismatch of them with what is stored and with the register.

    Args:
        public_key: that the signatures must be of; None: the one beside them, which shows that nothing changed since and not
            who signed.

    Raises: SigningError: nothing is signed.
    """
    folders = sorted(path.parent for path in (store.work / FOLDER).glob(f"*/{SIGNED}"))
    if not folders:
        raise SigningError(f"{store.work / FOLDER} holds no signed release. Run `publish --sign-key FILE` first.")
    return len(folders), [fault for folder in folders for fault in _faults(store, folder, public_key)]


def _faults(store: ArtifactStore, folder: Path, public_key: Path | None) -> Iterator[Mismatch]:
    key = public_key or folder / PUBLIC_KEY
    try:
        signed = SignedRelease.model_validate_json((folder / SIGNED).read_bytes())
        stored = store.load("hub_release", signed.release_plan)
        plan = ReleasePlan.model_validate(stored.read_json("release_plan.json"))
    except (AssetsError, ValueError) as error:
        yield Mismatch(f"release {folder.name}", SIGNED, str(error), "the release that was signed")
        return
    with TemporaryDirectory(prefix="codelewm-verify-") as scratch:
        planned = sources_of(plan, store, stored)
        plan, sources = in_namespace(plan, planned, signed.namespace, Path(scratch), left_out=signed.left_out)
        every = _with_statements(sources, folder)
        of = {(file.repository, file.path): file for file in every}
        for repository, files in _repositories(every).items():
            for name, found in signature_faults(files, folder / f"{repository}.sig", key).items():
                file = of.get((repository, name))
                about = repository if file is None else f"{file.artifact_id} {str(file.digest)[:12]}"
                yield Mismatch(about, name, found, f"as signed in {SIGNATURE} of {repository}")
    yield from _statement_faults(folder, key, plan)


def _statement_faults(folder: Path, key: Path, plan: ReleasePlan) -> Iterator[Mismatch]:
    """Faults of the claim and of the preregistration, and a register other than the one claimed under."""
    try:
        claim = read_statement((folder / CLAIM).read_bytes(), key)
    except (SigningError, OSError) as error:
        yield Mismatch(f"claim of {folder.name}", CLAIM, str(error), "the claim that was signed")
        return
    planned = {file.artifact_id: file.digest for file in plan.files if file.digest}
    for subject in claim.subject:
        if planned.get(subject.name) != subject.digest["sha256"]:
            yield Mismatch(subject.name, CLAIM, str(planned.get(subject.name)), subject.digest["sha256"])
    register = claim.predicate["register"]
    claimed = str(register["digest"]) if isinstance(register, dict) else ""
    if claimed != register_digest():
        yield Mismatch("register", " and ".join(REGISTER), register_digest(), claimed)
    dated = folder / PREREGISTRATION
    if dated.is_file() and b"payloadType" in dated.read_bytes():
        try:
            read_statement(dated.read_bytes(), key)
        except SigningError as error:
            yield Mismatch(
                "preregistration", PREREGISTRATION, str(error), "the statement that was signed before training"
            )
