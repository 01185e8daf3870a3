"""STOW-RS to a service on loopback that answers what a test wants."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from echobeat.node.delivery import ARRIVED, Unreachable, WebSender
from echobeat.node.settings import ACCOUNT_VARIABLE, WebPeer

Serve = Callable[..., "Service"]


class Service:
    """Answers every request with a status; `seen` are their methods and whether they held an account."""

    def __init__(self, status: int, location: str | None = None) -> None:
        self.seen: list[tuple[str, bool]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.seen.append((self.command, "Authorization" in self.headers))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *arguments: object) -> None:
                """Nobody reads it."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/dicom-web"

    @contextmanager
    def running(self) -> Iterator[Service]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield self
        self._server.shutdown()
        self._server.server_close()
        thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as services:
        yield lambda *answer: services.enter_context(Service(*answer).running())


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A result to send; the node has an account."""
    monkeypatch.setenv(ACCOUNT_VARIABLE, "made:for-this-test")
    path = tmp_path / "result.dcm"
    path.write_bytes(b"whatever")
    return path


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_so_that_no_result_is_lost_and_no_password_leaves(
    serve: Serve, made: Path, status: int
) -> None:
    elsewhere = serve(200)
    moved = serve(status, elsewhere.url)
    with pytest.raises(Unreachable, match=f"http_{status}"):
        WebSender(WebPeer(moved.url), None).send(made)
    assert (moved.seen, elsewhere.seen) == ([("POST", True)], [])


def test_what_the_service_takes_has_arrived(serve: Serve, made: Path) -> None:
    service = serve(200)
    assert WebSender(WebPeer(service.url), None).send(made) == ARRIVED
    assert service.seen == [("POST", True)]
