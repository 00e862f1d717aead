"""An Ask-Sage-shaped server on loopback that plays a script: real HTTP, with every way of going wrong."""

from __future__ import annotations

import json
import socket
import threading
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

from patience import WAIT_S

from asksage_jupyter.service import Query, Secret, Service

QUERY, STREAM = "/server/query", "/server/query_stream"
EXCHANGE = "/user/get-token-with-api-key"
SEPARATOR = b"@|@sep@|@"


@dataclass(frozen=True)
class Played:
    """One scripted reply.

    Attributes
    ----------
    body : object
        Bytes as they are; anything else as JSON.
    cuts : tuple of int
        Where the body is cut into writes.
    framing : str
        ``length``, ``chunked``, or ``close``: the body ends with the connection.
    drop_at : int or None
        Send only so many bytes of the body, then break the connection.
    stall_at : int or None
        Send only so many bytes of the body, then nothing until the server closes; -1 sends no head either.
    gate : threading.Event or None
        Waited for before the second write.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cuts: tuple[int, ...] = ()
    framing: str = "length"
    drop_at: int | None = None
    stall_at: int | None = None
    gate: threading.Event | None = None

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def token(self) -> str | None:
        return self.headers.get("x-access-tokens")


class Scripted:
    """The server. `on` gives a route its replies: played in order, the last one for ever; 404 without any.
    The route ``*`` is any that has none of its own.

    A reply may be a function of the request. The host name is one that the client takes for loopback.
    """

    def __init__(self, *, tls: Any = None) -> None:
        self.requests: list[Received] = []
        self.closing = threading.Event()
        self._script: dict[str, deque[Any]] = defaultdict(deque)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.scripted = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def on(self, path: str, *replies: Any) -> None:
        self._script[path] = deque(replies)

    def asked(self, path: str) -> list[Received]:
        """The requests that came for a path, without its query string."""
        return [request for request in self.requests if request.path.partition("?")[0] == path]

    def reply_to(self, request: Received) -> Played:
        self.requests.append(request)
        path = request.path.partition("?")[0]
        script = self._script.get(request.path) or self._script.get(path) or self._script.get("*")
        if not script:
            return Played(b"<html>404</html>", status=404)
        reply = script.popleft() if len(script) > 1 else script[0]
        if callable(reply):
            reply = reply(request)
        return reply if isinstance(reply, Played) else Played(reply)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    scripted: Scripted
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up, or speaks TLS to it, is part of the play


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *args: object) -> None:
        pass

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        played = self.server.scripted.reply_to(Received(self.path, headers, content))
        if played.stall_at == -1:
            self._stall()
            return
        if played.drop_at == -1:
            self._drop()
            return
        self._head(played)
        self._body(played)
        self.close_connection = played.framing == "close"

    def _head(self, played: Played) -> None:
        self.send_response(played.status)
        for name, value in {"content-type": "application/json", **played.headers}.items():
            self.send_header(name, value)
        if played.framing == "length":
            self.send_header("content-length", str(len(played.content)))
        elif played.framing == "chunked":
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("connection", "close")
        self.end_headers()

    def _body(self, played: Played) -> None:
        content = played.content
        end = next((at for at in (played.drop_at, played.stall_at) if at is not None), len(content))
        edges = [0, *(cut for cut in played.cuts if cut < end), end]
        for number, (start, stop) in enumerate(pairwise(edges)):
            if number and played.gate is not None:
                played.gate.wait(WAIT_S)
            part = content[start:stop]
            if part and played.framing == "chunked":
                part = b"%x\r\n%s\r\n" % (len(part), part)
            self.wfile.write(part)
        if played.drop_at is not None:
            self._drop()
        elif played.stall_at is not None:
            self._stall()
        elif played.framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")

    def _drop(self) -> None:
        """Hang up without ado. What was written still arrives: the end comes after it, in order."""
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _stall(self) -> None:
        self.server.scripted.closing.wait(WAIT_S)
        self.close_connection = True


def envelope(message: str = "\n\nOK", **changes: Any) -> dict[str, Any]:
    """A whole reply as recorded from a live account; `changes` replace members, None included."""
    return {
        "response": "OK",
        "message": message,
        "status": 200,
        "type": "completion",
        "uuid": "u-1",
        "references": "",
        "embedding_down": False,
        "vectors_down": False,
        "added_obj": None,
        "tool_calls": None,
        "tool_responses": [],
        "citations": [],
        "sources": [],
        "error": None,
        "usage": {
            "model_tokens": {"completion_tokens": 4, "prompt_tokens": 820, "total_tokens": 824},
            "asksage_tokens": 63,
        },
        "provenance": {"model": "google-claude-45-haiku", "datasets": "none", "agents": []},
        **changes,
    }


def pieces(*chunks: dict[str, Any] | bytes, trailing: bool = True) -> bytes:
    """Chunks as the stream route sends them, separators inside their text escaped."""
    texts = [chunk if isinstance(chunk, bytes) else _utf8(chunk) for chunk in chunks]
    escaped = [text.replace(SEPARATOR, b"@|@@sep@@|@") for text in texts]
    return SEPARATOR.join(escaped) + (SEPARATOR if trailing else b"")


def _utf8(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


KEY = "key-5fae0c1d"
EMAIL = "ada@example.org"


class Bench:
    """A scripted server, services that speak to it, and how long they would have slept."""

    def __init__(self, **options: Any) -> None:
        self.server = Scripted(**options)
        # Any Ask Sage has it, and is known by it.
        self.server.on("/server/get-models", {"object": "list", "data": [], "response": [], "status": 200})
        self.pauses: list[float] = []
        self.now = 1_800_000_000.0
        self._services: list[Service] = []

    def service(self, url: str | None = None, **options: Any) -> Service:
        defaults = {"sleep": self.pauses.append, "clock": lambda: self.now, "timeout_s": WAIT_S}
        service = Service(url or self.server.url, Secret(KEY), **{**defaults, **options})
        self._services.append(service)
        return service

    def close(self) -> None:
        for service in self._services:
            service.close()
        self.server.close()


def question(prompt: str = "What is a hold?", **options: Any) -> Query:
    return Query(prompt, "google-claude-45-haiku", **options)
