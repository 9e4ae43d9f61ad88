"""Where a release file comes from: the environment, the cache, the network; and what is said when none has it."""

import logging
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from codelewm_assets.benchmarks.evalplus import find_file
from codelewm_assets.benchmarks.pins import FilePin
from codelewm_assets.core.errors import SourceDigestError, SourceMissingError
from codelewm_assets_tests.benchmarks.release_files import humaneval_row, write_release

NOWHERE = "http://127.0.0.1:9/HumanEvalPlus.jsonl.gz"  # the discard port: nothing listens there


class Shelf:
    """A server of one file on this machine."""

    def __init__(self, content: bytes) -> None:
        shelf = self
        self.content = content
        self.requests = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shelf.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(shelf.content)))
                self.end_headers()
                self.wfile.write(shelf.content)

            def log_message(self, format: str, *args: object) -> None:
                logging.getLogger(__name__).debug(format, *args)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/HumanEvalPlus.jsonl.gz"
        self._stopped = False

    def stop(self) -> None:
        """Close the port; a second call does nothing."""
        if not self._stopped:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._stopped = True


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests to this machine go straight to it."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def release(tmp_path: Path) -> tuple[Path, FilePin]:
    """A small release file and its pin."""
    return write_release(tmp_path / "release", "humaneval", [humaneval_row()])


@pytest.fixture
def shelf(release: tuple[Path, FilePin]) -> Iterator[Shelf]:
    """A server of the release file."""
    server = Shelf(release[0].read_bytes())
    yield server
    server.stop()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def assert_names_three_ways(message: str, pin: FilePin) -> None:
    assert "one of three" in message
    for way in (pin.environment, pin.url, "Hugging Face Hub", pin.revision_environment):
        assert re.search(rf"{re.escape(way)}\b", message), way


def test_a_named_file_is_used_without_network_or_cache(release: tuple[Path, FilePin], tmp_path: Path) -> None:
    path, pin = release
    assert find_file(pin, {pin.environment: str(path)}, tmp_path / "cache", url=NOWHERE) == path
    assert not (tmp_path / "cache").exists()


def test_a_named_file_that_is_missing_names_all_three_ways(release: tuple[Path, FilePin], tmp_path: Path) -> None:
    _, pin = release
    with pytest.raises(SourceMissingError, match=r"names .*absent\.gz, which is not a file") as caught:
        find_file(pin, {pin.environment: str(tmp_path / "absent.gz")}, tmp_path)
    assert_names_three_ways(str(caught.value), pin)


def test_a_named_file_that_is_missing_is_not_replaced_by_a_download(
    release: tuple[Path, FilePin], shelf: Shelf, tmp_path: Path
) -> None:
    _, pin = release
    with pytest.raises(SourceMissingError, match="not a file"):
        find_file(pin, {pin.environment: str(tmp_path / "absent.gz")}, tmp_path / "cache", url=shelf.url)
    assert shelf.requests == 0


def test_an_address_that_nobody_answers_names_all_three_ways(release: tuple[Path, FilePin], tmp_path: Path) -> None:
    _, pin = release
    with pytest.raises(SourceMissingError, match="could not be downloaded") as caught:
        find_file(pin, {}, tmp_path / "cache", url=NOWHERE)
    assert_names_three_ways(str(caught.value), pin)
    assert files_in(tmp_path / "cache") == []


def test_a_download_is_made_once_and_then_read_from_the_cache(
    release: tuple[Path, FilePin], shelf: Shelf, tmp_path: Path
) -> None:
    path, pin = release
    first = find_file(pin, {}, tmp_path / "cache", url=shelf.url)
    shelf.stop()
    assert find_file(pin, {}, tmp_path / "cache", url=shelf.url) == first
    assert first.read_bytes() == path.read_bytes()
    assert shelf.requests == 1
    assert files_in(tmp_path / "cache") == [first]


def test_a_server_of_altered_bytes_is_refused_and_nothing_is_cached(
    release: tuple[Path, FilePin], shelf: Shelf, tmp_path: Path
) -> None:
    _, pin = release
    shelf.content = shelf.content[:-1] + bytes([shelf.content[-1] ^ 1])
    with pytest.raises(SourceDigestError, match=f"the download is not the pinned {pin.sha256[:12]}"):
        find_file(pin, {}, tmp_path / "cache", url=shelf.url)
    assert files_in(tmp_path / "cache") == []


def test_a_damaged_cache_is_fetched_again(release: tuple[Path, FilePin], shelf: Shelf, tmp_path: Path) -> None:
    path, pin = release
    cached = find_file(pin, {}, tmp_path / "cache", url=shelf.url)
    cached.write_bytes(b"damaged")
    assert find_file(pin, {}, tmp_path / "cache", url=shelf.url).read_bytes() == path.read_bytes()
    assert shelf.requests == 2


def test_a_damaged_cache_is_never_read_when_nobody_answers(
    release: tuple[Path, FilePin], shelf: Shelf, tmp_path: Path
) -> None:
    _, pin = release
    cached = find_file(pin, {}, tmp_path / "cache", url=shelf.url)
    shelf.stop()
    cached.write_bytes(b"damaged")
    with pytest.raises(SourceMissingError, match="could not be downloaded"):
        find_file(pin, {}, tmp_path / "cache", url=shelf.url)
