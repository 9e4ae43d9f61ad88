"""The audit: sentences beyond the gates are found by line, and what states nothing is let be."""

import pytest

from codelewm_assets.claims.audit import NARROWER, WORDINGS, audit_text
from codelewm_assets.claims.register import CLAIMS

CLOSED = {claim.claim_id: "CLOSED" for claim in CLAIMS}
OPEN = {claim.claim_id: "OPEN" for claim in CLAIMS}


def _found(text: str, claims: dict[str, str] = CLOSED) -> list[tuple[int, str]]:
    return [(row.line, row.claim_id) for row in audit_text(text, claims)]


def test_every_wording_belongs_to_a_claim() -> None:
    ids = {claim.claim_id for claim in CLAIMS}
    assert set(WORDINGS) <= ids
    assert set(NARROWER.values()) <= ids
    assert ids == set(WORDINGS) | set(NARROWER.values())  # and no claim is without a wording


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.claim_id)
def test_each_claims_own_sentence_is_caught_when_it_is_closed_and_let_be_when_all_are_open(claim: object) -> None:
    sentence = getattr(claim, "sentence")  # noqa: B009
    assert len(_found(sentence)) == 1
    assert _found(sentence, OPEN) == []


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.claim_id in WORDINGS], ids=lambda claim: claim.claim_id)
def test_a_claims_own_sentence_is_let_be_when_it_alone_is_open(claim: object) -> None:
    assert _found(getattr(claim, "sentence"), {getattr(claim, "claim_id"): "OPEN"}) == []  # noqa: B009


OVERCLAIMS = [
    ("CodeLeWM improves reranking.", "improves_reranking"),
    ("We improved the reranking of completions by a wide margin.", "improves_reranking"),
    ("Reranking with p_pass beats the lexical control.", "improves_reranking"),
    ("It outperforms every control.", "improves_reranking"),
    ("A state-of-the-art model of execution.", "improves_reranking"),
    ("The model beats all baselines.", "improves_reranking"),
    ("The score is well calibrated.", "p_pass_is_calibrated"),
    ("p_pass is calibrated.", "p_pass_is_calibrated"),
    ("The model detects semantic decoys.", "is_surprised_by_decoys"),
    ("The latents encode the semantics of programs.", "latents_carry_semantics"),
    ("The latent space is non-collapsed.", "is_non_collapsed"),
    ("This checkpoint is non-collapsed.", "is_non_collapsed"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "claim_id"), OVERCLAIMS)
def test_a_sentence_beyond_the_gates_is_found(sentence: str, claim_id: str) -> None:
    assert _found(sentence) == [(1, claim_id)]
    assert _found(sentence, {claim_id: "OPEN"}) == []


def test_a_number_with_a_decimal_point_does_not_hide_the_claim() -> None:
    assert _found("CodeLeWM v0.9 improves pass@1 by 3.5 points in reranking.") == [(1, "improves_reranking")]


def test_a_name_set_as_code_does_not_hide_the_claim() -> None:
    assert _found("On HumanEval `p_pass` is calibrated.") == [(1, "p_pass_is_calibrated")]


def test_the_not_of_not_collapsed_is_the_claim_itself_and_denies_nothing() -> None:
    assert _found("The latent space has not collapsed.") == [(1, "is_non_collapsed")]
    assert _found("Whether it has not collapsed is undecided.") == []


def test_emphasis_and_headings_do_not_hide_the_claim() -> None:
    assert _found("# CodeLeWM improves reranking") == [(1, "improves_reranking")]
    assert _found("**CodeLeWM improves reranking.**") == [(1, "improves_reranking")]
    assert _found("> CodeLeWM improves reranking.") == [(1, "improves_reranking")]


def test_line_numbers_are_those_of_the_paragraph_item_or_row() -> None:
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
        (3, "improves_reranking"),
        (7, "latents_carry_semantics"),
        (8, "p_pass_is_calibrated"),
        (12, "improves_reranking"),
    ]


def test_a_sentence_that_runs_over_two_lines_is_read_as_one() -> None:
    assert _found("Some words.\n\nCodeLeWM improves the\nreranking of completions.") == [(3, "improves_reranking")]


def test_a_sentence_is_reported_once_and_in_full() -> None:
    found = audit_text("Fine. CodeLeWM improves reranking and outperforms all. Fine.", CLOSED)
    assert [row.sentence for row in found] == ["CodeLeWM improves reranking and outperforms all."]


@pytest.mark.parametrize(
    "sentence",
    [
        "CodeLeWM does not improve reranking.",
        "Whether it improves reranking is undecided.",
        "Does CodeLeWM improve reranking?",
        "It would outperform every control if the gates held.",
        "CLOSED: CodeLeWM improves reranking of Python completions.",
        "The claim that it improves reranking needs eight gates.",
        "p_pass is calibrated only when its error is small.",
        "No latent encodes semantics here.",
        "Reranking orders completions by p_pass.",
        "The calibration error is 0.31.",
    ],
)
def test_a_sentence_that_denies_asks_or_conditions_is_let_be(sentence: str) -> None:
    assert _found(sentence) == []


@pytest.mark.parametrize("fence", ["```", "~~~", "```python"])
def test_code_is_let_be_and_text_after_it_is_read(fence: str) -> None:
    text = f"Words.\n\n{fence}\nCodeLeWM improves reranking.\n{fence[:3]}\n\nIt outperforms all."
    assert _found(text) == [(7, "improves_reranking")]


def test_code_inside_a_sentence_is_let_be() -> None:
    assert _found("The field is called `improves reranking` in the report.") == []


def test_a_cell_that_says_closed_before_the_claim_is_let_be_and_one_that_says_open_is_not() -> None:
    assert _found("| CLOSED: CodeLeWM improves reranking. | why |") == []
    assert _found("| OPEN: CodeLeWM improves reranking. | why |") == [(1, "improves_reranking")]


def test_the_narrower_claim_is_allowed_when_it_is_open_and_the_sentence_names_its_benchmark_alone() -> None:
    claims = CLOSED | {"improves_reranking_on_humaneval": "OPEN"}
    assert _found("CodeLeWM improves reranking of Python completions on HumanEval.", claims) == []
    assert _found("CodeLeWM improves reranking of Python completions.", claims) == [(1, "improves_reranking")]
    assert _found("CodeLeWM improves reranking on MBPP-Plus.", claims) == [(1, "improves_reranking")]
    assert _found("CodeLeWM improves reranking on HumanEval and MBPP-Plus.", claims) == [(1, "improves_reranking")]


def test_a_claim_that_was_never_judged_counts_as_closed() -> None:
    assert _found("CodeLeWM improves reranking.", {}) == [(1, "improves_reranking")]


def test_an_empty_text_holds_nothing() -> None:
    assert _found("") == []
