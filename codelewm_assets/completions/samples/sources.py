"""Imported sources: names, local paths, and the form of their content."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codelewm_assets.completions.samples.documents import (
    eval_results,
    generations,
    is_generations,
    read_document,
    references_of,
    rows_of,
)
from codelewm_assets.completions.samples.folders import read_folder, sample_files
from codelewm_assets.completions.samples.inspect_logs import is_archive, is_log, read_archive, read_log
from codelewm_assets.completions.samples.raw import RawSample, RejectedRow
from codelewm_assets.completions.samples.rows import read_lines
from codelewm_assets.core.digests import digest_of, digest_of_files, sha256_file
from codelewm_assets.core.errors import ReportError, SourceMissingError
from codelewm_assets.core.ids import BenchmarkId
from codelewm_assets.core.records import Problem
from codelewm_assets.core.sample_records import PromptForm

ENVIRONMENT = "CODELEWM_IMPORTED_COMPLETIONS"
"""Names one more source."""
SUFFIXES = re.compile(r"(\.(gz|jsonl|json|eval|zip|txt))+$", re.IGNORECASE)
SAMPLE_FILE = re.compile(r"\.(jsonl|json|eval)(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SampleSource:
    """A source of samples, as a profile names it.

    Attributes:
        file: a path, or a name in the repository.
        repository: namespace/name of a Hub dataset; None: `file` is a path.
        revision: full commit hash.
        name: in ids; None: from the file's name.
        model: of rows that name none.
        benchmark: of its problems; None: each row says it.
        prompt_form: relation of its texts to the prompts.
        most_per_problem: samples of one model and problem, the first; None: all.
    """

    file: str
    repository: str | None = None
    revision: str | None = None
    name: str | None = None
    model: str | None = None
    benchmark: BenchmarkId | None = None
    prompt_form: PromptForm = "auto"
    most_per_problem: int | None = None


@dataclass(frozen=True, slots=True)
class LocalSource:
    """A source whose content is on this machine, under a name that no other has."""

    name: str
    path: Path
    settings: SampleSource

    def options(self) -> tuple[str | int | None, ...]:
        """Settings that change what is read of the same content."""
        s = self.settings
        return s.model, s.benchmark, s.prompt_form, s.most_per_problem

    def digest(self) -> str:
        """Digest of all that is read. Raises: ReportError: a folder without samples."""
        if self.path.is_dir():
            return digest_of_files(self.path, sample_files(self.path))
        references = references_of(self.path)
        digests = [sha256_file(file) for file in (self.path, references) if file is not None]
        return digests[0] if len(digests) == 1 else digest_of(digests)


def local_sources(sources: Sequence[SampleSource], environment: Mapping[str, str]) -> list[LocalSource]:
    """The sources, those of the Hub downloaded, and those that the environment names: a source, or a folder of source files.

    Raises: SourceMissingError: there is no such file. ReportError: the Hub cannot be asked.
    """
    named = [*sources, *(map(SampleSource, _source_files(path)) if (path := environment.get(ENVIRONMENT)) else [])]
    for source in named:
        if source.repository is None and not Path(source.file).exists():
            raise SourceMissingError(
                f"No file {source.file!r} of imported completions. Correct the profile or the environment."
            )
    return [
        LocalSource(name, hub_file(s.repository, s.file, s.revision or "") if s.repository else Path(s.file), s)
        for name, s in zip(_names(named), named, strict=True)
    ]


def _source_files(path: str) -> list[str]:
    """The files of samples in a folder; the path itself for a file, and for a folder without such files."""
    files = sorted(str(file) for file in Path(path).glob("*") if file.is_file() and SAMPLE_FILE.search(file.name))
    return files or [path]


def _names(sources: Sequence[SampleSource]) -> list[str]:
    """A name for each source: its own, or its file's, with its folder's or a number where another has that."""
    taken = {source.name for source in sources if source.name is not None}
    names = list[str]()
    for source in sources:
        path = Path(source.file)
        stem = slug(SUFFIXES.sub("", path.name))
        tries = [
            stem,
            f"{slug(path.parent.name)}-{stem}",
            *(f"{stem}-{number}" for number in range(2, len(sources) + 2)),
        ]
        name = source.name or next(name for name in tries if name not in taken)
        taken.add(name)
        names.append(name)
    return names


def slug(name: str) -> str:
    """A name with the letters that ids have."""
    return re.sub(r"[^\w.+-]+", "-", name).strip("-") or "unnamed"


def read_source(source: LocalSource, problems: Mapping[str, Problem]) -> tuple[str, Iterator[RawSample | RejectedRow]]:
    """The form of a source, by its content and not its name, and its samples.

    Raises: ReportError: here or while they are read, for a source that is in no known form.
    """
    path = source.path
    if path.is_dir():
        return "folder of EvalPlus", read_folder(path)
    if is_archive(path):
        return "log of inspect_ai", read_archive(path)
    document = read_document(path)
    if document is None:
        return "JSON lines", read_lines(path)
    if is_log(document):
        return "log of inspect_ai", read_log(document)
    if isinstance(document, dict):
        return "eval_results.json of EvalPlus", eval_results(document)
    if is_generations(document):
        samples = generations(path, document, source.settings.benchmark, problems)
        return "generations of bigcode-evaluation-harness", samples
    return "list of rows", rows_of(document)


def hub_file(repository: str, filename: str, revision: str, *, download: Callable[..., str] | None = None) -> Path:
    """A file of a dataset of the Hugging Face Hub, at a full commit hash.

    Args:
        download: `huggingface_hub.hf_hub_download`, unless another is given.

    Raises: ReportError: the revision is no full hash, or the Hub cannot be read.
    """
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ReportError(
            f"{repository}: the revision is {revision!r}; expected a full 40-digit commit hash, so that the rows cannot change."
        )
    if download is None:
        from huggingface_hub import hf_hub_download

        download = hf_hub_download
    try:
        return Path(download(repo_id=repository, filename=filename, revision=revision, repo_type="dataset"))
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{repository}/{filename} at {revision[:12]} could not be read from the Hub ({type(error).__name__}). "
            "Check the network and the revision, or name a local file."
        ) from error
