"""Dataset card, model card, tracker status and artifact index as Markdown, rendered from records."""

from collections import Counter
from collections.abc import Mapping, Sequence

from codelewm_assets.claims.gates import ClaimGates
from codelewm_assets.core.manifest import Manifest
from codelewm_assets.core.records import LeftOut, PackRow
from codelewm_assets.evaluation.records import CollapseReport
from codelewm_assets.release.results_report import Cell, claims_table, gates_table, table
from codelewm_assets.splits.folds import ProblemSplit
from codelewm_assets.training.sidecar import Sidecar


def dataset_card(
    rows: Sequence[PackRow],
    splits: Sequence[ProblemSplit],
    left_out: Sequence[LeftOut],
    gates: ClaimGates,
    *,
    labels: Mapping[str, str],
) -> str:
    """Card of the execution pack, with the Hub's YAML header."""
    fold = {split.problem_id: split.fold for split in splits}
    cells = Counter((labels[r.source_dataset], fold[r.source_problem_id], r.completion_passed) for r in rows)
    licenses = sorted({(labels[r.source_dataset], r.license, r.license_attribution_url) for r in rows})
    kinds = Counter((labels[r.source_dataset], r.completion_kind, r.execution_status) for r in rows)
    return "\n".join(
        [
            "---\nlicense: other\nlanguage: [code]\ntags: [code, program-execution]\n---\n",
            "# CodeLeWM execution pack\n",
            "One row per problem, completion and input: what running the completion gave, and whether that is right.\n",
            f"Benchmarks: {', '.join(f'`{name}`' for name in labels.values())}.\n",
            "## Rows\n",
            table(["benchmark", "fold", "completion passed", "rows"], [[*key, n] for key, n in sorted(cells.items())]),
            "## Outcomes\n",
            table(["benchmark", "completion kind", "outcome", "rows"], [[*key, n] for key, n in sorted(kinds.items())]),
            "## Licences\n",
            table(["benchmark", "licence", "stated at"], [list(row) for row in licenses]),
            "## Problems left out\n",
            table(["problem", "reason"], [[row.problem_id, row.reason] for row in left_out]),
            "## Claims\n",
            claims_table(gates),
        ]
    )


def model_card(sidecar: Sidecar, collapse: CollapseReport, gates: ClaimGates, *, labels: Mapping[str, str]) -> str:
    """Card of one seed's checkpoint, with the Hub's YAML header."""
    config = [[name, str(value)] for name, value in sorted(sidecar.config.model_dump(mode="json").items())]
    digests: list[list[Cell]] = [
        [name, getattr(sidecar, name)]
        for name in ("execution_pack", "problem_splits", "tokenized_pack", "preflight_report")
    ]
    return "\n".join(
        [
            "---\nlicense: apache-2.0\ntags: [code, world-model]\n---\n",
            f"# CodeLeWM transition model, seed {sidecar.seed}\n",
            f"{sidecar.parameter_count} parameters, trained from scratch on {sidecar.device}, folds {list(sidecar.folds)}. "
            "A problem is scored only by the model that had it in test.\n",
            f"Trained on problems of {', '.join(f'`{name}`' for name in labels.values())}.\n",
            "## Claims\n",
            claims_table(gates),
            "## Gates\n",
            gates_table(gates),
            "## Collapse diagnostics\n",
            table(
                ["effective rank ratio", "median variance", "neighbour entropy", "latents", "tensors", "not finite"],
                [
                    [
                        collapse.effective_rank_ratio,
                        collapse.median_variance,
                        collapse.neighbour_entropy,
                        collapse.latent_count,
                        collapse.tensor_count,
                        len(collapse.nonfinite_tensors),
                    ]
                ],
            ),
            "## Made from\n",
            table(["artifact", "digest"], digests),
            "## Configuration\n",
            table(["key", "value"], config),
            "## Versions\n",
            table(["package", "version"], [[name, found] for name, found in sorted(sidecar.versions.items())]),
        ]
    )


def tracker_status(gates: ClaimGates) -> str:
    """Body of a tracker comment: how many claims are open, and the two tables."""
    is_open = sum(claim.status == "OPEN" for claim in gates.claims)
    return "\n".join(
        [
            f"## Status of profile `{gates.profile}`: {is_open} of {len(gates.claims)} claims OPEN\n",
            claims_table(gates),
            gates_table(gates),
        ]
    )


def artifact_index(manifests: Mapping[str, Manifest]) -> str:
    """A row per artifact. Args: manifests: digest → manifest."""
    rows: list[list[Cell]] = [
        [m.artifact_id, digest, len(m.files), sum(file.bytes for file in m.files), len(m.parent_artifacts)]
        for digest, m in sorted(manifests.items(), key=lambda item: item[1].artifact_id)
    ]
    return "# Artifacts\n\n" + table(["artifact", "digest", "files", "bytes", "parents"], rows)
