"""What pages tell to type, works: commands parse, targets exist, Python runs, parts of a profile validate."""

import json
import re
import shlex
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from pyarrow import Table
from pyarrow import parquet as pq

from codelewm_assets.benchmarks.pins import EVALPLUS_FILES
from codelewm_assets.cli import parser
from codelewm_assets.core.ids import BENCHMARKS
from codelewm_assets.defs.artifact_asset import GATED_BY
from codelewm_assets.profiles.profile import PROFILES_FOLDER, PreflightSection, Profile, load_profile
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.docs.pages import NAMES, ROOT, Block, blocks, code_spans
from docs.reference.commands import commands

COMMAND = re.compile(r"^(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?codelewm-assets (?P<arguments>[a-z].*)$")
MAKE = re.compile(r"^(?:\$ )?make((?: [a-z]+)+)$")
NOT_RUN = "<!-- not run:"
SHELL = ("sh", "console", "text", "")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
PYTHON = [block for block in blocks() if block.language == "python" and not block.before.startswith(NOT_RUN)]
YAML = [block for block in blocks() if block.language == "yaml"]


def told_lines() -> list[tuple[str, str]]:
    """(where, line) of everything that a page tells to type, in blocks and code spans."""
    found = [(block.name, line) for block in blocks() if block.language in SHELL for line in block.text.splitlines()]
    return found + [(page, span) for page in NAMES for span in code_spans(page)]


def arguments_of(line: str) -> list[str] | None:
    """The arguments of a command line, or of a synopsis: what is optional taken, the first of alternatives."""
    found = COMMAND.match(line.strip())
    if found is None:
        return None
    text = re.sub(r"\s#.*$", "", found["arguments"])
    text = re.sub(r"(\w)\|[\w|]+", r"\1", text.replace("[", "").replace("]", ""))
    return shlex.split(text)


COMMANDS = [(where, line) for where, line in told_lines() if arguments_of(line)]
MAKES = [(where, found[1].split()) for where, line in told_lines() if (found := MAKE.match(line.strip()))]


@each_case(("where", "line"), COMMANDS)
def test_every_command_line_in_a_page_is_one_that_the_parser_takes(where: str, line: str) -> None:
    arguments = arguments_of(line)
    assert arguments is not None
    if len(arguments) == 1:  # a command that is spoken of
        assert arguments[0] in commands()
        return
    parser().parse_args(arguments)  # else it exits, which fails this test


def test_commands_are_found_in_blocks_and_in_tables() -> None:
    assert {"README.md", "docs/how-to/researcher.md"} <= {where.partition(":")[0] for where, _ in COMMANDS}
    assert arguments_of("codelewm-assets label IN.jsonl --output OUT [--isolation auto|strict]") == [
        "label", "IN.jsonl", "--output", "OUT", "--isolation", "auto",
    ]  # fmt: skip
    assert arguments_of("A=b .venv/bin/codelewm-assets verify abc  # checkpoint[42]") == ["verify", "abc"]


def test_a_command_that_the_parser_does_not_know_fails() -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(arguments_of("codelewm-assets build --prfile sample"))


@each_case(("where", "targets"), MAKES)
def test_every_make_target_in_a_page_exists(where: str, targets: list[str]) -> None:
    assert set(targets) <= TARGETS


def test_the_targets_of_the_readme_are_found() -> None:
    assert {"run", "test"} <= {target for _, targets in MAKES for target in targets}
    assert {"run", "test", "ui", "review", "check", "docs"} <= TARGETS


