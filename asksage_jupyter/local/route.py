"""What the service's routes have in common, on Tornado: who is let in, and the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from tornado.httputil import format_timestamp
from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from ..errors import BadInput
from .demo import Demo
from .wire import access_token, fields, flag, framed, is_accepted

STREAM = "/server/query_stream"
_STREAMED = (STREAM, "/server/execute-plugin")

Chunks = AsyncGenerator[dict[str, Any], None]


class DemoRoute(RequestHandler):
    """One route: HTTP 200 whatever happens, the failure in the body's status."""

    @property
    def demo(self) -> Demo:
        """What the service consists of."""
        demo: Demo = self.settings["demo"]
        return demo

    def set_default_headers(self) -> None:
        """Tell the service's own time."""
        self.set_header("Date", format_timestamp(self.demo.clock() / 1e6))

    def prepare(self) -> None:
        """Refuse a credential that is neither the key nor a token of it."""
        if not self.is_accepted():
            self.finish(self.invalid())

    @property
    def credential(self) -> str:
        """The key or the access token that came along."""
        return self.request.headers.get("x-access-tokens", "")

    def is_accepted(self) -> bool:
        """Whether the credential is right."""
        return is_accepted(self.credential, self.demo.key, time.time())

    def invalid(self) -> dict[str, Any]:
        """How a wrong credential is told; the number says whether there was one at all."""
        number = "" if self.request.path.startswith("/user/") else f" [{2 if self.credential else 1}]"
        return {"response": f"Token is invalid{number}", "status": 400}

    def fields(self) -> dict[str, Any]:
        """The request's fields."""
        try:
            return fields(self.request)
        except BadInput:
            return {}  # the real service is as forgiving: the fields are simply missing

    def answer(self, body: dict[str, Any]) -> None:
        """Send the reply."""
        self.finish(body)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer in the service's shape, without a traceback."""
        self.finish({"response": self._reason, "status": status_code})


class TokenExchange(DemoRoute):
    """The API key for an access token."""

    def prepare(self) -> None:
        """Nothing: the key is in the body."""

    def post(self) -> None:
        """Answer with a token when the key is right; whose e-mail it is does not matter here."""
        read = self.fields()
        if not (read.get("api_key") and read.get("email")):
            self.finish({"response": "Missing required fields", "status": "400"})
        elif not is_accepted(str(read["api_key"]), self.demo.key, time.time()):
            self.finish({"response": "Token is invalid", "status": "400"})
        else:
            token = access_token(self.demo.key, time.time())
            self.finish({"response": {"access_token": token}, "status": "200"})


class Plain(DemoRoute):
    """A route whose answer is a function of the fields."""

    def initialize(self, answered: Callable[[Demo, Mapping[str, Any]], dict[str, Any]]) -> None:
        """Take the function."""
        self._answered = answered

    def post(self) -> None:
        """Answer."""
        self.answer({"status": 200} | self._answered(self.demo, self.fields()))

    get = post


class Open(Plain):
    """Such a route that needs no key."""

    def is_accepted(self) -> bool:
        """Whoever asks."""
        return True


class Generated(DemoRoute):
    """A route that the model answers; a client that goes away stops it."""

    _work: asyncio.Task[None] | None = None

    def initialize(self, chunks: Callable[[Demo, Mapping[str, Any]], Chunks]) -> None:
        """Take what makes the chunks of the reply, the whole one last."""
        self._chunks = chunks

    async def post(self) -> None:
        """Answer, whole or in chunks."""
        self._work = asyncio.ensure_future(self._answer(self.fields()))
        # wait, not await: cancelling the work is no failure of this handler.
        await asyncio.wait([self._work])
        if not self._work.cancelled():
            self._work.result()

    def on_connection_close(self) -> None:
        """Stop the model: nobody is listening."""
        if self._work is not None:
            self._work.cancel()

    async def _answer(self, read: Mapping[str, Any]) -> None:
        path = self.request.path
        async with aclosing(self._chunks(self.demo, read)) as chunks:
            if path in _STREAMED or (path == "/server/query" and flag(read.get("streaming"))):
                await self._stream(chunks)
                return
            async for chunk in chunks:
                last = chunk
            self.answer(last)

    async def _stream(self, chunks: Chunks) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        try:
            async for chunk in chunks:
                self.write(framed(chunk))
                await self.flush()
            await self.finish()
        except StreamClosedError:
            return  # closing the chunks stops the model
