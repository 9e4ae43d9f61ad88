"""TrainingConfig: what it refuses."""

from typing import Any

import pytest
from pydantic import ValidationError

from codelewm_assets.training.config import TrainingConfig
from codelewm_assets_tests.cases import each_case


@each_case(
    ("changes", "message"),
    [
        ({"epochs": 3}, "epochs\n  Extra inputs are not permitted"),
        ({"hidden": 10, "heads": 4}, "hidden 10 is no multiple of heads 4"),
        ({"hidden": 12, "heads": 4}, "hidden 12 over heads 4 is odd"),
        ({"row_tokens": 100}, "row_tokens 100 is below prompt, code and input together, 448"),
        ({"folds": ()}, "expected some of"),
        ({"folds": (0, 0)}, "each once"),
        ({"folds": (5,)}, "expected some of"),
        ({"vocab_size": 299}, "vocab_size\n  Input should be greater than or equal to 300"),
        ({"learning_rate": 0}, "learning_rate\n  Input should be greater than 0"),
        ({"ema_decay": 1.0}, "ema_decay\n  Input should be less than 1"),
        ({"temperature": 0.0}, "temperature\n  Input should be greater than 0"),
        ({"device": "tpu"}, "device\n  Input should be 'cpu' or 'cuda'"),
        ({"completions_per_batch": 1}, "completions_per_batch\n  Input should be greater than or equal to 2"),
        ({"processes": 0}, "processes\n  Input should be greater than or equal to 1"),
        ({"processes": 65}, "processes\n  Input should be less than or equal to 64"),
        ({"dropout": 1.0}, "dropout\n  Input should be less than 1"),
    ],
)
def test_a_value_out_of_range_is_refused_and_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrainingConfig(**changes)


def test_all_five_folds_may_be_trained() -> None:
    assert TrainingConfig(folds=(0, 1, 2, 3, 4)).folds == (0, 1, 2, 3, 4)


def test_a_configuration_cannot_be_changed_after_it_was_validated() -> None:
    config = TrainingConfig()
    with pytest.raises(ValidationError, match="frozen"):
        config.hidden = 10
    assert config.hidden == 96


def test_a_term_of_weight_0_is_noticed() -> None:
    assert TrainingConfig().has_every_term
    assert not TrainingConfig(p_pass_weight=0).has_every_term
