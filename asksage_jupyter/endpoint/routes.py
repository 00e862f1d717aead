"""The endpoint's routes, on Tornado."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, cast

from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

from ..display.plain import one_line, storable
from ..errors import AskSageError
from . import guard, shapes
from .answering import Asker, Asking, Embedding
from .chat import read_chat
from .refusals import NO_MODEL, Refusal, refusal_of, unforeseen
from .texts import read_texts

if TYPE_CHECKING:
    from tornado.http1connection import HTTP1Connection

    from ..session import Session
    from ..session.endpoints import Announcement
    from .caller import Caller
    from .workers import Workers

_LONGEST_NAME = 60  # characters
_NOT_ALLOWED = 405

_log = logging.getLogger(__name__)


def application(
    session: Session, workers: Workers, announcement: Announcement, key: str, port: int, name: str
) -> Application:
    """What answers, from `session`; its log is silent."""
    return Application(
        [
            (r"/v1/chat/completions", PaidChats),
            (r"/v1/embeddings", PaidEmbeddings),
            (r"/v1/models", Models),
            (r"/v1/models/(.+)", OneModel),
        ],
        default_handler_class=Elsewhere,
        log_function=lambda _: None,
        session=session,
        workers=workers,
        announcement=announcement,
        key=key,
        port=port,
        client=name,
    )


@stream_request_body  # the head is judged before a byte of the body is kept
class Route(RequestHandler):
    """What all routes have in common: who may ask, and how refusals are told.

    Attributes
    ----------
    taken : str
        Its method.
    """

    taken = "GET"

    def initialize(self) -> None:
        """Begin with no body."""
        self.body = bytearray()

    def set_default_headers(self) -> None:
        """Tell nothing of the server, and let nobody keep a reply."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def prepare(self) -> None:
        """Refuse whoever has not the key, or is a page."""
        if why := guard.refused(self.request, self.settings["key"], self.settings["port"]):
            self.refuse_unread(why)

    def data_received(self, chunk: bytes) -> None:
        """Take a part of the body; the server bounds the whole."""
        self.body += chunk

    def compute_etag(self) -> None:
        """No reply is asked for twice."""

    @property
    def session(self) -> Session:
        """Who is asked."""
        session: Session = self.settings["session"]
        return session

    @property
    def workers(self) -> Workers:
        """Where what blocks is done."""
        workers: Workers = self.settings["workers"]
        return workers

    def refuse(self, why: Refusal) -> None:
        """Tell why, in OpenAI's shape."""
        self.set_status(why.status)
        for name, value in why.headers.items():
            self.set_header(name, value)
        self.finish(why.body)

    def refuse_unread(self, why: Refusal) -> None:
        """The same of a request whose body is not read: its connection ends, and a client is told so."""
        self.set_header("Connection", "close")
        self.refuse(why)

    def write_error(self, status_code: int, **about: Any) -> None:
        """The same of whatever was raised."""
        error = about.get("exc_info", (None, None, None))[1]
        if status_code == _NOT_ALLOWED:
            self.set_header("Allow", self.taken)
            self.refuse(Refusal(status_code, f"{self.request.path} takes {self.taken} only"))
        elif isinstance(error, HTTPError):
            self.refuse(Refusal(status_code, self._reason))
        else:
            self.refuse(_refusal_of(error))

    def log_exception(self, kind: Any, error: Any, frames: Any) -> None:
        """Log what nobody foresaw, by its kind alone: its words may be a prompt."""
        if not isinstance(error, AskSageError | HTTPError | StreamClosedError):
            _log.error("%s %s failed: %s", self.request.method, self.request.path, kind.__name__)


def _refusal_of(error: BaseException | None) -> Refusal:
    return refusal_of(error) if isinstance(error, AskSageError) else unforeseen()


class Elsewhere(Route):
    """Any other path."""

    def prepare(self) -> None:
        """Refuse it."""
        super().prepare()
        if not self._finished:
            words = "there is no such route here: /v1/chat/completions, /v1/embeddings, /v1/models"
            self.refuse_unread(Refusal(404, words, code="unknown_url"))


class Models(Route):
    """The models that may be asked."""

    async def get(self) -> None:
        """List them."""
        self.finish(shapes.models(await self.workers.do(self.session.models)))


class OneModel(Route):
    """One of them."""

    async def get(self, name: str) -> None:
        """Tell of it."""
        offered = await self.workers.do(self.session.models)
        for each in offered:
            if each.id == name:
                self.finish(shapes.model(each))
                return
        self.refuse(Refusal(404, "there is no such model here: GET /v1/models", code=NO_MODEL, param="model"))


class PaidRoute(Route):
    """What is held, sent and settled: it knows who asks, and whether they still wait."""

    taken = "POST"
    _is_gone: threading.Event | None = None

    def on_connection_close(self) -> None:
        """Note that nobody listens any more."""
        if self._is_gone is not None:
            self._is_gone.set()

    def on_finish(self) -> None:
        """Whoever is answered may go."""
        self._caller.probe_at_end(None)

    @property
    def _caller(self) -> Caller:
        return cast("Caller", cast("HTTP1Connection", self.request.connection).stream)

    def _probe(self) -> None:
        """Send what changes no answer; HTTP/1.0 knows no such thing, and a stream's events do the same."""
        if not self._headers_written and self.request.version != "HTTP/1.0":
            self._caller.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _asker(self, is_gone: threading.Event) -> Asker:
        """Who asks: as this endpoint is named, else as the program names itself."""
        self._caller.probe_at_end(self._probe)
        name = self.settings["client"] or self.request.headers.get("User-Agent", "").partition(" ")[0]
        client = storable(one_line(name))[:_LONGEST_NAME] or "unnamed"
        return Asker(client, is_gone, self.settings["announcement"].add)


class PaidEmbeddings(PaidRoute):
    """Texts as vectors, on the training meter."""

    async def post(self) -> None:
        """Answer whole."""
        texts, in_base64 = read_texts(bytes(self.body))
        self.body.clear()
        self._is_gone = threading.Event()
        embedding = Embedding(self.session, texts, self._asker(self._is_gone))
        embedded, bill = await self.workers.do(embedding.ask)
        if not self._is_gone.is_set():
            self.finish(shapes.embeddings(embedded, texts.model, bill, in_base64=in_base64))


class PaidChats(PaidRoute):
    """A chat, answered by a model."""

    async def post(self) -> None:
        """Ask, and answer whole or as it comes."""
        chat = read_chat(bytes(self.body))
        self.body.clear()
        self._is_gone = threading.Event()
        asking = Asking(self.session, chat, self._asker(self._is_gone))
        if chat.is_streamed:
            await self._stream(asking)
        else:
            completion = await asking.completion(self.workers)
            if not self._is_gone.is_set():
                self.finish(completion)

    async def _stream(self, asking: Asking) -> None:
        """Answer in events. Once the first is out, a failure is one too, as the status cannot change."""
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        try:
            async with aclosing(asking.events(self.workers)) as events:
                async for event in events:
                    await self._send(json.dumps(event))
            await self._send("[DONE]")
        except StreamClosedError:
            return
        except Exception as error:
            if not self._headers_written:
                raise
            self.log_exception(type(error), error, None)
            with suppress(StreamClosedError):
                await self._send(json.dumps(_refusal_of(error).body))
        await self.finish()
        if self.request.version == "HTTP/1.0":  # which knows a stream's end by that of its connection
            cast("HTTP1Connection", self.request.connection).close()

    async def _send(self, event: str) -> None:
        self.write(f"data: {event}\n\n")
        await self.flush()