@pytest.mark.parametrize("block", PYTHON, ids=lambda block: block.name)
def test_every_python_block_runs(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_build(tmp_path)
    monkeypatch.chdir(tmp_path)
    # what a block registers ends with it
    with patch.dict(BENCHMARKS), patch.dict(EVALPLUS_FILES), patch.dict(GATED_BY):
        exec(compile(block.text, block.name, "exec"), {})


def test_a_benchmark_is_added_in_under_sixty_lines() -> None:
    (block,) = [block for block in PYTHON if block.page == "docs/how-to/developer.md" and "BENCHMARKS[" in block.text]
    assert len(block.text.splitlines()) < 60


def test_the_figure_that_the_reviewers_page_works_out_is_that_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_build(tmp_path)
    monkeypatch.chdir(tmp_path)
    block = next(b for b in PYTHON if b.page == "docs/how-to/reviewer.md" and "credits" in b.text)
    exec(compile(block.text, block.name, "exec"), {})
    # pool a: the one on top passes, credit 1; pool b: two are tied on top and one of them passes, credit 1/2
    assert capsys.readouterr().out == "0.75\n"


def test_the_chain_of_the_reviewers_page_ends_at_what_the_program_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_build(tmp_path)
    monkeypatch.chdir(tmp_path)
    block = next(b for b in PYTHON if b.page == "docs/how-to/reviewer.md" and "parent_artifacts" in b.text)
    exec(compile(block.text, block.name, "exec"), {})
    assert capsys.readouterr().out == "def f(x): return x\n[1] -> 1 pass\n"


@pytest.mark.parametrize("block", YAML, ids=lambda block: block.name)
def test_every_yaml_block_is_valid_in_the_sample_or_adds_to_services_that_there_are(
    block: Block, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    part = profile_part(block.text)
    if part is None:  # then it is a part of a compose file
        compose = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text(encoding="utf-8"))
        own = yaml.safe_load(block.text)
        assert own.keys() == {"services"} and own["services"].keys() <= compose["services"].keys()
        return
    raw = yaml.safe_load((PROFILES_FOLDER / "sample.yaml").read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(merged(raw, part)), encoding="utf-8")
    load_profile(str(path))  # else it raises with every fault


def profile_part(text: str) -> dict[str, Any] | None:
    """The block as a part of a profile, `…` left out; None when no key of it is one of a profile's."""
    found: dict[str, Any] = without_ellipsis(yaml.safe_load(text.replace("@sha256:…", "@sha256:" + "0" * 64)))
    if not any(key in Profile.model_fields or key in PreflightSection.model_fields for key in found):
        return None
    inner = {key: value for key, value in found.items() if key in PreflightSection.model_fields}
    outer = {key: value for key, value in found.items() if key not in inner}
    return outer | ({"preflight": inner} if inner else {})


def without_ellipsis(value: Any) -> Any:
    """Maps without the entries that a page leaves out."""
    return {k: without_ellipsis(v) for k, v in value.items() if k != "…"} if isinstance(value, dict) else value


def merged(raw: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    """`raw` with what `part` says in its place."""
    return raw | {
        key: merged(raw[key], value) if isinstance(value, dict) and isinstance(raw.get(key), dict) else value
        for key, value in part.items()
    }


def test_parts_of_profiles_are_found() -> None:
    assert {"docs/profiles.md", "docs/hf-jobs.md", "docs/how-to/researcher.md"} <= {
        block.page for block in YAML if profile_part(block.text)
    }
    assert profile_part("floors: {humaneval: {passed: 1, …}}") == {
        "preflight": {"floors": {"humaneval": {"passed": 1}}}
    }
    assert profile_part("services: {web: {}}") is None


def small_build(folder: Path) -> None:
    """Score rows of two pools beside a store in which a report leads to a pack of one row."""
    rows = [
        score_row("a", "c0", 0.9, passed=True),
        score_row("a", "c1", 0.1, passed=False),
        score_row("b", "c2", 0.5, passed=True),
        score_row("b", "c3", 0.5, passed=False),
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    for name in ("score_rows.jsonl", "completion_scores.jsonl"):
        (folder / name).write_text(text, encoding="utf-8")
    store = folder / "artifacts"
    report = store / "rerank_report" / "42" / "r"
    scores = store / "heldout_scores" / "42" / "s"
    pack = store / "execution_pack" / "all" / "p"
    for made in (report, scores, pack):
        made.mkdir(parents=True)
    made_from = {"parent_artifacts": {"heldout_scores[42]": "s", "execution_pack": "p"}}
    (report / "manifest.json").write_text(json.dumps(made_from), encoding="utf-8")
    (scores / "score_rows.jsonl").write_text(text, encoding="utf-8")
    row = {"source_submission_id": "c0", "code_tokens": "def f(x): return x", "input_tokens": "[1]",
           "output_tokens": "1", "execution_status": "pass"}  # fmt: skip
    pq.write_table(Table.from_pylist([row]), pack / "pack.parquet")


def score_row(pool: str, completion: str, p_pass: float, *, passed: bool) -> dict[str, Any]:
    """A score row as far as the pages read it."""
    return {"benchmark_id": "humaneval", "pool_id": pool, "completion_id": completion, "completion_kind": "rewrite",
            "passed": passed, "scores": {"p_pass": p_pass}}  # fmt: skip
