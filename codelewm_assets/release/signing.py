"""Signatures with a local elliptic-curve key: of a folder (OpenSSF model-signing), and of an in-toto statement (DSSE).

The libraries of the extra `signing` are imported inside functions. They take seconds to load and are not needed to build.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from codelewm_assets.core.digests import sha256_file
from codelewm_assets.core.errors import SigningError
from codelewm_assets.core.files import write_atomically
from codelewm_assets.release.hub_loading import stage
from codelewm_assets.release.statements import PAYLOAD_TYPE, Statement

SIGN_KEY = (
    "CODELEWM_SIGNING_FILE"  # not …KEY: the value of a variable of that name counts as a secret, and this one is a path
)


def _library() -> Any:
    try:
        import model_signing
    except ImportError as error:
        raise SigningError(
            f"Signing needs the extra `signing` ({error}). Run `pip install 'codelewm_assets[signing]'`."
        ) from error
    return model_signing


def _private_key(path: Path) -> Any:
    """Raises: SigningError: no file, no PEM, protected by a password, or no elliptic-curve key."""
    _library()
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise SigningError(f"{path} is no private key: {error}. Name an unencrypted PEM file.") from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise SigningError(f"{path} holds a {type(key).__name__}; expected an elliptic-curve key, as P-256.")
    return key


def _verifying_key(path: Path) -> Any:
    """Raises: SigningError: no file, or no public key in PEM."""
    _library()
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    try:
        return SSlibKey.from_crypto(load_pem_public_key(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise SigningError(f"{path} is no public key: {error}. Name a PEM file.") from error


def public_key_of(key: Path) -> bytes:
    """The public key of a private one, as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = _private_key(key).public_key()
    return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def sign_files(files: Mapping[str, Path], key: Path, signature: Path) -> None:
    """Sign files as the folder that a reader downloads. Args: files: by path in that folder. signature: file to write."""
    _private_key(key)  # one line for a faulty key, before anything is hashed
    with TemporaryDirectory(prefix="codelewm-signing-") as folder:
        stage(Path(folder, "files"), files)
        written = Path(folder, "signature")
        config = _library().signing.Config().set_hashing_config(_hashing())
        config.use_elliptic_key_signer(private_key=key).sign(Path(folder, "files"), written)
        write_atomically(signature, written.read_bytes())


def signature_faults(files: Mapping[str, Path], signature: Path, public_key: Path) -> dict[str, str]:
    """Faults of a signature over files; empty when it verifies.

    Returns: path of each file that is altered, missing or was not signed → which of these; where there is none, path of the
        signature → why it does not verify.
    """
    _verifying_key(public_key)
    with TemporaryDirectory(prefix="codelewm-signing-") as folder:
        stage(Path(folder, "files"), files)
        config = _library().verifying.Config().set_hashing_config(_hashing())
        try:
            config.use_elliptic_key_verifier(public_key=public_key).verify(Path(folder, "files"), signature)
        except (ValueError, KeyError, OSError) as error:
            cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
            return _different(files, signature) or {signature.name: cause}
    return {}


def _different(files: Mapping[str, Path], signature: Path) -> dict[str, str]:
    """Path → how it differs from what the signature states, whoever signed it."""
    try:
        payload = base64.b64decode(json.loads(signature.read_bytes())["dsseEnvelope"]["payload"])
        stated = {row["name"]: row["digest"] for row in json.loads(payload)["predicate"]["resources"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    present = {name: sha256_file(path) for name, path in files.items() if path.is_file()}
    return {
        name: "missing" if name not in present else "not signed" if name not in stated else "altered"
        for name in sorted(stated.keys() | present.keys())
        if stated.get(name) != present.get(name)
    }


def _hashing() -> Any:
    return _library().hashing.Config().set_allow_symlinks(True)


def sign_statement(stated: Statement, key: Path) -> bytes:
    """A DSSE envelope of the statement, as JSON."""
    private = _private_key(key)
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    envelope = Envelope(stated.payload(), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(private))
    return json.dumps(envelope.to_dict(), sort_keys=True).encode()


def read_statement(envelope: bytes, public_key: Path) -> Statement:
    """The statement of an envelope that this key signed. Raises: SigningError: altered, or signed by another key."""
    key = _verifying_key(public_key)
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error

    try:
        parsed = Envelope.from_dict(json.loads(envelope))
        parsed.verify([key], 1)
        return Statement.model_validate_json(parsed.payload)
    except (Error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SigningError(f"The statement does not verify ({type(error).__name__}): {error}") from error
