"""A webhook's receiver and a mail server on 127.0.0.1 that keep what they were sent."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hook:
    """What a webhook was sent, and what it answers: the first of `answers`, 200 when there is none left."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)  # bodies that were taken
    headers: list[dict[str, str]] = field(default_factory=list)  # of every request
    paths: list[str] = field(default_factory=list)

    @property
    def apprise_url(self) -> str:
        """The address as Apprise writes it."""
        return self.url.replace("http://", "json://")


@contextmanager
def hook() -> Iterator[Hook]:
    """A receiver of webhooks."""
    found = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.headers.append(dict(self.headers.items()))
            found.paths.append(self.path)
            status = found.answers.pop(0) if found.answers else 200
            if 200 <= status < 300:
                found.got.append(body)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{found.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}"
    with _serving(server):
        yield found


@dataclass
class Post:
    """What a mail server was sent, and whom and what it refuses."""

    port: int = 0
    refused: set[str] = field(default_factory=set)  # recipients
    data_answer: str = "250 taken"
    quit_answer: str = "221 bye"
    mails: list[Mail] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)


@contextmanager
def post() -> Iterator[Post]:
    """A mail server that speaks as much SMTP as a client without TLS asks for."""
    found = Post()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            to = list[str]()
            self._say("220 here")
            while line := self.rfile.readline().decode().strip():
                verb = line.split(":")[0].split(" ")[0].upper()
                if verb == "RCPT":
                    address = line.partition("<")[2].partition(">")[0]
                    is_refused = address in found.refused
                    self._say("550 no such person" if is_refused else "250 ok")
                    to += [] if is_refused else [address]
                elif verb == "MAIL":
                    to = []  # of the next mail of this connection
                    self._say("250 ok")
                elif verb == "DATA":
                    self._say("354 go on")
                    lines = list[str]()
                    while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                        lines.append(text)
                    if found.data_answer.startswith("250"):
                        found.mails.append(message_from_string("\n".join(lines)))
                        found.recipients.append(to)
                    self._say(found.data_answer)
                elif verb == "EHLO":
                    self._say("250-here\r\n250 AUTH PLAIN")
                elif verb == "QUIT":
                    self._say(found.quit_answer)
                    return
                else:
                    self._say("250 ok")

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    with _serving(server):
        yield found


@contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
