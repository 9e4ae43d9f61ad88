"""`build`: materializes the graph with a live display."""

import argparse
import logging
import os
from collections.abc import Sequence, Set
from typing import Any

from codelewm_assets.commands.base import FAILED, command, open_instance, open_store, print_json
from codelewm_assets.commands.gates import gates_json, print_gates
from codelewm_assets.commands.latest import link_latest, page_lines

LOG = logging.getLogger(__name__)
MAX_OFFENDERS = 3  # of a blocker, on its line


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", help="name of a shipped profile, or a .yaml file (default: CODELEWM_PROFILE or sample)"
    )
    parser.add_argument(
        "--select",
        help="assets to build, in Dagster's asset selection syntax, such as '+preflight_report' (all ancestors too) "
        "or 'group:claims or group:release'",
    )


@command(
    "build --profile sample",
    "Materialize the graph; ends with claims, gates and where the report lies.",
    _add_arguments,
)
def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from codelewm_assets.commands.runnable import require_runnable
    from codelewm_assets.core.digests import pretty_json
    from codelewm_assets.core.files import write_atomically
    from codelewm_assets.defs.assemble import build_defs
    from codelewm_assets.defs.resources import ProfileResource, default_resources
    from codelewm_assets.display import BuildDisplay, duplicate_stdout
    from codelewm_assets.instance.build import Progress, build, log_progress, planned_runs
    from codelewm_assets.profiles.profile import load_profile

    resources = default_resources()
    if options.profile:
        resources["profile"] = ProfileResource(name=options.profile)
    profile = load_profile(resources["profile"].name)  # type: ignore[attr-defined]
    store, instance, defs = open_store(), open_instance(), build_defs(resources=resources)
    runs = planned_runs(defs, options.select)
    assets = {key.to_user_string() for planned in runs for key in planned.assets}
    require_runnable(profile, assets, os.environ, store.work / "downloads")
    if options.json:
        result = build(defs, instance, select=options.select, on_progress=log_progress)
    else:
        print(f"profile {profile.name}: {profile.description}", flush=True)
        total = sum(len(planned.assets) for planned in runs)
        with BuildDisplay(Console(file=duplicate_stdout()), store.work / "progress", total=total) as display:

            def follow(progress: Progress) -> None:
                display(progress)
                log_progress(progress)

            result = build(defs, instance, select=options.select, on_progress=follow)
    timings = {"profile": profile.name, "wall_s": result.wall_s, "reused": sorted(result.reused)}
    write_atomically(store.work / "progress" / "build_timings.json", pretty_json(timings))
    try:
        link_latest(instance, store)
    except OSError as error:
        LOG.warning(f"{store.address}/latest could not be updated ({error.strerror or error}); full paths are shown.")
    if options.json:
        print_json(timings | {"failures": result.failures} | gates_json(instance, store))
    else:
        print(f"{len(result.wall_s)} artifacts, {len(result.reused)} of them reused.")
        print_end(assets, result.wall_s.keys(), instance, store, Console(), failures=result.failures)
    for failure in result.failures:
        LOG.error(failure)
    return 0 if result.is_success else FAILED


def print_end(
    assets: Set[str], built: Set[str], instance: Any, store: Any, console: Any, *, failures: Sequence[str] = ()
) -> None:
    """Print claims, gates and pages, if any; at the end the preflight verdict, if the build stops there.

    Args:
        assets: names of the assets to build.
        built: labels of the assets that were built.
        failures: why the build stopped.
    """
    from codelewm_assets.defs.inputs import latest_version

    if "claim_gates" not in built and latest_version(instance, "claim_gates"):
        print("claim_gates was not rebuilt; showing results of an earlier build.")
    if "claim_gates" in assets or latest_version(instance, "claim_gates"):
        print_gates(instance, store, console)
    elif "model_rates" in built:
        for line in page_lines(instance, store):
            print(line)
    if "preflight_report" not in assets or "claim_gates" in assets:
        return
    version = latest_version(instance, "preflight_report")
    if version is None or "preflight_report" not in built:
        print("preflight_report: not clear, the build stopped before it; blockers:")
        print("\n".join(f"  {failure}" for failure in failures), flush=True)
        return
    print("\n".join(preflight_lines(store.load("preflight_report", version).read_json("preflight_report.json"))))


def preflight_lines(report: dict[str, Any]) -> list[str]:
    """The verdict of a preflight report: clear, or one line per blocker with its rule and first offenders; then the claims."""
    red = [finding for finding in report["findings"] if not finding["passed"]]
    if report["clear"] and not red:
        return [f"preflight_report: clear ({len(report['findings'])} rules)", *_claims_in_reach(report)]
    lines = [f"preflight_report: not clear, {len(red)} of {len(report['findings'])} rules are red; blockers:"]
    for finding in red:
        first = [str(offender) for offender in finding["offenders"][:MAX_OFFENDERS]]
        remainder = len(finding["offenders"]) - len(first)
        offenders = "; ".join([*first, *([f"{remainder} more"] if remainder > 0 else [])])
        lines.append(f"  {finding['rule']}: {finding['blocker']}" + (f" ({offenders})" if offenders else ""))
    return lines + _claims_in_reach(report)


def _claims_in_reach(report: dict[str, Any]) -> list[str]:
    """The claims that this profile can open, and why it cannot open the others whatever their figures; reports of 0.1 lack them."""
    claims: dict[str, list[str]] = report.get("claims", {})
    can_open = [name for name, reasons in claims.items() if not reasons]
    lines = [f"Claims that this profile can open: {', '.join(can_open) or 'none'}."] if claims else []
    return lines + [f"  not {name}: {'; '.join(reasons)}" for name, reasons in claims.items() if reasons]
