"""A further entry of the registry is a benchmark everywhere, and changes nothing that is said of the two that there are."""

import json
import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from codelewm_assets.core.ids import BENCHMARKS, Benchmark, benchmark_of, published_id
from codelewm_assets.core.records import PackRow, choices
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.factories import make_problem

LISTS = Benchmark("Lists", words="lists", prefix="Lists", spellings=("lists", "listsplus"))
FOLLOWERS = """
import json, sys, yaml
from codelewm_assets.core.ids import BENCHMARKS, Benchmark
if sys.argv[1]:
    BENCHMARKS["lists"] = Benchmark("Lists", words="lists", prefix="Lists", spellings=("lists",))
from codelewm_assets.claims.audit import audit_text
from codelewm_assets.claims.gate_rules import SEED_GATES
from codelewm_assets.claims.register import CLAIMS, GATE_RULES
from codelewm_assets.defs.status import GATE_OF_CHECK
from codelewm_assets.profiles.profile import PROFILES_FOLDER, Profile
from codelewm_assets.release.criteria import CRITERIA
raw = yaml.safe_load((PROFILES_FOLDER / "sample.yaml").read_text())
def faults():
    try:
        Profile.model_validate(raw)
    except ValueError as error:
        return [[".".join(map(str, fault["loc"])), fault["msg"]] for fault in error.errors()]
    return []
missing = faults()
raw["sources"]["lists"], raw["preflight"]["floors"]["lists"] = "wheel", raw["preflight"]["floors"]["humaneval"]
wrong = faults()
raw["sources"]["lists"] = "evalplus"
profile = Profile.model_validate(raw) if sys.argv[1] else None
print(json.dumps({
    "claims": {claim.claim_id: [claim.sentence, claim.gates, claim.needs_published_benchmarks] for claim in CLAIMS},
    "gates": [rule.name for rule in GATE_RULES], "judged": list(SEED_GATES), "checks": list(GATE_OF_CHECK),
    "criteria": [str(criterion) for criterion in CRITERIA], "missing": missing, "wrong": wrong,
    "sources": profile and profile.sources.by_benchmark, "floors": profile and list(profile.preflight.floors.of_cells),
    "overclaims": [found.claim_id for found in audit_text("On Lists, p_pass beats every control. Lists passes.", {})],
}))
"""


def followers(*, third: bool) -> dict[str, Any]:
    """What follows from the registry when a process starts with it. Args: third: whether it has a third entry."""
    command = [sys.executable, "-c", FOLLOWERS, "third" if third else ""]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    return found


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BENCHMARKS, "lists", LISTS)


@pytest.mark.parametrize(("benchmark_id", "entry"), BENCHMARKS.items())
def test_the_id_and_the_prefix_of_a_benchmark_are_spellings_of_it(benchmark_id: str, entry: Benchmark) -> None:
    assert benchmark_of(benchmark_id) == benchmark_of(entry.prefix) == benchmark_of(entry.title) == benchmark_id


@pytest.mark.usefixtures("lists")
def test_a_registered_benchmark_is_known_by_name_by_id_and_in_records() -> None:
    assert benchmark_of("Lists+") == "lists"
    assert published_id("lists_7_largest") == published_id(7, "lists") == "Lists/7"
    assert make_problem(benchmark="lists").benchmark_id == "lists"
    assert choices(PackRow.model_fields["source_dataset"]) == ("humaneval", "mbpp_plus", "lists", "cruxeval_o")


@each_case("unknown", ["lists", "", None, 7, ["humaneval"]])
def test_a_benchmark_that_is_not_registered_is_refused_and_the_known_ones_are_named(unknown: Any) -> None:
    with pytest.raises(ValidationError, match="benchmark_id\n  Input should be 'humaneval' or 'mbpp_plus'"):
        make_problem(benchmark_id=unknown)


@pytest.mark.slow
def test_a_third_entry_has_a_gate_a_claim_and_its_words_and_changes_none_of_the_others() -> None:
    two, three = followers(third=False), followers(third=True)
    narrower = {
        "improves_reranking_on_lists": [
            "rerank:lists",
            "collapse",
            "action_use",
            "contamination",
            "model_programs",
            "integrity",
        ],
        "codelewm_tells_known_bugs_on_lists": ["rerank:lists", "collapse", "action_use", "contamination", "integrity"],
        "critic_tells_known_bugs_on_lists": ["critic:rerank:lists", "integrity"],
    }
    own = {name: claim for name, claim in three["claims"].items() if name not in two["claims"]}
    assert {name: gates for name, (_, gates, _) in own.items()} == narrower
    assert all("on Lists." in sentence and not needs_published for sentence, _, needs_published in own.values())
    assert {name: claim for name, claim in three["claims"].items() if name not in own} == two["claims"]
    assert two["claims"]["improves_reranking"][1][:2] == ["rerank:humaneval", "rerank:mbpp_plus"]
    gates = ["rerank:lists", "critic:rerank:lists"]
    for name, more in (
        ("gates", gates),
        ("judged", gates),
        ("checks", ["gate_rerank_lists", "gate_critic_rerank_lists"]),
    ):
        assert sorted(result for result in three[name] if result not in two[name]) == sorted(more)
    assert three["criteria"] == two["criteria"]
    assert three["overclaims"] == ["improves_reranking_on_lists", "gate:rerank:lists"]


@pytest.mark.slow
def test_a_profile_says_the_source_and_the_floors_of_every_registered_benchmark() -> None:
    two, three = followers(third=False), followers(third=True)
    assert two["missing"] == [] and [fault[1] for fault in two["wrong"]] == ["Extra inputs are not permitted"] * 2
    assert three["missing"] == [
        ["sources.lists", "Field required"],
        ["preflight.floors.lists", "Field required"],
    ]
    assert three["wrong"] == [["sources.lists", "Input should be 'evalplus'"]]
    assert three["sources"] == {"humaneval": "wheel", "mbpp_plus": "stand_in", "lists": "evalplus"}
    assert three["floors"] == ["humaneval", "mbpp_plus", "lists"]
