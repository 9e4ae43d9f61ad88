"""The project's exceptions. A message states the value found, the value expected and the remedy."""


class AssetsError(Exception):
    """Base of all expected errors; the command line prints its message and no traceback."""


class SourceError(AssetsError):
    """A benchmark source cannot be used."""


class SourceMissingError(SourceError):
    """No file, no cache and no network hold the benchmark."""


class SourceDigestError(SourceError):
    """A source file's sha256 is not the pinned one."""


class SourceFormatError(SourceError):
    """A source file or row does not have the published shape."""


class BenchmarkNameError(AssetsError, ValueError):
    """A name is no known benchmark's, in any spelling."""


class OutputBenchmarkError(BenchmarkNameError):
    """Programs were offered for a benchmark that asks for the outputs of its own.

    Args:
        benchmark_id: of that benchmark.
    """

    def __init__(self, benchmark_id: str) -> None:
        super().__init__(
            f"{benchmark_id} asks for outputs of programs; it has no completions to label, score or rerank. Name a benchmark "
            "that asks for programs, or build a profile with its source for its decoys and retrieval (docs/sources.md)."
        )


class LiteralError(AssetsError):
    """A text is not a Python literal, or a value cannot be written as one."""


class StoreError(AssetsError):
    """The artifact store could not be read or written."""


class StoreAccessError(AssetsError):
    """Storage unreachable or unreadable; says nothing about whether the artifact exists.

    Not a StoreError, which means that an artifact is missing or damaged.
    """


class ManifestError(StoreError):
    """A manifest is malformed, or its files do not match it."""


class ProfileError(AssetsError):
    """A profile has an unknown key or a value out of range."""


class SandboxError(AssetsError):
    """The sandbox could not start or lost its server."""


class PackError(AssetsError):
    """The pack cannot be made from these labelled completions."""


class PreflightError(AssetsError):
    """Training was requested on artifacts that are not clear."""


class ContractError(AssetsError):
    """An expectation on a table could not be evaluated; says nothing about the data."""


class TrainingError(AssetsError):
    """Training cannot start or ended with unusable weights."""


class TrainingKilledError(TrainingError):
    """A training process was killed from outside, as on a machine short of memory; it can resume from its last state."""


class ModelFileError(AssetsError):
    """A saved model is incomplete, or holds what is not loaded from a file."""


class ScorerError(AssetsError):
    """A scorer cannot be fitted, loaded or asked, or the scores that it gave cannot be used."""


class ReportError(AssetsError):
    """Score rows or reports are malformed."""


class ReleaseError(AssetsError):
    """A release is refused, or the Hub did not take it."""


class SigningError(AssetsError):
    """A signature cannot be made or does not verify, or its key cannot be used."""


class BuildNameError(AssetsError):
    """A name means no build, or more than one."""


class DeploymentError(AssetsError):
    """A setting of a deployment is wrong, or an instance cannot be moved."""


class NotifyError(AssetsError):
    """A notifier could not deliver a message; delivery can be retried."""
