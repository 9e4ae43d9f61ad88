"""The mask of secrets: values of environment variables that are named as secrets, and what looks like a secret."""

from codelewm_assets.core.secrets import masked


def test_short_values_and_other_variables_are_left_and_longer_secrets_are_masked_first() -> None:
    variables = {"TOKENIZERS_PARALLELISM": "false", "HOME": "/home/someone", "A_KEY": "abcdef", "B_KEY": "abcdefghi"}
    assert masked("false /home/someone abcdefghi abcdef", variables) == "false /home/someone *** ***"


def test_a_user_and_password_in_a_url_are_masked() -> None:
    assert masked("postgresql://user:pass@host:5432/db", {}) == "postgresql://***@host:5432/db"
    assert (
        masked("http://user:p@ss@proxy:3128/x y@z", {}) == "http://***@proxy:3128/x y@z"
    )  # up to the last @, as clients read it
    assert masked("a@b.example, https://host/x@y", {}) == "a@b.example, https://host/x@y"
