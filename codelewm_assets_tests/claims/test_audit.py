"""The audit: sentences beyond the gates are found by line, and what states nothing is let be."""

from pathlib import Path

import pytest

from codelewm_assets.claims.audit import GATE_WORDS, KINDS, TOPICS, audit_text, claim_statuses
from codelewm_assets.claims.gates import GATES
from codelewm_assets.claims.lexicon import CLAIM_WORDS
from codelewm_assets.claims.register import CLAIMS
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.claims.audit_sentences import MUST_BE_FOUND, MUST_BE_LET_BE
from codelewm_assets_tests.claims.evidence import gates_of, nothing_known

ROOT = Path(__file__).parents[2]
CLOSED = claim_statuses(nothing_known())
OPEN = claim_statuses(gates_of())
WORDINGS = [(claim.claim_id, wording) for claim in CLAIMS for wording in claim.wordings]


def _found(text: str, claims: dict[str, str] = CLOSED) -> list[tuple[int, str]]:
    return [(row.line, row.claim_id) for row in audit_text(text, claims)]


def test_every_link_is_to_a_claim_or_gate_of_the_register_and_none_is_without_a_link() -> None:
    assert set(KINDS.values()) | {claim for _, claim in TOPICS} <= {c.claim_id for c in CLAIMS}
    assert {gate for _, gate in GATE_WORDS} == {gate.removeprefix("critic:") for gate in GATES}
    assert {word.kind for word in CLAIM_WORDS} == {*KINDS, "gate", "boast", "better", "bugs"}


@each_case(("claim_id", "wording"), WORDINGS)
def test_each_allowed_wording_is_caught_while_its_claim_is_closed_and_let_be_when_it_alone_is_open(
    claim_id: str, wording: str
) -> None:
    assert _found(wording) == [(1, claim_id)]
    assert _found(wording, OPEN | {claim_id: "CLOSED"}) == [(1, claim_id)]
    assert _found(wording, {claim_id: "OPEN"}) == []


@each_case(("markdown", "linked"), MUST_BE_FOUND)
def test_a_claim_is_found_and_linked(markdown: str, linked: str) -> None:
    assert [claim_id for _, claim_id in _found(markdown)] == [linked]


@each_case("markdown", MUST_BE_LET_BE)
def test_what_states_no_claim_is_let_be(markdown: str) -> None:
    assert _found(markdown) == []


def test_there_are_enough_sentences_of_both_kinds() -> None:
    assert len(set(MUST_BE_FOUND)) >= 100 and len(set(MUST_BE_LET_BE)) >= 100


def test_a_number_with_a_decimal_point_does_not_hide_the_claim() -> None:
    assert _found("CodeLeWM v0.9 improves pass@1 by 3.5 points in reranking.") == [(1, "improves_reranking")]


def test_a_name_set_as_code_does_not_hide_the_claim() -> None:
    assert _found("On HumanEval `p_pass` is calibrated.") == [(1, "p_pass_is_calibrated")]


def test_the_not_of_not_collapsed_is_the_claim_itself_and_denies_nothing() -> None:
    assert _found("The latent space has not collapsed.") == [(1, "is_non_collapsed")]
    assert _found("Whether it has not collapsed is undecided.") == []


def test_line_numbers_are_those_where_the_sentence_begins() -> None:
    text = "\n".join(
        [
            "# Title",
            "",
            "First words of a paragraph.",
            "It outperforms every control.",
            "",
            "- an item",
            "- the latents encode semantics",
            "1. It is well-calibrated.",
            "",
            "| claim | status |",
            "|---|---|",
            "| It beats all baselines. | yes |",
        ]
    )
    assert _found(text) == [
        (4, "improves_reranking"),
        (7, "latents_carry_semantics"),
        (8, "p_pass_is_calibrated"),
        (12, "improves_reranking"),
    ]


def test_a_sentence_that_runs_over_two_lines_is_read_as_one() -> None:
    assert _found("Some words.\n\nCodeLeWM improves the\nreranking of completions.") == [(3, "improves_reranking")]


def test_a_sentence_is_reported_once_and_in_full() -> None:
    found = audit_text("Fine. CodeLeWM improves reranking and outperforms all. Fine.", CLOSED)
    assert found == [(1, "improves_reranking", "CLOSED", "CodeLeWM improves reranking and outperforms all.")]


@pytest.mark.parametrize("fence", ["```", "~~~", "```python"])
def test_code_is_let_be_and_text_after_it_is_read(fence: str) -> None:
    text = f"Words.\n\n{fence}\nCodeLeWM improves reranking.\n{fence[:3]}\n\nIt outperforms all controls."
    assert _found(text) == [(7, "improves_reranking")]


def test_a_fence_is_closed_by_its_like_alone() -> None:
    text = "````\n```\nCodeLeWM improves reranking.\n~~~\n````\nIt outperforms all controls."
    assert _found(text) == [(6, "improves_reranking")]


@each_case(
    "markdown",
    [
        "    CodeLeWM improves reranking.",
        "<div>CodeLeWM improves reranking.</div>",
        "<details>\n<summary>More</summary>\n\nCodeLeWM improves reranking.\n</details>",
        "CodeLeWM im<b>proves</b> reranking.",
        "CodeLeWM&nbsp;improves reranking.",
        "```code``` and CodeLeWM improves reranking.",
        "> " * 30 + "CodeLeWM improves reranking.",
        "[CodeLeWM improves][1] reranking.\n\n[1]: page.md",
        "| CodeLeWM improves reranking. | a row without a header |",
        "Do not claim:\n\n- It is fast.\n\n  CodeLeWM improves reranking.",
        "Do not claim:\n\n- <!-- empty -->\n\nA paragraph ends the list.\n\n- CodeLeWM improves reranking.",
    ],
)
def test_no_markup_hides_a_claim(markdown: str) -> None:
    assert [claim for _, claim in _found(markdown)] == ["improves_reranking"]


