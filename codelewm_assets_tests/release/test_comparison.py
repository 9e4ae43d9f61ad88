"""The published figures: each with a source and reasons, set beside ours by record path."""

import pytest

from codelewm_assets.release.lookup import Records
from codelewm_assets.release.published import PUBLISHED, REASONS, SOURCES, comparison_table
from codelewm_assets_tests.claims.evidence import LABELS
from codelewm_assets_tests.release.full import full_records


def _rows(records: Records) -> dict[str, list[str]]:
    lines = [line.split(" | ") for line in comparison_table(records).splitlines()[2:] if line.startswith("|")]
    return {f"{line[0].removeprefix('| ')}, {line[1]}": line for line in lines}


def test_every_published_row_has_a_reason_in_words_and_a_name_of_its_own() -> None:
    assert set(SOURCES) == {"v0.8", "v0.9"}
    assert len({(row.figure, row.scope) for row in PUBLISHED}) == len(PUBLISHED)
    assert all(row.reasons and set(row.reasons) <= set(REASONS) for row in PUBLISHED)


def test_the_contaminated_rerank_is_not_comparable_and_says_why() -> None:
    row = _rows(full_records(labels=LABELS))["pass@1, mbpp_plus, codelewm"]
    assert row[2:4] == ["0.3529 / 0.3529", "1.0000 / 1.0000"]
    assert row[5] == "no"
    assert "`trained_on`" in row[6]
    assert "all 306 records of v0.9 are of the 17 scored problems" in comparison_table(full_records(labels=LABELS))


def test_intervals_stand_with_the_lifts_that_were_published_with_them() -> None:
    row = _rows(full_records())["lift over no_action, points, humaneval"]
    assert row[3] == "10.64 [2.13, 21.28] / 8.51 [2.13, 17.02]"


def test_ours_is_looked_up_and_a_dash_where_the_run_has_none() -> None:
    records = full_records()
    row = _rows(records)["Recall@1, model"]
    wanted = [records.at(f"seed.{seed}.retrieval.scores.model.recall_at_1") for seed in (42, 1729)]
    assert row[4] == " / ".join(f"{value:.4f}" for value in wanted)
    best = [records.at(f"seed.{seed}.probe.targets.passed.controls.code") for seed in (42, 1729)]
    assert _rows(records)["probe of `passed`, best control"][4] == " / ".join(f"{value:.4f}" for value in best)
    assert _rows(records)["pass@1, humaneval, llm_order"][4] == "– / –"


@pytest.mark.parametrize(("labels", "is_named"), [(None, True), (LABELS, False)])
def test_a_stand_in_is_a_reason_of_its_own(labels: dict[str, str] | None, is_named: bool) -> None:
    records = full_records(labels=labels) if labels else full_records()
    assert ("`stand_in`" in _rows(records)["Recall@1, model"][6]) is False
    assert ("`stand_in`" in _rows(records)["pass@1, mbpp_plus, lexical"][6]) is is_named
