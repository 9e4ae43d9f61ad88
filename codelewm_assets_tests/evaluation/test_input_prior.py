"""The chance that a record passes by its input alone."""

from codelewm_assets.evaluation.input_prior import input_prior_scores


def test_it_learns_that_short_inputs_pass() -> None:
    inputs = [f"[{'9' * (1 + n % 6)}]" for n in range(240)]
    scores = input_prior_scores(inputs, [len(text) < 5 for text in inputs], ["[12]", "[123456]"])
    assert scores[0] is not None and scores[1] is not None
    assert scores[0] > 0.9 and scores[1] < 0.1


def test_a_train_part_of_one_class_gives_none() -> None:
    assert input_prior_scores(["[1]", "[2]"], [True, True], ["[1]"]) == [None]
    assert input_prior_scores(["[1]", "[2]"], [True, False], []) == []