def test_line_numbers_count_those_inside_code_spans_comments_and_struck_text() -> None:
    text = "It runs `make\nrun` and `a\nb`.\n~~Old\nwords.~~ <!-- note\n\nnote --> Fine.\nCodeLeWM improves reranking."
    assert _found(text) == [(8, "improves_reranking")]


def test_the_narrower_claim_is_allowed_when_it_is_open_and_the_sentence_names_its_benchmark_alone() -> None:
    claims = CLOSED | {"improves_reranking_on_humaneval": "OPEN"}
    assert _found("CodeLeWM improves reranking of Python completions on HumanEval.", claims) == []
    assert _found("On HumanEval, p_pass beats every control.", claims) == []
    assert _found("CodeLeWM improves reranking of Python completions.", claims) == [(1, "improves_reranking")]
    assert _found("CodeLeWM improves reranking on MBPP-Plus.", claims) == [(1, "improves_reranking_on_mbpp_plus")]
    assert _found("CodeLeWM improves reranking on HumanEval and MBPP-Plus.", claims) == [(1, "improves_reranking")]
    assert _found("CodeLeWM improves reranking but not on HumanEval.", claims) == [(1, "improves_reranking")]


BEYOND = [
    "CodeLeWM improves reranking of Python completions by a wide margin.",
    "CodeLeWM generally improves reranking of completions.",
    "CodeLeWM improves reranking of Python and Java completions: Java too.",
    "CodeLeWM improves reranking on all benchmarks.",
    "p_pass beats every control and other models.",
    "CodeLeWM improves reranking of real-world completions.",
    "CodeLeWM consistently outperforms every control.",
]


@each_case("sentence", BEYOND)
def test_an_open_claim_is_not_allowed_in_words_that_say_more(sentence: str) -> None:
    assert [row.status for row in audit_text(sentence, OPEN)] == ["BEYOND_WORDING"]


@each_case("sentence", [text for text, claim in MUST_BE_FOUND if claim == "not_in_register"])
def test_what_is_not_in_the_register_is_not_allowed_though_every_claim_is_open(sentence: str) -> None:
    assert [row.status for row in audit_text(sentence, OPEN)] == ["NOT_IN_REGISTER"]


def test_that_a_gate_passed_may_be_said_while_it_holds() -> None:
    assert _found("Both seeds pass the collapse gate.", OPEN) == []
    assert _found("Both seeds pass the collapse gate.", OPEN | {"gate:collapse": "FAILS"}) == [(1, "gate:collapse")]


@pytest.mark.parametrize(("state", "found"), [("HOLDS", []), ("UNDECIDED", [(3, "gate:probe@42")])])
def test_a_row_of_a_gate_and_seed_is_held_against_that_seed(state: str, found: list[tuple[int, str]]) -> None:
    text = "| gate | seed | state |\n|---|---|---|\n| probe | 42 | HOLDS |"
    assert _found(text, CLOSED | {"gate:probe@42": state}) == found


def test_a_document_with_a_safe_claim_and_a_list_of_what_not_to_claim_is_read_as_that() -> None:
    """The shape of the published v0.9 results: a gate table, a quoted claim, a list of what the figures do not show."""
    text = "\n".join(
        [
            "## Gates",
            "",
            "| Gate | Verdict | Evidence |",
            "| --- | --- | --- |",
            "| Collapse | PASS | rank ratios `0.39` and `0.41` |",
            "| Retrieval over controls | PASS | Recall@1 `0.25` |",
            "| Broad surprise | CLOSED | no pair of the pack can be scored |",
            "| Representation | CLOSED | the probes do not beat their controls |",
            "",
            "HumanEval clears the rerank gate on both seeds.",
            "",
            "## Claim boundary",
            "",
            "Safe claim:",
            "",
            "> The run of CodeLeWM ended on both seeds",
            "> and passed HumanEval reranking.",
            "",
            "Do not claim:",
            "",
            "- CodeLeWM generally improves Python coding.",
            "- MBPP-Plus shows a CodeLeWM lift over no-action or lexical.",
            "- The broad surprise gate passed.",
            "- The latents robustly encode output",
            "  magnitude.",
            "",
            "The downstream claim stays closed until a run shows a lift over the controls on both benchmarks.",
        ]
    )
    assert _found(text) == [
        (5, "gate:collapse"),
        (6, "gate:retrieval"),
        (10, "gate:rerank:humaneval"),
        (16, "gate:rerank:humaneval"),
    ]
    held = CLOSED | {f"gate:{name}": "HOLDS" for name in ("collapse", "retrieval", "rerank:humaneval")}
    assert _found(text, held) == []


def _documents() -> list[Path]:
    return sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])


@each_case("path", _documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_projects_own_pages_state_no_claim_though_every_claim_is_closed(path: Path) -> None:
    assert audit_text(path.read_text(encoding="utf-8"), {}) == []


def test_a_claim_that_was_never_judged_counts_as_closed() -> None:
    assert _found("CodeLeWM improves reranking.", {}) == [(1, "improves_reranking")]


def test_an_empty_text_holds_nothing() -> None:
    assert _found("") == []
