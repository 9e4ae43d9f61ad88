"""`prune`: lists unreferenced artifacts, and removes them with `--execute`."""

import argparse
import logging
import math
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from codelewm_assets.commands.base import command, open_instance, open_store, print_json
from codelewm_assets.core.errors import AssetsError

LOG = logging.getLogger(__name__)

if TYPE_CHECKING:
    from codelewm_assets.store.prune import PrunePlan


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--execute", action="store_true", help="remove them (default: a dry run)")
    parser.add_argument(
        "--older-than", type=_amount, default=0.0, metavar="DAYS", help="remove only artifacts older than this"
    )
    parser.add_argument(
        "--ignore-runs-silent-for",
        type=_amount,
        metavar="HOURS",
        help="runs without an event for longer are dead: their process was killed",
    )


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = math.nan
    if not 0 <= amount <= 36500:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 36500")
    return amount


@command(
    "prune --older-than 7",
    "Remove artifacts that no latest artifact refers to; a dry run unless --execute.",
    _add_arguments,
)
def run(options: argparse.Namespace) -> int:
    from codelewm_assets.instance.health import (
        HOUR_S,
        live_digests,
        newest_run,
        require_no_run,
        require_no_run_since,
    )
    from codelewm_assets.store.prune import plan_prune, prune

    instance, store = open_instance(), open_store()
    hours = options.ignore_runs_silent_for
    newest = newest_run(instance)  # before all other queries: reveals a later run, even one that has ended

    def require_quiet() -> None:
        require_no_run(instance, now_s=time.time(), silent_for_s=None if hours is None else hours * HOUR_S)
        require_no_run_since(instance, newest)

    try:
        require_quiet()
    except AssetsError as error:
        if options.execute:
            raise
        LOG.warning(f"{error} This is a dry run.")
    plan = plan_prune(store, live_digests(instance), now=datetime.now(UTC), min_age=timedelta(days=options.older_than))
    if options.execute:
        prune(store, plan, before_each=require_quiet)
    if options.json:
        print_json(_as_json(plan, options.execute))
    else:
        _print(plan, options.execute)
    return 0


def _as_json(plan: "PrunePlan", is_executed: bool) -> dict[str, Any]:
    return {
        "is_executed": is_executed,
        "kept_count": len(plan.kept),
        "kept_bytes": sum(row.bytes or 0 for row in plan.kept),
        "removable_bytes": plan.bytes,
        "removable": [
            {"artifact_id": row.artifact_id, "digest": row.digest, "bytes": row.bytes,
             "created_at": None if row.created_at is None else row.created_at.isoformat()}
            for row in plan.removable
        ],
        "recipes": list(plan.cache_keys),
        "leftovers": [asdict(row) for row in (*plan.orphans, *plan.incomplete)],
        "not_stored": list(plan.not_stored),
    }  # fmt: skip


def _print(plan: "PrunePlan", is_executed: bool) -> None:
    for row in plan.removable:
        created = "damaged" if row.created_at is None else row.created_at.isoformat()
        print(f"{row.artifact_id}\t{row.digest}\t{row.bytes or 0}\t{created}")
    for leftover in (*plan.orphans, *plan.incomplete):
        print(f"{leftover.path}\t{leftover.why}\t{leftover.bytes}")
    for digest in plan.not_stored:
        print(f"not stored\t{digest}\tthe instance's latest, missing here: materialize its asset again")
    what = f"{len(plan.removable)} artifacts, {len(plan.orphans) + len(plan.incomplete)} leftovers, {plan.bytes} bytes"
    kept = f"{len(plan.kept)} artifacts stay"
    if is_executed:
        print(f"removed {what}; {kept}.")
    else:
        print(f"dry run: {what} can go, {kept}. `prune --execute` removes them.")
