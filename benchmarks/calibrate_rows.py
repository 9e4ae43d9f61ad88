"""Time and memory of `codelewm-assets calibrate` on many score rows, beside scikit-learn's own figures of the same columns.

    python benchmarks/calibrate_rows.py [--rows 1000000]

The peer computes ROC-AUC, average precision, Brier score and log loss with scikit-learn for each score over all rows, from
arrays that are in memory already: no reading, no intervals, no slices. Random rows: nine scores, two benchmarks, 2000 problems.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from sections import rewrite
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from codelewm_assets.evaluation.score_files import calibrate_file, read_score_table

SCORES = (
    "p_pass",
    "p_pass_raw",
    "no_action",
    "shuffled_action",
    "lexical",
    "consensus",
    "surface_lr",
    "length",
    "random",
)
PROBLEMS = 2000


def write_rows(path: Path, count: int) -> None:
    """Random rows; p_pass is the rate at which the row passes."""
    generator = np.random.default_rng(0)
    values, draws = np.round(generator.random((count, len(SCORES))), 6), generator.random(count)
    with path.open("w", encoding="utf-8") as stream:
        for i in range(count):
            row = {
                "completion_id": f"c{i:07d}",
                "problem_id": f"p{i % PROBLEMS:04d}",
                "benchmark_id": ("humaneval", "mbpp_plus")[i % 2],
                "passed": bool(draws[i] < values[i, 0]),
                "completion_kind": ("rewrite", "one_bug", "two_bug")[i % 3],
                "operator_family": f"family{i % 14}",
                "scores": dict(zip(SCORES, values[i].tolist(), strict=True)),
            }
            stream.write(json.dumps(row) + "\n")


def section(count: int, ours_s: float, peak_gb: float, peer_s: float) -> list[str]:
    """The section of docs/performance.md."""
    return [
        "## Calibration of many rows",
        "",
        f"`python benchmarks/calibrate_rows.py --rows {count}`: {count:,} rows of nine scores, 2,000 problems, read from a",
        "file, with every interval and slice. The peer has the columns in memory and computes four figures of all rows, without",
        "intervals or slices.",
        "",
        "| what | seconds | peak memory, GB |",
        "|---|---:|---:|",
        f"| `codelewm-assets calibrate` | {ours_s:.1f} | {peak_gb:.2f} |",
        f"| scikit-learn, ROC-AUC, average precision, Brier, log loss | {peer_s:.1f} | – |",
    ]


def main() -> None:
    """Measure, and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    count = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.jsonl"
        write_rows(path, count)
        started = time.monotonic()
        calibrate_file(path, Path(folder) / "report")
        ours = time.monotonic() - started
        peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        table = read_score_table(path)
    started = time.monotonic()
    for name in SCORES:
        for metric in (roc_auc_score, average_precision_score, brier_score_loss, log_loss):
            metric(table.passed, table.scores[name])
    peer = time.monotonic() - started
    rewrite("calibrate_rows", section(count, ours, peak_gb, peer))


if __name__ == "__main__":
    main()
