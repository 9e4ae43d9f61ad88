"""Scores that others computed: a file of JSON lines or Parquet, by completion id or by the digest of the program."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from codelewm_assets.core.errors import ScorerError
from codelewm_assets.core.files import json_lines
from codelewm_assets.core.ids import SEEDS

MAX_FAULTS_SHOWN = 5
Key = tuple[str, int | None]  # (completion id or digest, seed)


class ExternalScore(BaseModel):
    """One row of the file: a finite score of one program, higher = more likely to pass.

    Raises: pydantic.ValidationError: an unknown key, a value of another type, or not exactly one name of the program.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    completion_id: str | None = None  # as in the pack
    program_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")  # of the program's text in UTF-8
    score: float = Field(allow_inf_nan=False)
    seed: int | None = None  # of the seeds of a build; None: of all of them

    @model_validator(mode="after")
    def _is_named_once(self) -> "ExternalScore":
        if (self.completion_id is None) == (self.program_sha256 is None):
            raise ValueError("expected either completion_id or program_sha256")
        if self.seed is not None and self.seed not in SEEDS:
            raise ValueError(f"seed is {self.seed}; expected {' or '.join(map(str, SEEDS))}, or none")
        return self


def read_external(path: Path) -> dict[Key, float]:
    """(completion id or program's digest, seed) → score.

    Raises: ScorerError: unreadable, empty, rows malformed, or two scores of one program and seed; the first faults with
        their line or row numbers, and how many more.
    """
    scores, first, faults = dict[Key, float](), dict[Key, int](), list[str]()
    try:
        for number, fields in _rows(path):
            try:
                row = ExternalScore.model_validate(fields) if isinstance(fields, dict) else None
            except ValidationError as error:
                faults.append(f"line {number}: {_fault(error)}")
                continue
            if row is None:
                faults.append(f"line {number}: {fields if isinstance(fields, str) else 'no JSON object'}")
                continue
            key = (row.completion_id or row.program_sha256 or "", row.seed)
            if key in first:
                faults.append(f"line {number}: {key[0]!r} has a score in line {first[key]} already")
                continue
            first[key], scores[key] = number, row.score
    except OSError as error:
        raise ScorerError(
            f"{path} cannot be read ({error}). Name a file of scores in JSON lines or Parquet."
        ) from error
    if faults:
        remainder = f" and {len(faults) - MAX_FAULTS_SHOWN} more" if len(faults) > MAX_FAULTS_SHOWN else ""
        raise ScorerError(
            f"{path.name}: {'; '.join(faults[:MAX_FAULTS_SHOWN])}{remainder}. docs/scorers.md gives the fields."
        )
    if not scores:
        raise ScorerError(f"{path.name} holds no score. docs/scorers.md gives the fields of a row.")
    return scores


def scores_of_seed(
    scores: Mapping[Key, float], programs: Mapping[str, str], *, seed: int | None, file: str
) -> dict[str, float]:
    """Completion id → score; a score of this seed comes before one of all seeds.

    Args:
        programs: completion id → digest of its program.
        file: name in the error.

    Raises: ScorerError: the file scores none of these programs.
    """
    chosen = dict[str, float]()
    for completion_id, digest in programs.items():
        keys = ((completion_id, seed), (digest, seed), (completion_id, None), (digest, None))
        score = next((scores[key] for key in keys if key in scores), None)
        if score is not None:
            chosen[completion_id] = score
    if not chosen:
        example = next(iter(scores))[0]
        raise ScorerError(
            f"{file} holds {len(scores)} scores, such as of {example!r}, and none is of a program of this build, such as "
            f"{next(iter(programs), 'none')!r}. Score the programs of its execution_pack."
        )
    return chosen


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """(line or row number from 1, fields); text in place of fields is a fault."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
        except pa.ArrowInvalid as error:
            raise ScorerError(f"{path.name} is no Parquet file ({error}).") from error
        yield from (
            (number, {name: value for name, value in row.items() if value is not None})
            for number, row in enumerate(table.to_pylist(), 1)
        )
        return
    with path.open("rb") as stream:
        for number, line in json_lines(stream):
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                yield number, f"not JSON ({error})"


def _fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    field = ".".join(map(str, first["loc"]))
    shown = "" if first["type"] == "missing" else f", found {str(first['input'])[:40]}"
    return f"{field}: {first['msg']}{shown}"
