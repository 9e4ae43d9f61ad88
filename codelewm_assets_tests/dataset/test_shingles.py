"""Shingles by hand: what of a program and of a prompt is compared."""

from codelewm_assets.dataset.shingles import (
    code_tokens,
    jaccard,
    local_shingles,
    normalised_tokens,
    prompt_shingles,
    prompt_words,
    shingles,
)

PROGRAM = "def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n"
RENAMED = "def add_up(values):\n    acc = 0\n    for v in values:\n        acc += v\n    return acc\n"


def test_names_become_their_order_of_first_use_and_keywords_stay() -> None:
    assert normalised_tokens("def f(x): return f + x") == ("def", "v0", "(", "v1", ")", ":", "return", "v0", "+", "v1")


def test_renaming_variables_does_not_change_shingles() -> None:
    assert shingles(PROGRAM) == shingles(RENAMED)


def test_comments_and_layout_do_not_change_shingles() -> None:
    commented = PROGRAM.replace("    result = 0\n", "    # the sum so far\n\n    result  =  0\n")
    assert shingles(commented) == shingles(PROGRAM)


def test_another_operator_changes_shingles() -> None:
    assert shingles(PROGRAM.replace("+=", "-=")) != shingles(PROGRAM)


def test_a_program_shorter_than_a_shingle_is_one_shingle() -> None:
    assert shingles("1 +") == {"1 +"}
    assert shingles("") == {""}


def test_text_that_is_no_python_is_compared_by_its_words() -> None:
    assert normalised_tokens("this ( is not") == ("this", "(", "is", "not")


def test_jaccard_by_hand() -> None:
    """{1, 2, 3} and {2, 3, 4}: two shared of four."""
    assert jaccard({"1", "2", "3"}, {"2", "3", "4"}) == 0.5
    assert jaccard({"1"}, {"2"}) == 0.0 == jaccard(set(), {"2"})
    assert jaccard(set(), set()) == 1.0


def test_tokens_of_code_in_a_text_that_does_not_parse() -> None:
    found = code_tokens("It doesn't: x.y('a b') == r\"c\" # 1.5")
    assert found[:5] == ["It", "doesn", "'", "t", ":"]
    assert found[5:] == ["x", ".", "y", "(", '"a b"', ")", "=", "=", 'r"c"', "1.5"]


def test_a_piece_of_code_keeps_its_shingles_wherever_it_stands_and_however_it_is_named() -> None:
    piece = local_shingles(code_tokens("acc += v * 2"))
    assert piece == local_shingles(code_tokens("total += item * 2"))
    assert piece <= local_shingles(code_tokens("for a, b in pairs: other(a); total += item * 2; return total"))


def test_names_are_numbered_again_in_each_run_and_builtins_and_attributes_stay() -> None:
    """Five tokens have three runs of three; b is the first name of the second run."""
    assert local_shingles(["a", ".", "sort", "(", "len"]) == {"v0 . sort", ". sort (", "sort ( len"}
    assert local_shingles(["a", "=", "b", "+"]) == {"v0 = v1", "= v0 +"}


def test_a_short_text_is_one_shingle_and_an_empty_one_has_none() -> None:
    assert local_shingles(["return", "x"]) == {"return v0"}
    assert local_shingles([]) == frozenset() == prompt_shingles("") == prompt_shingles(">>> f(1)")
    assert prompt_shingles("Sort.") == {"sort"}


def test_a_prompt_says_its_words_without_signature_examples_and_boilerplate() -> None:
    prompt = (
        "from typing import List\n\ndef f(x: List[int]) -> int:\n"
        '    """Write a python function to find the Sum\n    from the left.\n    >>> f([1])\n    1\n    """\n'
    )
    assert prompt_words(prompt) == ["find", "the", "sum", "from", "the", "left", "1"]
    assert prompt_words('"""\nWrite a function to sort it.\nassert f(2) == 1\n"""') == ["sort", "it"]
    assert prompt_shingles("sort a list") == {"sort a", "a list"}
