"""Accuracy of structure alone on the two sides of twins, by operator, on functions of the standard library.

No benchmark problem is read: this is what the operators of scored twins are chosen by (completions/twins.py). Nothing is run;
the label is "has the bug".

    python benchmarks/twin_operators.py --functions 150
"""

import argparse
import ast
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from codelewm_assets.baselines.structure import (
    ACROSS,
    WITHIN,
    fitted_scores,
    reach,
    structure_scores,
)
from codelewm_assets.completions.edits import apply_random
from codelewm_assets.completions.mutations import MUTATIONS
from codelewm_assets.completions.twins import make_twins
from codelewm_assets.core.digests import unit_interval
from codelewm_assets.core.records import PoolMember

MIN_NODES, MAX_NODES = 40, 250  # as large as references of the benchmarks


def library_functions() -> list[tuple[str, str]]:
    """(name, source) of top-level functions of the standard library, in an order fixed by hash."""
    found = dict[str, str]()
    root = Path(sysconfig.get_path("stdlib"))
    for path in sorted(root.rglob("*.py")):
        if {"site-packages", "test", "tests", "idlelib", "lib2to3"} & set(path.relative_to(root).parts):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and MIN_NODES <= sum(1 for _ in ast.walk(node)) <= MAX_NODES:
                found[f"{path.relative_to(root)}:{node.name}"] = ast.unparse(node)
    return sorted(found.items(), key=lambda item: unit_interval("library function", item[0]))


def pools_of(
    operator: str, functions: list[tuple[str, str]], count: int
) -> Iterator[tuple[list[PoolMember], dict[str, str]]]:
    """Two pools of three pairs of one bug for each function that has a place for this operator."""
    registry = {
        family: tuple(one for one in row if one.__name__ == operator)
        for family, row in MUTATIONS.items()
        if any(one.__name__ == operator for one in row)
    }
    made = 0
    for name, source in functions:
        if made == count:
            return
        if apply_random(source, name.rpartition(":")[2], registry, random.Random(0)) is None:
            continue  # no place for this operator
        twins = make_twins(source, name.rpartition(":")[2], bugs=1, pairs_per_bug=6, seed=0, mutations=registry)[1:]
        if len(twins) < 12:
            continue
        made += 1
        codes = {f"{name}/{place:03d}": twin.code for place, twin in enumerate(twins)}
        yield [
            PoolMember(
                pool_id=f"{name}::pool{int(str(twin.twin).rpartition('p')[2]) // 3}", problem_id=name,
                benchmark_id="humaneval", completion_id=f"{name}/{place:03d}", passed=twin.kind == "rewrite", pool_kind="twin",
            )
            for place, twin in enumerate(twins)
        ], codes  # fmt: skip


def main() -> None:
    """Print a row for each operator."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=150, help="most functions an operator")
    parser.add_argument("--operators", nargs="*", help="names; default: all")
    options = parser.parse_args()
    functions = library_functions()
    print(f"{len(functions)} functions; pass@1 at chance 0.50, within-pool AUC", flush=True)
    print("operator, functions, fitted pass@1, fitted AUC, then the orders furthest from 0.5 in AUC", flush=True)
    for operator in options.operators or [one.__name__ for row in MUTATIONS.values() for one in row]:
        members, codes = list[PoolMember](), dict[str, str]()
        for own, programs in pools_of(operator, functions, options.functions):
            members += own
            codes |= programs
        problems = {member.problem_id for member in members}
        scored = {problem: [m.completion_id for m in members if m.problem_id == problem] for problem in problems}
        scores = structure_scores(members, codes, scored)
        passed = {pool: [m.passed for m in members if m.pool_id == pool] for pool in scores}
        problem_of = {member.pool_id: member.problem_id for member in members}
        fitted = fitted_scores(scores, passed, problem_of)
        result = reach([(fitted[pool], passed[pool]) for pool in fitted])
        orders = {
            name: found
            for name in (*WITHIN, *ACROSS)
            if (found := reach([(scores[pool][name], passed[pool]) for pool in scores]))
        }
        worst = sorted(orders, key=lambda name: -abs(orders[name].auc - 0.5))[:4]
        head = f"{operator:22} {len(problems):4}"
        figures = f"{result.top:.3f} {result.auc:.3f}" if result else "-"
        print(head, figures, ", ".join(f"{name} {orders[name].auc:.3f}" for name in worst), flush=True)


if __name__ == "__main__":
    main()
