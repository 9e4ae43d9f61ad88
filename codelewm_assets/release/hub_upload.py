"""Upload of a release: one commit and one tag per repository; files that are already there are not sent again.

Every step first reads the state of the Hub, so uploads are resumable: run the command again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codelewm_assets.core.errors import ReleaseError
from codelewm_assets.core.hub_calls import MAX_TRIES, file_hashes, hub_api, matches_hash, retry_transient
from codelewm_assets.release.hub_layout import NAMESPACE
from codelewm_assets.release.hub_plan import PlannedFile, ReleasePlan

PAUSE_S = 2.0  # first pause after a failure of the Hub that passes


@dataclass(frozen=True, slots=True)
class Published:
    """A repository with the release under its tag, and the number of files that this run sent."""

    repository: str
    tag: str
    commit: str
    sent_count: int


def publish(
    plan: ReleasePlan,
    sources: Mapping[PlannedFile, Path],
    *,
    token: str | None,
    namespace: str = NAMESPACE,
    public: bool = False,
    endpoint: str | None = None,
    pause_s: float = PAUSE_S,
    tries: int = MAX_TRIES,
) -> list[Published]:
    """Upload a release; every repository is checked before the first byte is sent.

    Args: sources: local path of each file. token: with write access to the namespace. public: visibility of new repositories.
    Raises: ReleaseError: the plan has blockers or is empty, no token, a repository has the wrong visibility or tag, or the Hub
        failed permanently. The message names the complete repositories and never holds the token.
    """
    if plan.refusals:
        raise ReleaseError(f"Publication is refused: {'; '.join(map(str, plan.refusals))}. Nothing was uploaded.")
    if not plan.files:
        raise ReleaseError("The release plan names no file. Materialize hub_release first.")
    if not token:
        raise ReleaseError(
            f"Publication needs a token that may write to {namespace}. Set HF_TOKEN; nothing was uploaded."
        )
    api = hub_api(token, endpoint)
    repositories = [
        _Repository(api, f"{namespace}/{total.repository}", [f for f in plan.files if f.repository == total.repository],
                    sources, plan.tag, public=public, patience={"pause_s": pause_s, "tries": tries})
        for total in plan.totals
    ]  # fmt: skip
    published: list[Published] = []
    try:
        for repository in repositories:
            repository.prepare()
        for repository in repositories:
            published.append(repository.release())
    except ReleaseError as error:
        complete = [repository.name for repository in repositories if repository.is_released]
        left = [repository.name for repository in repositories if not repository.is_released]
        text = (
            f"{error} Complete: {', '.join(complete) or 'none'}. Not complete: {', '.join(left)}. Uploads are resumable: "
            "run the command again."
        )
        raise ReleaseError(text.replace(token, "<token>")) from None  # the cause may hold the token
    return published


class _Repository:
    """One repository on the Hub and its files of the release. Methods raise ReleaseError."""

    def __init__(
        self, api: Any, name: str, files: Sequence[PlannedFile], sources: Mapping[PlannedFile, Path], tag: str,
        *, public: bool, patience: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self._api, self.name, self._tag, self._public, self._patience = api, name, tag, public, patience
        self._files, self._sources = {file.path: file for file in files}, sources
        self._of = {"repo_id": name, "repo_type": files[0].repository_type}
        self._folders = {path.partition("/")[0] + "/" for path in self._files if "/" in path}
        self._sent: set[str] = set()
        self._tagged: str | None = None

    @property
    def is_released(self) -> bool:
        """This run has seen the tag on the Hub."""
        return self._tagged is not None

    def prepare(self) -> None:
        """Create the repository if needed, and check its visibility and tag."""
        self._ask("make", lambda: self._api.create_repo(**self._of, private=not self._public, exist_ok=True))
        if self._ask("read", lambda: self._api.repo_info(**self._of)).private is self._public:
            visibility, expected = ("private", "public") if self._public else ("public", "private")
            raise ReleaseError(
                f"{self.name} is {visibility}; expected {expected}. Change it on the Hub, "
                + ("or leave --public out." if self._public else "or publish with --public.")
            )
        self._verify_tag()

    def release(self) -> Published:
        """Commit absent and changed files and tag the commit, unless the tag exists."""
        if self._tagged is None:
            commit = self._ask("upload to", self._commit)
            absent, stale = self._different(commit)
            if absent or stale:
                raise ReleaseError(f"{self.name} does not hold what was sent: {', '.join((absent + stale)[:3])}.")
            self._ask("tag", lambda: self._make_tag(commit))
            self._verify_tag()
        return Published(self.name, self._tag, str(self._tagged), len(self._sent))

    def _commit(self) -> str:
        """The commit with the release: the latest one, or a new one."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        commit = str(self._api.repo_info(**self._of).sha)
        absent, stale = self._different(commit)
        if not absent and not stale:
            return commit
        self._sent |= set(absent)
        operations = [
            *(CommitOperationAdd(path, str(self._sources[self._files[path]])) for path in absent),
            *(CommitOperationDelete(path) for path in stale),
        ]
        created = self._api.create_commit(
            **self._of, operations=operations, commit_message=f"Release {self._tag}", parent_commit=commit
        )
        return str(created.oid)

    def _different(self, revision: str) -> tuple[list[str], list[str]]:
        """Paths that a revision lacks or has with other bytes, and stale paths of earlier releases in the same folders."""
        there = self._ask("list", lambda: file_hashes(self._api, self.name, self._of["repo_type"], revision))
        absent = [path for path, file in self._files.items() if not self._has(file, there.get(path))]
        stale = [path for path in there if path not in self._files and path.startswith(tuple(self._folders))]
        return absent, stale

    def _has(self, file: PlannedFile, remote_hash: str | None) -> bool:
        return remote_hash == file.sha256 or (
            remote_hash is not None and len(remote_hash) == 40 and matches_hash(self._sources[file], remote_hash)
        )

    def _make_tag(self, commit: str) -> None:
        if self._tag_now() is None:
            self._api.create_tag(**self._of, tag=self._tag, revision=commit)

    def _tag_now(self) -> str | None:
        tags = self._api.list_repo_refs(**self._of).tags
        return next((str(tag.target_commit) for tag in tags if tag.name == self._tag), None)

    def _verify_tag(self) -> None:
        """Accept an existing tag. Raises: ReleaseError: it is on a commit with other files."""
        commit = self._ask("read the tags of", self._tag_now)
        if commit is None:
            return
        absent, stale = self._different(self._tag)
        if absent or stale:
            raise ReleaseError(
                f"{self.name} has the tag {self._tag} on commit {commit[:12]}, which does not hold this release: "
                f"{', '.join((absent + stale)[:3])}. Find out who set it, and delete it there."
            )
        self._tagged = commit

    def _ask(self, doing: str, call: Any) -> Any:
        return retry_transient(call, f"{doing} the repository {self.name}", error=ReleaseError, **self._patience)
