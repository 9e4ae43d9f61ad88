"""`build`: materializes the graph with a live display."""

import argparse
import logging

from codelewm_assets.commands.base import FAILED, command, open_instance, open_store, print_json
from codelewm_assets.commands.gates import gates_shown, print_gates

LOG = logging.getLogger(__name__)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--profile", help="name of a shipped profile, or a .yaml file (default: CODELEWM_PROFILE or sample)"
    )
    parser.add_argument("--select", help="a Dagster asset selection, such as 'key:execution_pack+'")


@command(
    "build --profile sample",
    "Materialize the graph; ends with the gate table and where the report lies.",
    _add_arguments,
)
def run(options: argparse.Namespace) -> int:
    from rich.console import Console

    from codelewm_assets.core.digests import pretty_json
    from codelewm_assets.core.files import write_atomically
    from codelewm_assets.defs.assemble import build_defs
    from codelewm_assets.defs.inputs import latest_version
    from codelewm_assets.defs.resources import ProfileResource, default_resources
    from codelewm_assets.display import BuildDisplay
    from codelewm_assets.instance.build import Progress, build, log_progress
    from codelewm_assets.profiles.profile import load_profile

    resources = default_resources()
    if options.profile:
        resources["profile"] = ProfileResource(name=options.profile)
    profile = load_profile(resources["profile"].name)  # type: ignore[attr-defined]
    store, instance, defs = open_store(), open_instance(), build_defs(resources=resources)
    if options.json:
        result = build(defs, instance, select=options.select, on_progress=log_progress)
    else:
        print(f"profile {profile.name}: {profile.description}", flush=True)
        with BuildDisplay(Console(), store.work / "progress") as display:

            def follow(progress: Progress) -> None:
                display(progress)
                log_progress(progress)

            result = build(defs, instance, select=options.select, on_progress=follow)
    timings = {"profile": profile.name, "wall_s": result.wall_s, "reused": sorted(result.reused)}
    write_atomically(store.work / "progress" / "build_timings.json", pretty_json(timings))
    if options.json:
        print_json(timings | {"failures": result.failures} | gates_shown(instance, store))
    else:
        print(f"{len(result.wall_s)} artifacts, {len(result.reused)} of them reused.")
        if "claim_gates" not in result.wall_s and latest_version(instance, "claim_gates"):
            print("This build did not come to claim_gates: the tables show the latest of earlier builds.")
        print_gates(instance, store, Console())
    for failure in result.failures:
        LOG.error(failure)
    return 0 if result.is_success else FAILED
