"""`publish`: shows the release plan for the Hub, and uploads it with `--execute`."""

import argparse
import logging
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from codelewm_assets.commands.base import FAILED, command, open_instance, open_store, print_json
from codelewm_assets.core.logs import format_in_force
from codelewm_assets.core.secrets import masked

LOG = logging.getLogger(__name__)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--execute", action="store_true", help="upload it, with the token in HF_TOKEN")
    parser.add_argument(
        "--namespace", type=_namespace, default="codelewm", help="user or organisation (default: codelewm)"
    )
    parser.add_argument(
        "--no-benchmark",
        action="store_true",
        help="leave eval.yaml out, which the Hub takes from frameworks of its list alone",
    )
    parser.add_argument(
        "--sign-key",
        type=Path,
        metavar="FILE",
        help="sign it with this elliptic-curve key (default: the file that CODELEWM_SIGNING_FILE names)",
    )
    parser.add_argument("--public", action="store_true", help="create public repositories (default: private)")


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid name of a user or organisation on the Hub")
    return text


@command("publish --namespace lab", "Show the release plan for the Hub; --execute uploads it.", _add_arguments)
def run(options: argparse.Namespace) -> int:
    with TemporaryDirectory(prefix="codelewm-publish-") as folder:
        return _run(options, Path(folder))


def _run(options: argparse.Namespace, folder: Path) -> int:
    from codelewm_assets.release.hub_upload import publish

    plan, sources = _planned(options, folder)
    payload = {
        "tag": plan.tag,
        "files": [
            {"repository": f"{options.namespace}/{f.repository}"} | f.model_dump(include={"path", "bytes", "sha256", "artifact_id"})
            for f in plan.files
        ],
        "repositories": [t.model_dump() | {"repository": f"{options.namespace}/{t.repository}"} for t in plan.totals],
        "refusals": [blocker.model_dump() for blocker in plan.refusals],
        "published": [],
    }  # fmt: skip
    if not options.json:
        _print_plan(payload)
    if options.execute and not plan.refusals:
        published = publish(
            plan, sources, token=os.environ.get("HF_TOKEN"), namespace=options.namespace, public=options.public,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )  # fmt: skip
        payload["published"] = [asdict(repository) for repository in published]
        for repository in published if not options.json else ():
            print(
                f"{repository.repository}\t{repository.tag}\tcommit {repository.commit}\t{repository.sent_count} files sent"
            )
    if options.json:
        print_json(payload)
    elif plan.refusals:
        print(f"refused for {len(plan.refusals)} reasons, nothing uploaded.")
    elif not options.execute:
        print(f"dry run: {len(plan.files)} files, nothing uploaded. `publish --execute` uploads them.")
    return FAILED if plan.refusals else 0


def _planned(options: argparse.Namespace, folder: Path) -> tuple[Any, Any]:
    """The latest plan in its namespace, signed when a key is named, and the local paths of its files."""
    from codelewm_assets.defs.hub_release import latest_plan
    from codelewm_assets.release.hub_benchmark import EVAL_FILE
    from codelewm_assets.release.hub_links import in_namespace
    from codelewm_assets.release.signed_release import SignedRelease, sign_release
    from codelewm_assets.release.signing import SIGN_KEY

    store = open_store()
    plan, sources, digest = latest_plan(open_instance(), store)
    left_out = (EVAL_FILE,) if options.no_benchmark else ()
    plan, sources = in_namespace(plan, sources, options.namespace, folder, left_out=left_out)
    key = options.sign_key or os.environ.get(SIGN_KEY)
    if not key or plan.refusals:
        return plan, sources
    signed = SignedRelease(release_plan=digest, namespace=options.namespace, left_out=left_out)
    return sign_release(plan, sources, store, key=Path(key), signed=signed)


def _print_plan(payload: dict[str, Any]) -> None:
    for file in payload["files"]:
        print(f"{file['repository']}\t{file['path']}\t{file['bytes']}\t{file['sha256']}")
    for total in payload["repositories"]:
        print(f"{total['repository']}\t{total['repository_type']}\t{total['file_count']} files\t{total['bytes']} bytes")
    for blocker in payload["refusals"]:
        row = f"refused\t{blocker['reason']}\t{blocker['detail']}"
        if format_in_force() == "json":
            LOG.error(row)
        else:
            print(masked(row), file=sys.stderr)  # rows of a listing: without the program's name before each
    print(f"tag {payload['tag']}")
