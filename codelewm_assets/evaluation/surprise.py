"""Energy of a decoy's output against that of the real one: the model's surprise."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from codelewm_assets.core.records import Decoy
from codelewm_assets.evaluation.bootstrap import interval_of_draws, resampled_means
from codelewm_assets.evaluation.reports import HeldoutRecord, SurpriseCategory, SurpriseReport

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
    decoy's energy is the larger one, ties counted half.
    """
    row_of = {record.record_id: row for row, record in enumerate(records)}
    scored = [d for d in decoys if d.query_record_id in row_of and d.decoy_record_id in row_of]
    benchmark = {record.record_id: record.benchmark_id for record in records}

    def categories(pairs: Sequence[Decoy]) -> dict[str, SurpriseCategory]:
        return {
            name: _category([d for d in pairs if d.category == name], row_of, latents, resamples) for name in CATEGORIES
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
    pairs: Sequence[Decoy], row_of: Mapping[str, int], latents: Mapping[str, NDArray[np.float32]], resamples: int
) -> SurpriseCategory:
    problems = [pair.source_problem_id for pair in pairs]
    if not pairs:
        return SurpriseCategory(pair_count=0, problem_count=0)
    query = [row_of[pair.query_record_id] for pair in pairs]
    decoy = [row_of[pair.decoy_record_id] for pair in pairs]
    wins, means = {}, (0.0, 0.0)
    for name in ("z_pred_no_action", "z_pred"):
        real_energy = ((latents[name][query] - latents["z_out"][query]) ** 2).sum(axis=1)  # (P,)
        decoy_energy = ((latents[name][query] - latents["z_out"][decoy]) ** 2).sum(axis=1)  # (P,)
        wins[name] = (decoy_energy > real_energy) + 0.5 * (decoy_energy == real_energy)
        means = float(real_energy.mean()), float(decoy_energy.mean())
    names, code = np.unique(problems, return_inverse=True)
    won, counts = np.bincount(code, weights=wins["z_pred"]), np.bincount(code).astype(np.float64)  # (P,)
    drawn = resampled_means(won[None].astype(np.float64), counts, resamples=resamples)[:, 0]
    return SurpriseCategory(
        pair_count=len(pairs),
        problem_count=len(names),
        auc=float(wins["z_pred"].mean()),
        auc_ci95=interval_of_draws(drawn),
        no_action_auc=float(wins["z_pred_no_action"].mean()),
        mean_real_energy=means[0],
        mean_decoy_energy=means[1],
    )
