"""Energy of a decoy's output against that of the real one: the model's surprise."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.records import Decoy
from codelewm_assets.evaluation.bootstrap import bounded_interval, resampled_means
from codelewm_assets.evaluation.reports import Difference, SurpriseCategory, SurpriseReport
from codelewm_assets.evaluation.rows import HeldoutRecord

CATEGORIES = ("mutation", "same_problem_different_submission", "same_code_different_input")


def surprise_report(
    records: Sequence[HeldoutRecord],
    latents: Mapping[str, NDArray[np.float32]],
    decoys: Sequence[Decoy],
    *,
    seed: int,
    resamples: int,
) -> SurpriseReport:
    """Pairwise AUC per category, over all and by benchmark, over the pairs whose two records are held out.

    Energy is the squared distance of z_pred to the output's latent, in [0, 4]; AUC is the share of pairs in which the
    decoy's energy is the larger one, ties counted half. Beside it stand `no_action`, and the order by how many held-out records
    of other problems give the output: a model that only knows which outputs are rare is no better.
    """
    row_of = {record.record_id: row for row, record in enumerate(records)}
    scored = [d for d in decoys if d.query_record_id in row_of and d.decoy_record_id in row_of]
    benchmark = {record.record_id: record.benchmark_id for record in records}

    def categories(pairs: Sequence[Decoy]) -> dict[str, SurpriseCategory]:
        return {
            name: _category([d for d in pairs if d.category == name], records, row_of, latents, resamples)
            for name in CATEGORIES
        }

    return SurpriseReport(
        seed=seed,
        categories=categories(scored),
        benchmarks={
            name: categories([d for d in scored if benchmark[d.query_record_id] == name])
            for name in sorted(set(benchmark.values()))
        },
    )


def _category(
    pairs: Sequence[Decoy],
    records: Sequence[HeldoutRecord],
    row_of: Mapping[str, int],
    latents: Mapping[str, NDArray[np.float32]],
    resamples: int,
) -> SurpriseCategory:
    problems = [pair.source_problem_id for pair in pairs]
    if not pairs:
        return SurpriseCategory(pair_count=0, problem_count=0)
    query = [row_of[pair.query_record_id] for pair in pairs]
    decoy = [row_of[pair.decoy_record_id] for pair in pairs]
    wins, energies = dict[str, NDArray[np.float64]](), dict[str, tuple[float, float]]()
    for name in ("z_pred", "z_pred_no_action"):
        real = ((latents[name][query] - latents["z_out"][query]) ** 2).sum(axis=1)  # (N,)
        other = ((latents[name][query] - latents["z_out"][decoy]) ** 2).sum(axis=1)  # (N,)
        wins[name], energies[name] = _larger(other, real), (float(real.mean()), float(other.mean()))
    by_output = Counter(record.output for record in records)
    of_problem = Counter((record.problem_id, record.output) for record in records)
    seen = np.array([by_output[r.output] - of_problem[r.problem_id, r.output] for r in records], dtype=np.float64)
    wins["frequency"] = _larger(seen[query], seen[decoy])  # the rarer output is the decoy
    names, code = np.unique(problems, return_inverse=True)
    rows = np.stack([wins["z_pred"], *(wins["z_pred"] - wins[n] for n in ("z_pred_no_action", "frequency"))])  # (3, N)
    sums = np.stack([np.bincount(code, weights=row) for row in rows])  # (3, P)
    drawn = resampled_means(sums.astype(np.float64), np.bincount(code).astype(np.float64), resamples=resamples)

    def interval(place: int, *, lowest: float) -> tuple[float, float]:
        return bounded_interval(drawn[:, place], problems=len(names), lowest=lowest, highest=1)

    def difference(place: int) -> Difference:
        return Difference(difference=float(rows[place].mean()), ci95=interval(place, lowest=-1))

    return SurpriseCategory(
        pair_count=len(pairs),
        problem_count=len(names),
        auc=float(wins["z_pred"].mean()),
        auc_ci95=interval(0, lowest=0),
        no_action_auc=float(wins["z_pred_no_action"].mean()),
        frequency_auc=float(wins["frequency"].mean()),
        over_no_action=difference(1),
        over_frequency=difference(2),
        mean_real_energy=energies["z_pred"][0],
        mean_decoy_energy=energies["z_pred"][1],
    )


def _larger(values: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """(N,) 1 where the value is the larger one, 0.5 where they are equal."""
    return np.asarray((values > others) + 0.5 * (values == others), dtype=np.float64)
