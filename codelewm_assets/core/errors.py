"""Every error the project raises on purpose. A message says what was found, what was wanted and what to do."""


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


class LiteralError(AssetsError):
    """A text is not a Python literal, or a value cannot be written as one."""


class StoreError(AssetsError):
    """The artifact store could not be read or written."""


class StoreAccessError(AssetsError):
    """The store's server refused or stays away, a file of its folder cannot be read now, or a copy cannot be kept here.

    No StoreError, which says that something is not stored, or damaged: of that nothing is known now.
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
    """Training was asked for on artifacts that are not clear."""


class ContractError(AssetsError):
    """An expectation on a table could not be evaluated: nothing is known of the data it is about."""


class TrainingError(AssetsError):
    """Training cannot start or ended with unusable weights."""


class TrainingKilledError(TrainingError):
    """A training process was ended from outside, as a machine short of memory does; it can go on from its last state."""


class ReportError(AssetsError):
    """Score rows or reports are malformed."""


class ReleaseError(AssetsError):
    """A release is refused, or the Hub did not take it."""


class DeploymentError(AssetsError):
    """A setting of a deployment is wrong, or an instance cannot be moved."""


class NotifyError(AssetsError):
    """A notifier could not deliver a message; it can be sent again."""
