"""`codelewm-assets`: the command line. Parses, calls one function, prints; expected errors are one line, never a traceback."""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from codelewm_assets.core.errors import AssetsError

USAGE_ERROR, FAILED = 2, 1


class Parser(argparse.ArgumentParser):
    """One line on standard error and exit status 2 for bad arguments."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where help is."""
        print(f"{self.prog}: {message}. See `{self.prog} --help`.", file=sys.stderr)
        raise SystemExit(USAGE_ERROR)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    options = parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except AssetsError as error:
        print(f"codelewm-assets: {error}", file=sys.stderr)
        return FAILED
    except OSError as error:
        print(
            f"codelewm-assets: {error.strerror or error}: {error.filename or ''}. Check the path and the disk.",
            file=sys.stderr,
        )
        return FAILED
    except KeyboardInterrupt:
        print("codelewm-assets: interrupted; what was stored before is whole.", file=sys.stderr)
        return 130


def parser() -> Parser:
    """The parser of every command; the reference in docs/ is written from it."""
    parser = Parser(prog="codelewm-assets", description="The evidence cycle of CodeLeWM as Dagster assets.")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str, example: str) -> Parser:
        made: Parser = commands.add_parser(
            name, help=text, description=text, epilog=f"example: codelewm-assets {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        made.set_defaults(run=run)
        return made

    build = add(
        "build",
        _build,
        "Materialize the graph; ends with the gate table and where the report lies.",
        "build --profile sample",
    )
    build.add_argument(
        "--profile", help="name of a shipped profile, or a .yaml file (default: CODELEWM_PROFILE or sample)"
    )
    build.add_argument("--select", help="a Dagster asset selection, such as 'key:execution_pack+'")
    status = add("status", _status, "Latest check results and gates, a row each.", "status --json")
    status.add_argument("--json", action="store_true", help="print one JSON object")
    verify = add("verify", _verify, "Recompute digests of the store and walk the parents.", "verify execution_pack")
    verify.add_argument("artifacts", nargs="*", metavar="ARTIFACT", help="kind, id or digest (default: all)")
    label = add("label", _label, "Label completions in the sandbox.", "label completions.jsonl --output labelled.jsonl")
    label.add_argument("input", type=Path, metavar="IN.jsonl")
    label.add_argument("--output", type=Path, required=True, metavar="OUT.jsonl")
    label.add_argument("--isolation", choices=("auto", "strict", "basic"), default="auto")
    label.add_argument("--workers", type=int, default=2)
    label.add_argument(
        "--module", action="append", default=[], metavar="NAME", help="package that programs may import, such as numpy"
    )
    for name, run, text in (
        ("calibrate", _calibrate, "Calibration report of score rows."),
        ("rerank", _rerank, "Rerank report of score rows."),
    ):
        made = add(name, run, text, f"{name} scores.jsonl --output reports")
        made.add_argument("scores", type=Path, metavar="SCORES.jsonl")
        made.add_argument("--output", type=Path, required=True, metavar="DIR")
    job = add(
        "job-status",
        _job_status,
        "Summary of a training run's event stream.",
        "job-status artifacts/progress/checkpoint-42.jsonl",
    )
    job.add_argument("progress", type=Path, metavar="PROGRESS.jsonl")
    audit = add(
        "audit",
        _audit,
        "Claim audit over Markdown files; exit 1 on a sentence beyond the gates, 2 on a file that cannot be read.",
        "audit README.md docs",
    )
    audit.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    audit.add_argument("--json", action="store_true", help="print one JSON object")
    publish = add("publish", _publish, "What would go to the Hub; --execute does it.", "publish --namespace lab")
    publish.add_argument("--execute", action="store_true", help="upload it, with the token in HF_TOKEN")
    publish.add_argument(
        "--namespace", type=_namespace, default="codelewm", help="user or organisation (default: codelewm)"
    )
    publish.add_argument("--public", action="store_true", help="repositories that everyone can read (default: private)")
    publish.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a user or organisation on the Hub")
    return text


def _instance() -> Any:
    """The Dagster instance of DAGSTER_HOME, or of the working folder when it holds a dagster.yaml."""
    import dagster as dg

    if "DAGSTER_HOME" not in os.environ:
        if not Path("dagster.yaml").is_file():
            raise AssetsError(
                "There is no dagster.yaml here and DAGSTER_HOME is not set. Run in the project's folder, or set it."
            )
        os.environ["DAGSTER_HOME"] = str(Path.cwd())
    home = Path(os.environ["DAGSTER_HOME"])
    if not home.is_absolute() or not home.is_dir():
        raise AssetsError(
            f"DAGSTER_HOME is {home}; wanted the absolute path of a folder. Make it, or unset the variable."
        )
    return dg.DagsterInstance.get()


def _store() -> Any:
    from codelewm_assets.core.store import ArtifactStore

    return ArtifactStore(Path(os.environ.get("CODELEWM_ARTIFACTS", "artifacts")).resolve())


def _build(options: argparse.Namespace) -> int:
    from rich.console import Console

    from codelewm_assets.core.digests import pretty_json
    from codelewm_assets.core.files import write_atomically
    from codelewm_assets.defs.assemble import build_defs
    from codelewm_assets.defs.build import build
    from codelewm_assets.defs.resources import ProfileResource, default_resources
    from codelewm_assets.display import BuildDisplay
    from codelewm_assets.profiles.profile import load_profile

    resources = default_resources()
    if options.profile:
        resources["profile"] = ProfileResource(name=options.profile)
    profile = load_profile(resources["profile"].name)  # type: ignore[attr-defined]
    store, instance, console = _store(), _instance(), Console()
    print(f"profile {profile.name}: {profile.description}", flush=True)
    with BuildDisplay(console, store.root / "progress") as display:
        result = build(build_defs(resources=resources), instance, select=options.select, on_progress=display)
    timings = {"profile": profile.name, "wall_s": result.wall_s, "reused": sorted(result.reused)}
    write_atomically(store.root / "progress" / "build_timings.json", pretty_json(timings))
    print(f"{len(result.wall_s)} artifacts, {len(result.reused)} of them reused.")
    _print_gates(instance, store, console)
    for failure in result.failures:
        print(f"codelewm-assets: {failure}", file=sys.stderr)
    return 0 if result.is_success else FAILED


def _print_gates(instance: Any, store: Any, console: Any) -> None:
    from codelewm_assets.claims.gates import ClaimGates
    from codelewm_assets.defs.plumbing import latest_version
    from codelewm_assets.display import print_table
    from codelewm_assets.release.results_report import reasons_text

    version = latest_version(instance, "claim_gates")
    if version is None:
        print("No gates: claim_gates has not been materialized.")
        return
    gates = ClaimGates.model_validate(store.load("claim_gates", version).read_json("claim_gates.json"))
    print_table(
        console,
        "Gates",
        ["gate", "state", "reasons"],
        [[g.gate, g.state, reasons_text(g.reasons)] for g in gates.gates],
    )
    print_table(console, "Claims", ["claim", "status"], [[c.sentence, c.status] for c in gates.claims])
    for kind, name in (("results_report", "results_report.md"), ("review_site", "index.html")):
        version = latest_version(instance, kind)
        if version is not None:
            print(f"{kind}: {store.load(kind, version).path(name)}")


def _status(options: argparse.Namespace) -> int:
    from rich.console import Console

    from codelewm_assets.claims.gates import ClaimGates
    from codelewm_assets.defs.plumbing import latest_version
    from codelewm_assets.defs.status import check_statuses, counted, gate_statuses, latest_artifacts
    from codelewm_assets.display import print_table

    instance, store = _instance(), _store()
    rows, gate_rows = check_statuses(instance), gate_statuses(instance)
    version = latest_version(instance, "claim_gates")
    gates = (
        ClaimGates.model_validate(store.load("claim_gates", version).read_json("claim_gates.json")) if version else None
    )
    if options.json:
        checks = [
            {"asset": r.asset, "check": r.check, "partition": r.partition, "state": r.state, "detail": r.detail,
             "figures": dict(r.figures)}
            for r in rows
        ]  # fmt: skip
        assets = latest_artifacts(instance, store)
        shown = {"assets": assets, "checks": checks, "gates": [asdict(row) for row in gate_rows],
                 "claim_gates": gates.model_dump(mode="json") if gates else None}  # fmt: skip
        print(json.dumps(shown, indent=2))
        return 0
    console = Console()
    print_table(console, "Checks", ["asset", "partition", "check", "state", "detail"],
                [[r.asset, r.partition, r.check, r.state, r.detail] for r in rows])  # fmt: skip
    print(f"{counted('checks', (r.state for r in rows))}. {counted('gates', (r.state for r in gate_rows))}.")
    _print_gates(instance, store, console)
    return 0


def _verify(options: argparse.Namespace) -> int:
    checked, faults = _store().verify_all(frozenset(options.artifacts))
    if options.artifacts and not checked:
        raise AssetsError(
            f"No stored artifact is called {' or '.join(options.artifacts)}. Leave the names out to verify all."
        )
    for fault in faults:
        print(f"{fault.artifact}\t{fault.file}\tfound {fault.found}\twanted {fault.wanted}")
    print(f"{checked} artifacts verified, {len(faults)} mismatches.")
    return FAILED if faults else 0


def _label(options: argparse.Namespace) -> int:
    from codelewm_assets.completions.label_file import label_file

    summary = label_file(options.input, options.output, isolation=options.isolation, workers=max(1, options.workers),
                         modules=tuple(options.module))  # fmt: skip
    if summary.taken_up:
        print(f"{summary.taken_up} rows were there from a run that was cut off.")
    for fault in summary.malformed:
        print(f"codelewm-assets: {options.input.name} {fault}", file=sys.stderr)
    print(f"{summary.written} labelled, {summary.passed} passed, {len(summary.malformed)} malformed: {options.output}")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from codelewm_assets.evaluation.score_files import calibrate_file

    print(calibrate_file(options.scores, options.output))
    return 0


def _rerank(options: argparse.Namespace) -> int:
    from codelewm_assets.evaluation.score_files import rerank_file

    print(rerank_file(options.scores, options.output))
    return 0


def _job_status(options: argparse.Namespace) -> int:
    from codelewm_assets.claims.register import COLLAPSE_FLOORS
    from codelewm_assets.training.progress import read_events, summarise

    events, cut_off = read_events(options.progress)
    found = summarise(events, now_s=time.time(), collapse_floors=COLLAPSE_FLOORS)
    print(json.dumps(found | {"malformed_line": cut_off or None}, indent=2))
    return 0


def _audit(options: argparse.Namespace) -> int:
    from codelewm_assets.claims.audit import audit_text, statuses_of

    files, texts, unreadable = (
        [],
        {},
        [f"{path}: no such file or folder" for path in options.paths if not path.exists()],
    )
    if not unreadable:
        files = sorted({file for path in options.paths for file in (path.rglob("*.md") if path.is_dir() else [path])})
    for file in files:
        try:
            texts[file] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            unreadable.append(
                f"{file}: {error.strerror if isinstance(error, OSError) else f'no UTF-8 text ({error.reason})'}"
            )
    if unreadable:
        print(f"codelewm-assets: cannot be read: {'; '.join(unreadable)}. Name Markdown files, or folders of them.",
              file=sys.stderr)  # fmt: skip
        return USAGE_ERROR
    gates, digest = _latest_gates()
    statuses = statuses_of(gates) if gates else {}
    found = [(file, row) for file, text in texts.items() for row in audit_text(text, statuses)]
    if options.json:
        rows = [{"file": str(file), **row._asdict()} for file, row in found]
        shown = {"claim_gates": digest, "statuses": statuses, "files": [str(file) for file in files], "findings": rows}
        print(json.dumps(shown, indent=2))
        return FAILED if found else 0
    for file, row in found:
        print(f"{file}:{row.line}: {row.claim_id} is {row.status}: {row.sentence}")
    print(f"{len(files)} files audited, {len(found)} sentences beyond the gates. {_gates_line(gates, digest)}")
    return FAILED if found else 0


def _latest_gates() -> tuple[Any, str | None]:
    """The latest gates and their digest; (None, None) where none were judged, or there is no instance to ask."""
    from codelewm_assets.claims.gates import ClaimGates
    from codelewm_assets.defs.plumbing import latest_version

    if "DAGSTER_HOME" not in os.environ and not Path("dagster.yaml").is_file():
        return None, None
    version = latest_version(_instance(), "claim_gates")
    if version is None:
        return None, None
    return ClaimGates.model_validate(_store().load("claim_gates", version).read_json("claim_gates.json")), version


def _gates_line(gates: Any, digest: str | None) -> str:
    from codelewm_assets.claims.register import CLAIMS

    if gates is None:
        names = ", ".join(claim.claim_id for claim in CLAIMS)
        return f"There is no claim_gates here: every claim counts as CLOSED ({names})."
    is_open = [claim.claim_id for claim in gates.claims if claim.status == "OPEN"]
    return f"By claim_gates {str(digest)[:12]}, OPEN: {', '.join(is_open) or 'none'}."


def _publish(options: argparse.Namespace) -> int:
    from codelewm_assets.defs.hub_release import latest_plan
    from codelewm_assets.release.hub_upload import publish

    plan, sources = latest_plan(_instance(), _store())
    shown = {
        "tag": plan.tag,
        "files": [
            {"repository": f"{options.namespace}/{f.repository}"} | f.model_dump(include={"path", "bytes", "sha256", "artifact_id"})
            for f in plan.files
        ],
        "repositories": [t.model_dump() | {"repository": f"{options.namespace}/{t.repository}"} for t in plan.totals],
        "refusals": [refusal.model_dump() for refusal in plan.refusals],
        "published": [],
    }  # fmt: skip
    if not options.json:
        _print_plan(shown)
    if options.execute and not plan.refusals:
        done = publish(
            plan, sources, token=os.environ.get("HF_TOKEN"), namespace=options.namespace, public=options.public,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )  # fmt: skip
        shown["published"] = [asdict(one) for one in done]
        for one in done if not options.json else ():
            print(f"{one.repository}\t{one.tag}\tcommit {one.commit}\t{one.sent_count} files sent")
    if options.json:
        print(json.dumps(shown, indent=2))
    elif plan.refusals:
        print(f"refused for {len(plan.refusals)} reasons, nothing uploaded.")
    elif not options.execute:
        print(f"dry run: {len(plan.files)} files, nothing uploaded. `publish --execute` uploads them.")
    return FAILED if plan.refusals else 0


def _print_plan(shown: dict[str, Any]) -> None:
    for file in shown["files"]:
        print(f"{file['repository']}\t{file['path']}\t{file['bytes']}\t{file['sha256']}")
    for total in shown["repositories"]:
        print(f"{total['repository']}\t{total['repository_type']}\t{total['file_count']} files\t{total['bytes']} bytes")
    for refusal in shown["refusals"]:
        print(f"refused\t{refusal['reason']}\t{refusal['detail']}", file=sys.stderr)
    print(f"tag {shown['tag']}")


if __name__ == "__main__":
    sys.exit(main())
