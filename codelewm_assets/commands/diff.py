"""`diff`: what moved between two builds, and by what."""

import argparse
import logging
from typing import Any

from codelewm_assets.commands.base import USAGE_ERROR, command, open_instance, open_store, print_json
from codelewm_assets.core.errors import BuildNameError

LOG = logging.getLogger(__name__)
LATEST, PREVIOUS = "latest", "previous"
KINDS = ("claim_gates", "results_report")
MIN_DIGITS = 8


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    for name, text in (("before", "the earlier build"), ("after", "the later one")):
        parser.add_argument(
            name,
            metavar="BUILD",
            help=f"{text}: latest, previous, {', '.join(KINDS)}, or 8 digits or more of the digest of one",
        )


@command("diff previous latest", "Show which gate moved, by which artifact and by which rows.", _add_arguments)
def run(options: argparse.Namespace) -> int:
    from codelewm_assets.release.build_diff import build_diff

    instance, store = open_instance(), open_store()
    try:
        builds = [_gates_of(name, instance, store) for name in (options.before, options.after)]
    except BuildNameError as error:
        LOG.error(str(error))
        return USAGE_ERROR
    difference = build_diff(store, *builds)
    if options.json:
        print_json(difference.model_dump(mode="json"))
    else:
        _print(difference)
    return 0


def _gates_of(name: str, instance: Any, store: Any) -> Any:
    """`claim_gates` of a build. Raises: BuildNameError: there is no such build, or more than one. StoreError: it is damaged."""
    from codelewm_assets.defs.inputs import latest_versions

    if name in (LATEST, PREVIOUS, *KINDS):
        kind, place = name if name in KINDS else KINDS[0], 1 if name == PREVIOUS else 0
        versions = latest_versions(instance, kind, count=2)
        if len(versions) <= place:
            raise BuildNameError(
                f"There is no {name} build: {kind} has {len(versions)} versions. Run `build`, then compare."
            )
        found = {(kind, versions[place])}
    else:
        found = {
            (kind, digest) for kind, _, digest in store.artifacts()
            if kind in KINDS and len(name) >= MIN_DIGITS and digest.startswith(name)
        }  # fmt: skip
    if len(found) != 1:
        raise BuildNameError(
            f"{len(found)} builds are called {name}; expected {LATEST}, {PREVIOUS}, {' or '.join(KINDS)}, or {MIN_DIGITS} digits "
            "or more of the digest of one of these. `artifact_index` has the digests."
        )
    ((kind, digest),) = found
    artifact = store.load(kind, digest)
    return artifact if kind == KINDS[0] else store.parents(artifact, (KINDS[0],))[KINDS[0]]


def _print(difference: Any) -> None:
    from rich.console import Console

    from codelewm_assets.display import print_table

    console = Console()
    print(f"claim_gates {difference.before[:12]} → {difference.after[:12]}")
    gates = [
        [g.gate, g.seed, g.before, g.after, "; ".join(_figure(f) for f in g.figures) or None, ", ".join(g.artifacts)]
        for g in difference.gates
    ]
    print_table(console, "Gates that moved", ["gate", "seed", "before", "after", "figures", "by"], gates)
    artifacts = [
        [a.artifact_id, a.before and a.before[:12], a.after and a.after[:12], "yes" if a.is_origin else "no"]
        for a in difference.artifacts
    ]
    print_table(console, "Artifacts that differ", ["artifact", "before", "after", "the change begins here"], artifacts)
    for rows in difference.rows:
        title = (
            f"{rows.artifact_id} {rows.file}: {rows.changed} rows changed, {rows.added} added, {rows.removed} removed of "
            f"{rows.row_count}; the first {len(rows.first)}"
        )
        cells = [[r.pool_id, r.completion_id, _scores(r.before), _scores(r.after)] for r in rows.first]
        print_table(console, title, ["pool", "completion", "before", "after"], cells)


def _figure(figure: Any) -> str:
    before, after = ("–" if value is None else f"{value:.4g}" for value in (figure.before, figure.after))
    return f"{figure.name} {before} → {after}"


def _scores(row: dict[str, Any] | None) -> str | None:
    if row is None:
        return None
    return ", ".join(f"{name} {f'{value:.4g}' if isinstance(value, float) else value}" for name, value in row.items())
