"""Which variables and which texts are secrets, and the mask of both. Secrets are put together at run time."""

import urllib.parse

from codelewm_assets.core.secrets import MASK, masked, secret_kinds, secret_variables
from codelewm_assets_tests.cases import each_case

LONG = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cDfG1"
FIELD = "pass" + "word"
SECRETS = [
    ("hf_" + LONG, "Hugging Face Token"),
    ("sk-" + LONG, "Secret Key"),
    ("ghp_" + LONG, "GitHub Token"),
    ("github" + "_pat_11ABCDEFG0" + LONG + "_" + LONG, "GitHub Token"),
    ("AI" + "za" + LONG, "Google API Key"),
]
ASSIGNED = [
    ("Authorization: Bearer {}", LONG, "Authorization Header"),
    ('{{"Authorization": "bearer {}"}}', "s3cr3t-value", "Authorization Header"),
    ("-H 'authorization: Basic {}'", "dXNlcjpwNHNz==", "Authorization Header"),
    (FIELD + " = '{}'", "hunter2", "Password in Quotes"),
    ('"db_' + FIELD + '": "{}",', "correct#horse", "Password in Quotes"),
    (FIELD + ": str = '{}'", "hunter2", "Password in Quotes"),
    ("os.environ['PGPASSWD'] = '{}'", "hunter2", "Password in Quotes"),
    ('{{"code": "api_key = \\"{}\\"\\n"}}', LONG, "Password in Quotes"),
    ("connect(user='a', passphrase=\"{}\")", "hunter2!", "Password in Quotes"),
    ("host=a " + FIELD + "={} dbname=b", "hunter2", "Password"),
    ("https://host/rows?api_key={}&limit=3", LONG, "Password"),
    ("https://host/rows?" + FIELD + "={}", "p%40ssw0rd", "Password"),
]


@each_case(("secret", "kind"), SECRETS)
@each_case("text", ["{}", "x = '{}'", '{{"text": "first\\n{}"}}', "see https://host/{}/x"])
def test_a_token_is_known_and_masked_wherever_it_starts(text: str, secret: str, kind: str) -> None:
    text = text.format(secret)
    assert secret_kinds(text, {}) == [kind]
    assert masked(text, {}) == text.replace(secret, MASK)


@each_case(("text", "secret", "kind"), ASSIGNED)
def test_the_value_of_a_header_or_a_password_is_known_and_masked(text: str, secret: str, kind: str) -> None:
    assert secret_kinds(text.format(secret), {}) == [kind]
    assert masked(text.format(secret), {}) == text.format(MASK)
    assert secret_kinds(text.format(MASK), {}) == []


ORDINARY = f"""
def check(password):
    if password == 'abc123' or password != "Password@10": return len(password) >= 8
    password = ''
    password = 'hello'
    password = input("password: ")
    password, api_key = settings.password1, settings["api_key2"]
    return login(user, password=password1, secret=secret2)
password: str = "PLANTED_SMTP_PASSWORD"
{{"password_environment": "SMTP2_PASSWORD", "secret_findings": ["a.md:3 AWS"], "token": "{LONG}"}}
Authorization: Bearer <token> or Bearer $HF_TOKEN, Bearer {{token}}, Bearer YOUR_API_TOKEN
the bearer of this letter; bearer authentication-mechanisms; basic authentication
api_key = "<your key 1>", password="${{PASSWORD2}}", password='%(password1)s', passwd="{{secret_1}}", secret="***"
--from-file=postgresql-password=PATH https://host/rows?password=%s&limit=3
half_open sk-learn ghx_short hf_name sk-estimator-doc-link-in-the-manual task-list-of-things-to-do
github_pat_of_the_release_workflow_in_settings AIzaShort
sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
""".splitlines()


@each_case("line", ORDINARY)
def test_programs_digests_placeholders_and_prose_are_no_secrets(line: str) -> None:
    assert secret_kinds(line, {}) == []
    assert masked(line, {}) == line


@each_case(
    "name",
    [
        "HF_TOKEN",
        "PGPASSWORD",
        "client_secret",
        "AWS_SECRET_ACCESS_KEY",
        "MYSQL_PASSWD",
        "GITHUB_PAT",
        "GHPAT",
        "PAT",
        "GOOGLE_CREDENTIALS",
        "APP_CREDENTIAL",
        "SSH_PASSPHRASE",
        "SMTP_PASS",
        "MYSQL_PWD",
    ],
)
def test_variables_with_such_names_hold_secrets(name: str) -> None:
    assert secret_variables({name: "abcdef"}) == {name: "abcdef"}


@each_case("name", ["PATH", "PYTHONPATH", "PWD", "OLDPWD", "GLIBC_COMPAT", "PATTERN", "HOME", "CREDENTIALS_HELPER"])
def test_variables_with_other_names_do_not(name: str) -> None:
    assert secret_variables({name: "abcdef"}) == {}


def test_short_values_and_other_variables_are_left_and_longer_secrets_are_masked_first() -> None:
    variables = {"TOKENIZERS_PARALLELISM": "false", "HOME": "/home/someone", "A_KEY": "abcdef", "B_KEY": "abcdefghi"}
    assert masked("false /home/someone abcdefghi abcdef", variables) == "false /home/someone *** ***"


VALUE = "p@ss/wörd+1 %x"
ENCODERS = {
    "as it is": str,
    "quote": urllib.parse.quote,
    "quote all": lambda value: urllib.parse.quote(value, safe=""),
    "quote plus": urllib.parse.quote_plus,
    "lower case": lambda value: urllib.parse.quote(value, safe="").replace("%C3%B6", "%c3%b6").replace("%2F", "%2f"),
    "every byte": lambda value: "".join(f"%{byte:02X}" for byte in value.encode()),
}


@each_case("encoder", ENCODERS)
def test_a_value_of_the_environment_is_known_and_masked_in_every_percent_encoding(encoder: str) -> None:
    text = f"GET /rows?x={ENCODERS[encoder](VALUE)}&y=1"
    assert secret_kinds(text, {"SOME_PAT": VALUE}) == ["Value of SOME_PAT"]
    assert masked(text, {"SOME_PAT": VALUE}) == "GET /rows?x=***&y=1"


@each_case("value", ["s3cr3t", "password", "86400000", "1.2.3.4.5"])
def test_short_values_single_words_and_numbers_are_masked_but_are_no_finding(value: str) -> None:
    assert secret_kinds(f"the {value} of", {"DB_PASSWD": value}) == []
    assert masked(f"the {value} of", {"DB_PASSWD": value}) == "the *** of"


def test_a_user_and_password_in_a_url_are_masked() -> None:
    assert masked("postgresql://user:pass@host:5432/db", {}) == "postgresql://***@host:5432/db"
    assert (
        masked("http://user:p@ss@proxy:3128/x y@z", {}) == "http://***@proxy:3128/x y@z"
    )  # up to the last @, as clients read it
    assert masked("a@b.example, https://host/x@y", {}) == "a@b.example, https://host/x@y"
