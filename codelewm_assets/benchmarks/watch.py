"""External sources and their current fingerprints. The reaction to changes is in `defs`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from codelewm_assets.benchmarks.pins import DATASETS, EVALPLUS_FILES
from codelewm_assets.core.digests import digest_of_files, sha256_file
from codelewm_assets.core.errors import SourceMissingError
from codelewm_assets.core.hub_calls import hub_api, one_line
from codelewm_assets.core.ids import AnyBenchmarkId

HUB_TIMEOUT_S = 10.0
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Watched:
    """A file, by path, or a dataset of the Hub, by repository.

    Attributes:
        expected: sha256 or commit that builds read; None: builds read the file as it is.
    """

    name: str
    kind: Literal["file", "dataset"]
    place: str
    expected: str | None


def watched_release(benchmark: AnyBenchmarkId, environment: Mapping[str, str]) -> list[Watched]:
    """The file or the dataset that a benchmark is read from, where it can change.

    An EvalPlus release that is downloaded cannot: its digest is pinned and the download is kept.
    """
    if dataset := DATASETS.get(benchmark):
        if path := environment.get(dataset.environment):
            return [Watched(dataset.environment, "file", path, None)]
        return [Watched(dataset.dataset, "dataset", dataset.dataset, dataset.revision)]
    pin = EVALPLUS_FILES[benchmark]
    if path := environment.get(pin.environment):
        return [Watched(pin.environment, "file", path, pin.sha256)]
    if revision := environment.get(pin.revision_environment):
        return [Watched(pin.dataset, "dataset", pin.dataset, revision)]
    return []


def watched_completions(
    imported: Sequence[tuple[str, str | None, str | None]], environment: Mapping[str, str]
) -> list[Watched]:
    """Files and datasets of a model's completions.

    Args:
        imported: (file, repository, revision) of each.
    """
    sources = [
        Watched(file, "file", file, None) if dataset is None else Watched(dataset, "dataset", dataset, commit)
        for file, dataset, commit in imported
    ]
    if path := environment.get("CODELEWM_IMPORTED_COMPLETIONS"):
        sources.append(Watched("CODELEWM_IMPORTED_COMPLETIONS", "file", path, None))
    return list({item.name: item for item in sources}.values())


def fingerprint(watched: Watched, environment: Mapping[str, str]) -> str:
    """Digest of a file or of a folder's programs, "missing" without one; the newest commit of a dataset.

    Raises:
        SourceMissingError: the Hub is unreachable.
        OSError: the file cannot be read.
    """
    if watched.kind == "dataset":
        return hub_head(watched.place, endpoint=environment.get("HF_ENDPOINT"), token=environment.get("HF_TOKEN"))
    path = Path(watched.place)
    if path.is_dir():
        return digest_of_files(path, path.glob("*/*.py"))
    return sha256_file(path) if path.is_file() else MISSING


def hub_head(repository: str, *, endpoint: str | None = None, token: str | None = None) -> str:
    """The newest commit of a dataset. Raises: SourceMissingError: the Hub is unreachable."""
    import httpx2

    api = hub_api(token or False, endpoint)
    try:
        return str(api.dataset_info(repository, timeout=HUB_TIMEOUT_S).sha)
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise SourceMissingError(
            f"{repository}: the Hub could not be asked for its newest commit: {one_line(error)}"
        ) from error
