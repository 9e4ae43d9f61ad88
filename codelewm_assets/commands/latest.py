"""Short stable paths of the latest report, review site and rates: `latest/<kind>` in the store, a link to the artifact's folder."""

import os
from pathlib import Path
from typing import Any

from codelewm_assets.core.files import WRITE_PREFIX

PAGES = (("results_report", "results_report.md"), ("review_site", "index.html"))
LINKED = (*PAGES, ("model_rates", "model_rates.md"))


def latest_pages(instance: Any, store: Any) -> dict[str, Any]:
    """Kind of each page → its latest artifact, or None."""
    from codelewm_assets.defs.inputs import latest_version

    versions = {kind: latest_version(instance, kind) for kind, _ in LINKED}
    return {kind: None if version is None else store.load(kind, version) for kind, version in versions.items()}


def link_latest(instance: Any, store: Any) -> None:
    """Point `latest/<kind>` of a local store to the latest artifacts; object storage has no links.

    Raises:
        OSError: the link cannot be created; an earlier one stays.
    """
    for kind, artifact in latest_pages(instance, store).items():
        if artifact is not None and "://" not in store.address:
            _point(_link(store, kind), artifact.folder)


def page_lines(instance: Any, store: Any) -> list[str]:
    """`kind: path` of each page that is there and says something: rates of no model do not."""
    return [
        f"{kind}: {page_address(store, kind, artifact)}"
        for kind, artifact in latest_pages(instance, store).items()
        if artifact is not None and artifact.manifest.metadata.get("model_count") != 0
    ]


def page_address(store: Any, kind: str, artifact: Any) -> str:
    """Path or URL of a page, through its `latest` link if that points to this artifact."""
    page = dict(LINKED)[kind]
    if "://" in store.address:
        return f"{artifact.address}/{page}"
    link = _link(store, kind)
    path: Path = (link if link.resolve() == artifact.folder.resolve() else artifact.folder) / page
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _link(store: Any, kind: str) -> Path:
    return Path(store.root) / "latest" / kind


def _point(link: Path, folder: Path) -> None:
    """Replace the link in one step; relative, so that the store can be moved."""
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f"{WRITE_PREFIX}{link.name}-{os.getpid()}")
    temporary.symlink_to(os.path.relpath(folder, link.parent), target_is_directory=True)
    try:
        os.replace(temporary, link)
    finally:
        temporary.unlink(missing_ok=True)
