"""The rules on library functions and their variants. As data_rules: plain records in, one Finding out."""

from collections import Counter
from collections.abc import Sequence

from codelewm_assets.core.findings import finding
from codelewm_assets.core.records import Finding, LibraryFunction, LibraryVariant, Problem
from codelewm_assets.dataset.near_duplicates import Thresholds
from codelewm_assets.library.overlap import find_overlaps


def library_holds_no_benchmark_problem(
    functions: Sequence[LibraryFunction], problems: Sequence[Problem], *, thresholds: Thresholds
) -> Finding:
    """No library function is a near-duplicate or a namesake of a benchmark problem."""
    overlaps = find_overlaps(functions, problems, thresholds)
    return finding(
        "library_holds_no_benchmark_problem",
        [f"{row.function_id} repeats {row.problem_id} ({row.reason})" for row in overlaps],
        blocker="library_repeats_problem",
        message="What scorers learn from libraries is no benchmark problem.",
        figures={"functions": len(functions), "problems": len(problems)},
    )


def library_states_licences(functions: Sequence[LibraryFunction]) -> Finding:
    """Every library function carries the licence that its package states, one a package and version."""
    stated = dict[tuple[str, str], set[str]]()
    for function in functions:
        stated.setdefault((function.package, function.version), set()).add(function.license)
    bad = [f.function_id for f in functions if not f.license.strip() or not f.version.strip()]
    bad += [
        f"{package} {version} states {len(names)} licences"
        for (package, version), names in stated.items()
        if len(names) > 1
    ]
    if not functions:
        bad = ["(no functions)"]
    return finding(
        "library_states_licences",
        sorted(bad),
        blocker="library_licence_missing",
        message="Each function has its package, version and licence.",
        figures={
            "functions": len(functions),
            "packages": ", ".join(sorted({f"{f.package} {f.version} ({f.license})" for f in functions})),
        },
    )


def variants_were_labelled(variants: Sequence[LibraryVariant], *, min_run_share: float) -> Finding:
    """Variants of both classes were labelled, a fair share of them by running, and no function fails its own inputs.

    Args:
        min_run_share: least share of variants labelled by running, in [0, 1].
    """
    ids = Counter(variant.variant_id for variant in variants)
    run = [variant for variant in variants if variant.labelled_by == "running"]
    share = len(run) / len(variants) if variants else 0.0
    bad = [f"{name} occurs {count} times" for name, count in sorted(ids.items()) if count > 1]
    bad += [f"{v.variant_id} is a function and fails" for v in variants if v.kind == "reference" and not v.passed]
    bad += [f"no variant that {name}" for name, passed in (("passes", True), ("fails", False)) if not any(
        variant.passed == passed for variant in variants
    )]  # fmt: skip
    if share < min_run_share:
        bad.append(f"{share:.3f} of the variants were labelled by running; expected at least {min_run_share}")
    edits = [variant for variant in run if variant.kind in ("rewrite", "neutral_edit")]
    mutants = [variant for variant in run if variant.kind == "mutant"]
    return finding(
        "variants_were_labelled",
        bad,
        blocker="variants_not_labelled",
        message="Labels of library variants have both classes and come from running where inputs can be had.",
        figures={
            "variants": len(variants),
            "passed": sum(variant.passed for variant in variants),
            "run_share": round(share, 4),
            "equivalent_mutants": sum(variant.passed for variant in mutants),
            "mutants_run": len(mutants),
            "broken_edits": sum(not variant.passed for variant in edits),
            "edits_run": len(edits),
        },
    )
