"""A server that speaks S3 on this machine, and the bytes of a store wherever it lies."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SECRET_KEY = "key-that-must-not-be-seen"


@contextmanager
def s3_server() -> Iterator[str]:
    """Its endpoint's URL. It keeps everything in memory and accepts any credentials."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line a request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def environment_of(endpoint: str) -> dict[str, str]:
    """What a client's environment says of the server."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Bytes:
    """The stored bytes below a root, past the store: by name, read, replaced and removed."""

    def __init__(self, root: str) -> None:
        import fsspec

        self._files, self._root = fsspec.url_to_fs(root, use_listings_cache=False)

    def names(self) -> list[str]:
        """Every object or file, hidden ones too."""
        if not self._files.exists(self._root):
            return []
        return sorted(name.removeprefix(f"{self._root}/") for name in self._files.find(self._root))

    def read(self, name: str) -> bytes:
        """One of them."""
        return bytes(self._files.cat_file(f"{self._root}/{name}"))

    def put(self, name: str, data: bytes) -> None:
        """Replace one, or add it."""
        self._files.pipe_file(f"{self._root}/{name}", data)

    def remove(self, name: str) -> None:
        """Take one away."""
        self._files.rm_file(f"{self._root}/{name}")

    def alter(self, name: str, index: int = 0) -> None:
        """Turn over every bit of one byte."""
        data = bytearray(self.read(name))
        data[index] ^= 0xFF
        self.put(name, bytes(data))


def s3_client() -> Any:
    """A client of the server that the environment names."""
    import boto3

    return boto3.client("s3")
