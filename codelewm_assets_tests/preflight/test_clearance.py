"""Training may start on exactly the artifacts that a clear preflight report judged, and on no others."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from codelewm_assets.core.digests import pretty_json
from codelewm_assets.core.errors import PreflightError, StoreError
from codelewm_assets.core.package import register_digest
from codelewm_assets.preflight.clearance import REQUIRED_RULES, TRAINING_INPUTS, require_clear_artifacts
from codelewm_assets.store.store import ArtifactStore, CacheKey

MADE_FROM_PACK = ("problem_splits", "rerank_pools", "semantic_decoys")


class Bench:
    """A store with one pack, what was made from it, its tokens, and a clear report on them."""

    def __init__(self, root: Path) -> None:
        self.store = ArtifactStore(root)
        self.digests: dict[str, str] = {}
        self.digests["execution_pack"] = self.put("execution_pack", {})
        for kind in MADE_FROM_PACK:
            self.digests[kind] = self.put(kind, {"execution_pack": self.digests["execution_pack"]})
        self.digests["tokenized_pack"] = self.put("tokenized_pack", self._of("execution_pack", "problem_splits"))
        self.report()

    def put(self, kind: str, parents: Mapping[str, str], content: str = "rows") -> str:
        """Store an artifact; its digest."""
        cache_key = CacheKey(kind, None, parents, {"content": content}, "test")
        return self.store.write(cache_key, {"data.txt": content.encode()}, {}).digest

    def report(self, **changes: Any) -> None:
        """Judge what is stored, with fields of the report changed."""
        findings = [{"rule": rule, "passed": True} for rule in REQUIRED_RULES]
        fields = {
            "clear": True,
            "red": [],
            "judged": self._of(*TRAINING_INPUTS),
            "folds": [0],
            "findings": findings,
            "register_digest": register_digest(),
        } | changes
        cache_key = CacheKey("preflight_report", None, self._of(*TRAINING_INPUTS), {}, "test")
        files = {"preflight_report.json": pretty_json(fields)}
        self.digests["preflight_report"] = self.store.write(cache_key, files, {}).digest

    def refuse(self, match: str) -> str:
        """The message of the refusal."""
        with pytest.raises(PreflightError, match=match) as caught:
            require_clear_artifacts(self.store, self.digests, folds=(0,))
        return str(caught.value)

    def _of(self, *names: str) -> dict[str, str]:
        return {name: self.digests[name] for name in names}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_artifacts_that_a_clear_report_judged_are_let_through(bench: Bench) -> None:
    require_clear_artifacts(bench.store, bench.digests, folds=(0,))
    report = bench.store.load("preflight_report", bench.digests["preflight_report"])
    assert report.read_json("preflight_report.json")["judged"] == {
        name: bench.digests[name] for name in TRAINING_INPUTS
    }


def test_a_red_report_is_refused_with_every_red_rule(bench: Bench) -> None:
    bench.report(clear=False, red=["decoy_coverage", "single_class"])
    bench.refuse("Training is refused: red rule decoy_coverage; red rule single_class")


@pytest.mark.parametrize("clear", [False, None, "true", 1])
def test_a_report_is_clear_only_when_it_says_true(bench: Bench, clear: object) -> None:
    bench.report(clear=clear, red=[])
    bench.refuse("Training is refused: not clear")


@pytest.mark.parametrize("rule", ["no_secrets", "rerank_can_decide"])
def test_a_clear_report_without_a_required_rule_is_refused_and_the_rule_is_named(bench: Bench, rule: str) -> None:
    bench.report(findings=[{"rule": other, "passed": True} for other in REQUIRED_RULES if other != rule])
    message = bench.refuse("Training is refused: no finding of rule ")
    assert message.startswith(f"Training is refused: no finding of rule {rule}. ")


def test_a_report_without_findings_is_refused_with_every_required_rule(bench: Bench) -> None:
    bench.report(findings=[])
    message = bench.refuse("Training is refused: no finding of rule")
    assert all(f"no finding of rule {rule}" in message for rule in REQUIRED_RULES)


@pytest.mark.parametrize("passed", [False, None, "true"])
def test_a_finding_that_did_not_pass_is_red_though_the_report_calls_itself_clear(bench: Bench, passed: object) -> None:
    others = [{"rule": rule, "passed": True} for rule in REQUIRED_RULES if rule != "decoy_coverage"]
    bench.report(findings=[*others, {"rule": "decoy_coverage", "passed": passed}])
    bench.refuse(r"Training is refused: red rule decoy_coverage\.")


def test_the_required_rules_are_sorted_and_named_once() -> None:
    assert list(REQUIRED_RULES) == sorted(set(REQUIRED_RULES))


@pytest.mark.parametrize("kind", TRAINING_INPUTS)
def test_an_artifact_that_was_not_judged_is_refused(bench: Bench, kind: str) -> None:
    old = bench.digests[kind]
    parents = {} if kind == "execution_pack" else {"execution_pack": bench.digests["execution_pack"]}
    bench.digests[kind] = new = bench.put(kind, parents, "other rows")
    bench.refuse(rf"{kind} {new[:12]} is not covered \(the report has {old[:12]}\)")


def test_a_report_that_judged_nothing_is_refused(bench: Bench) -> None:
    bench.report(judged={})
    message = bench.refuse(r"is not covered \(the report has None\)")
    assert all(f"{kind} {bench.digests[kind][:12]} is not covered" in message for kind in TRAINING_INPUTS)


@pytest.mark.parametrize("kind", MADE_FROM_PACK)
def test_what_was_made_from_another_pack_is_refused_even_when_judged(bench: Bench, kind: str) -> None:
    other = bench.put("execution_pack", {}, "another pack")
    bench.digests[kind] = bench.put(kind, {"execution_pack": other})
    if kind == "problem_splits":
        parents = {name: bench.digests[name] for name in ("execution_pack", "problem_splits")}
        bench.digests["tokenized_pack"] = bench.put("tokenized_pack", parents)
    bench.report()
    message = bench.refuse(f"{kind} was made from execution_pack {other[:12]}")
    assert "is not covered" not in message and "tokenized_pack was made" not in message


@pytest.mark.parametrize("parent", ["execution_pack", "problem_splits"])
def test_tokens_of_another_pack_or_of_other_splits_are_refused(bench: Bench, parent: str) -> None:
    other = bench.put(parent, {"execution_pack": bench.digests["execution_pack"]}, "another")
    parents = {name: bench.digests[name] for name in ("execution_pack", "problem_splits")}
    bench.digests["tokenized_pack"] = bench.put("tokenized_pack", parents | {parent: other})
    bench.refuse(f"Training is refused: tokenized_pack was made from {parent} {other[:12]}")


@pytest.mark.parametrize("name", ["preflight_report", "tokenized_pack", *TRAINING_INPUTS])
def test_an_artifact_that_is_not_named_is_refused(bench: Bench, name: str) -> None:
    del bench.digests[name]
    bench.refuse(f"Missing digest of {name}")


def test_an_artifact_that_is_not_stored_is_refused(bench: Bench) -> None:
    bench.digests["semantic_decoys"] = "0" * 64
    with pytest.raises(StoreError, match="semantic_decoys 000000000000 is not in the store"):
        require_clear_artifacts(bench.store, bench.digests, folds=(0,))


def test_every_fault_is_named_in_one_message(bench: Bench) -> None:
    other = bench.put("execution_pack", {}, "another pack")
    bench.report(clear=False, red=["decoy_coverage"])
    bench.digests["semantic_decoys"] = bench.put("semantic_decoys", {"execution_pack": other})
    message = bench.refuse("red rule decoy_coverage")
    assert "is not covered" in message and f"semantic_decoys was made from execution_pack {other[:12]}" in message
    assert message.endswith("materialize preflight_report with every rule, and start again.")


@pytest.mark.parametrize("register", [None, "f" * 64])
def test_a_report_that_preregistered_another_register_or_none_is_refused(bench: Bench, register: str | None) -> None:
    bench.report(register_digest=register)
    bench.refuse(f"claims is {register_digest()[:12]}, the report preregistered {str(register)[:12]}")


@pytest.mark.parametrize("judged", [[0, 1], [1], [], None])
def test_a_report_of_more_other_or_no_folds_is_refused(bench: Bench, judged: list[int] | None) -> None:
    bench.report(folds=judged)
    bench.refuse(re.escape(f"the report covers folds {judged}, training would use [0]"))


def test_a_pack_made_from_labels_that_were_not_judged_is_refused(bench: Bench) -> None:
    labels = bench.put("labelled_completions", {}, "labels that no green check saw")
    bench.digests["execution_pack"] = bench.put("execution_pack", {"labelled_completions": labels})
    for kind in MADE_FROM_PACK:
        bench.digests[kind] = bench.put(kind, {"execution_pack": bench.digests["execution_pack"]})
    parents = {name: bench.digests[name] for name in ("execution_pack", "problem_splits")}
    bench.digests["tokenized_pack"] = bench.put("tokenized_pack", parents)
    bench.report()
    bench.refuse(f"execution_pack was made from labelled_completions {labels[:12]}, the report has None")


@pytest.mark.parametrize("kind", ["execution_pack", "preflight_report", "tokenized_pack"])
def test_an_artifact_whose_bytes_were_altered_is_refused(bench: Bench, kind: str) -> None:
    made = bench.store.load(kind, bench.digests[kind])
    path = made.path(made.manifest.files[0].path)
    path.write_bytes(path.read_bytes() + b" ")
    bench.refuse(f"{kind} {made.digest[:12]} {path.name} is damaged")
