"""`verify`: recomputes the digests of the store."""

import argparse
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from codelewm_assets.commands.base import FAILED, command, open_store, print_json
from codelewm_assets.commands.forms import refuse_other_forms
from codelewm_assets.core.errors import AssetsError


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("artifacts", nargs="*", metavar="ARTIFACT", help="kind, id or digest (default: all)")
    parser.add_argument(
        "--signatures", action="store_true", help="verify signed releases instead: signatures, claims and the register"
    )
    parser.add_argument(
        "--public-key", type=Path, metavar="FILE", help="key that signatures must be of (default: the one beside them)"
    )


@command("verify execution_pack", "Recompute digests of the store and walk the parents.", _add_arguments)
def run(options: argparse.Namespace) -> int:
    for name in options.artifacts:
        if "/" in name or name.endswith(".json"):
            path = Path(name)
            refuse_other_forms(path / "manifest.json" if path.is_dir() else path, "verify")
    store = open_store()
    if (options.public_key and not options.signatures) or (options.artifacts and options.signatures):
        raise AssetsError("--public-key needs --signatures, which takes no ARTIFACT: it verifies every signed release.")
    if options.signatures:
        return _signatures(store, options)
    checked, faults = store.verify_all(frozenset(options.artifacts))
    if options.artifacts and not checked and not faults:
        raise AssetsError(
            f"No stored artifact is called {' or '.join(options.artifacts)}. Omit the names to verify all."
        )
    leftovers = store.unfinished() if not options.artifacts else []
    if options.json:
        mismatches = [asdict(fault) for fault in faults]
        print_json({"verified_count": checked, "mismatches": mismatches, "leftovers": leftovers})
        return FAILED if faults else 0
    _print_rows(faults)
    for folder in leftovers:
        print(f"leftover\t{folder}\tan incomplete write, invisible to readers; delete it when no build runs")
    where = "" if checked else f" {store.address} holds no artifact."
    print(f"{checked} artifacts verified, {len(faults)} mismatches.{where}")
    return FAILED if faults else 0


def _signatures(store: Any, options: argparse.Namespace) -> int:
    from codelewm_assets.release.signed_release import verify_releases

    count, faults = verify_releases(store, options.public_key)
    if options.json:
        print_json({"release_count": count, "mismatches": [asdict(fault) for fault in faults]})
        return FAILED if faults else 0
    _print_rows(faults)
    key = options.public_key or "the public key beside them: that nothing changed since, not who signed"
    print(f"{count} signed releases verified with {key}; {len(faults)} mismatches.")
    return FAILED if faults else 0


def _print_rows(faults: Iterable[Any]) -> None:
    for fault in faults:
        print(f"{fault.artifact}\t{fault.file}\tfound {fault.found}\twanted {fault.wanted}")
