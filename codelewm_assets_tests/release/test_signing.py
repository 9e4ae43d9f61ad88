"""Signatures over files and statements: what verifies, and each way in which it does not."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from codelewm_assets.core.errors import SigningError
from codelewm_assets.release.signing import (
    public_key_of,
    read_statement,
    sign_files,
    sign_statement,
    signature_faults,
)
from codelewm_assets.release.statements import CLAIM, Statement, Subject, statement
from codelewm_assets_tests.cases import each_case
from codelewm_assets_tests.release.keys import put_keys

STATED = statement([Subject.of("b", "1" * 64), Subject.of("a", "0" * 64)], CLAIM, {"gates": []})


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Two files, by their place in what is signed."""
    names = {"weights/model.safetensors": tmp_path / "w", "README.md": tmp_path / "r"}
    for name, path in names.items():
        path.write_text(name)
    return names


def test_a_signature_over_files_verifies_until_one_changes_goes_or_comes(
    files: dict[str, Path], tmp_path: Path
) -> None:
    private, public = put_keys(tmp_path)
    signature = tmp_path / "model.sig"
    sign_files(files, private, signature)
    assert signature_faults(files, signature, public) == {}
    other = {name: path for name, path in files.items() if name != "README.md"}
    assert signature_faults(other, signature, public) == {"README.md": "missing"}
    extra = files | {"more.json": files["README.md"]}
    assert signature_faults(extra, signature, public) == {"more.json": "not signed"}
    files["weights/model.safetensors"].write_text("other")
    assert signature_faults(files, signature, public) == {"weights/model.safetensors": "altered"}


def test_a_signature_by_another_key_or_cut_short_does_not_verify(files: dict[str, Path], tmp_path: Path) -> None:
    private, public = put_keys(tmp_path)
    signature = tmp_path / "model.sig"
    sign_files(files, private, signature)
    assert "Key mismatch" in signature_faults(files, signature, put_keys(tmp_path, "other")[1])["model.sig"]
    signature.write_bytes(signature.read_bytes()[:-9])
    assert signature_faults(files, signature, public)["model.sig"].startswith("JSONDecodeError: ")


def test_a_statement_is_read_back_with_its_subjects_in_order(tmp_path: Path) -> None:
    private, public = put_keys(tmp_path)
    envelope = json.loads(sign_statement(STATED, private))
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    stated = read_statement(json.dumps(envelope).encode(), public)
    assert stated == STATED and [row.name for row in stated.subject] == ["a", "b"]
    assert json.loads(stated.payload())["_type"] == "https://in-toto.io/Statement/v1"
    assert public_key_of(private) == public.read_bytes()


@each_case("name", ["another payload", "another key", "cut short", "no envelope"])
def test_a_statement_that_was_altered_or_signed_by_another_key_is_refused(tmp_path: Path, name: str) -> None:
    private, public = put_keys(tmp_path)
    data = sign_statement(STATED, private)
    envelope = json.loads(data)
    other = sign_statement(STATED.model_copy(update={"predicate": {}}), private)
    altered = {
        "another payload": json.dumps(envelope | {"payload": json.loads(other)["payload"]}).encode(),
        "another key": sign_statement(STATED, put_keys(tmp_path, "other")[0]),
        "cut short": data[:-9],
        "no envelope": b"[]",
    }
    with pytest.raises(SigningError, match=r"^The statement does not verify \(\w+\): "):
        read_statement(altered[name], public)


def test_a_key_that_cannot_be_used_is_one_line(files: dict[str, Path], tmp_path: Path) -> None:
    rsa = generate_private_key(65537, 2048)
    locked = BestAvailableEncryption(b"word")
    contents = {
        "absent": None,
        "no PEM": b"text",
        "of another kind": rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "protected": rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked),
    }
    for name, content in contents.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SigningError, match=r"unencrypted PEM file|expected an elliptic-curve key") as caught:
            sign_files(files, path, tmp_path / "model.sig")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "model.sig").exists()


def test_a_statement_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="extra"):
        Statement.model_validate(STATED.model_dump(by_alias=True) | {"extra": 1})
