"""Resources: the artifact store and the profile. Each returns a plain domain object."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import dagster as dg

from codelewm_assets.core.errors import ProfileError
from codelewm_assets.core.package import source_revision
from codelewm_assets.core.secrets import without_secrets
from codelewm_assets.profiles.profile import Profile, load_profile
from codelewm_assets.store.store import ArtifactStore, open_store

P = ParamSpec("P")
R = TypeVar("R")


def masks_secrets(function: Callable[P, R]) -> Callable[P, R]:
    """Mask secrets in the errors that an asset, check or sensor raises, and in their causes.

    Libraries put addresses and responses of servers into messages, and Dagster stores messages as they are.
    """

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            masked_error = without_secrets(error)
            if masked_error is error:
                raise
            raise masked_error from masked_error.__cause__

    return wrapper


class StoreResource(dg.ConfigurableResource):
    """The content-addressed artifact store: a folder, or a URL such as s3://bucket/prefix."""

    root: str = "artifacts"
    work: str = "work"  # local folder beside object storage; a store in a folder uses its own

    def get(self) -> ArtifactStore:
        """The store; commit and command go into manifests."""
        return open_store(self.root, work=self.work, source_git_sha=source_revision(), command="dagster")

    def work_folder(self) -> Path:
        """Local folder for files that are not artifacts."""
        return self.get().work

    def partial_folder(self, name: str) -> Path:
        """Folder for the partial results of a long step, until its artifact is stored."""
        return self.work_folder() / "partial" / name

    def progress_path(self, name: str) -> Path:
        """Path of a long step's event stream."""
        path = self.work_folder() / "progress" / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


class ProfileResource(dg.ConfigurableResource):
    """The profile: data and sizes of the graph."""

    name: str = "sample"

    def get(self) -> Profile:
        """The validated profile. Raises: dg.Failure: it does not exist, or has unknown keys or values out of range."""
        try:
            return load_profile(self.name)
        except ProfileError as error:
            raise dg.Failure(str(error), allow_retries=False) from error


def default_resources() -> dict[str, dg.ConfigurableResource]:
    """Resources as the environment names them: CODELEWM_ARTIFACTS, CODELEWM_WORK and CODELEWM_PROFILE."""
    return {
        "store": StoreResource(
            root=os.environ.get("CODELEWM_ARTIFACTS", "artifacts"), work=os.environ.get("CODELEWM_WORK", "work")
        ),
        "profile": ProfileResource(name=os.environ.get("CODELEWM_PROFILE", "sample")),
    }
