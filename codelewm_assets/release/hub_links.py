"""Links of a release within its own namespace: `publish --namespace lab` publishes cards that link to `lab/codelewm-dataset`.

Texts are stored with links to `codelewm/codelewm-…`. Only texts outside an artifact's own folder are written anew: beside
those lies no manifest that states their sha256.
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from codelewm_assets.core.digests import sha256_bytes
from codelewm_assets.release.hub_layout import NAMESPACE
from codelewm_assets.release.hub_plan import PlannedFile, ReleasePlan

PREFIX = "codelewm-"  # how the names of the release's repositories begin


def in_namespace(
    plan: ReleasePlan,
    sources: Mapping[PlannedFile, Path],
    namespace: str,
    folder: Path,
    *,
    left_out: Collection[str] = (),
) -> tuple[ReleasePlan, dict[PlannedFile, Path]]:
    """The plan with its links in a namespace, and the paths of its files.

    Args:
        sources: local path of each file of the plan; a file that is missing stays as planned.
        folder: where texts that change are written.
        left_out: paths that are not published this time.
    """
    moved = dict[PlannedFile, Path]()
    for number, (file, path) in enumerate(sources.items()):
        if file.has_links and path.is_file():
            before = path.read_bytes()
            text = before.replace(f"{NAMESPACE}/{PREFIX}".encode(), f"{namespace}/{PREFIX}".encode())
            if text != before:
                file = file.model_copy(update={"sha256": sha256_bytes(text), "bytes": len(text)})
                path = folder / f"{number}-{Path(file.path).name}"
                path.write_bytes(text)
        if file.path not in left_out:
            moved[file] = path
    return plan.model_copy(update={"files": tuple(moved)}), moved
