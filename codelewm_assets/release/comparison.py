"""Our figures beside the published ones, each row with whether it may be compared and why not."""

from codelewm_assets.core.ids import SEEDS
from codelewm_assets.release.lookup import Records
from codelewm_assets.release.markdown import ABSENT, Cell, table, with_interval
from codelewm_assets.release.published import PUBLISHED, REASONS, PublishedRow, Reason

BEST = "probe.targets.passed.best_control"


def comparison_table(records: Records) -> str:
    """A row per published figure: v0.8, v0.9 and ours for both seeds; below it each reason in words."""
    header = ["figure", "of", "v0.8", "v0.9", "here", "comparable?", "why"]
    reasons = {reason for row in PUBLISHED for reason in _reasons(records, row)}
    words = [f"- `{reason}`: {text}" for reason, text in REASONS.items() if reason in reasons]
    return "\n".join([table(header, [_row(records, row) for row in PUBLISHED]), *words]) + "\n"


def _row(records: Records, row: PublishedRow) -> list[Cell]:
    key = f"{row.figure}, {row.scope}"
    published = [
        " / ".join(
            with_interval(
                records.at(("published", key, cycle, str(seed), "value")),
                records.at(("published", key, cycle, str(seed), "ci95")),
                _digits(row),
            )
            for seed in SEEDS
        )
        for cycle in ("v0.8", "v0.9")
    ]
    comparable = "same definition" if row.is_comparable else "no"
    why = ", ".join(f"`{reason}`" for reason in _reasons(records, row))
    return [row.figure, row.scope, *published, _ours(records, row), comparable, why]


def _reasons(records: Records, row: PublishedRow) -> tuple[Reason, ...]:
    """Why the figures are not the same: the row's own reasons, and what stands in for its benchmark in our run."""
    labels = records.at("benchmark_labels")
    is_stand_in = any("stand-in" in label for name, label in labels.items() if name in row.scope)
    return ("stand_in", *row.reasons) if is_stand_in else row.reasons


def _ours(records: Records, row: PublishedRow) -> str:
    if row.ours is None:
        return ABSENT
    shown = [
        with_interval(
            records.get(f"seed.{seed}.{row.ours.format(best=records.get(f'seed.{seed}.{BEST}'))}"),
            records.get(f"seed.{seed}.{row.ours_ci95}") if row.ours_ci95 else None,
            _digits(row),
        )
        for seed in SEEDS
    ]
    return " / ".join(shown)


def _digits(row: PublishedRow) -> int:
    return 2 if "points" in row.figure else 4
