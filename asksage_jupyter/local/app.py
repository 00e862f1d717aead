"""The routes of the local service, on Tornado."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler

from ..account import Meter
from ..errors import BadInput
from . import accounting
from .answer import NOTICE, PERSONAS, Demo, replies
from .engine import CONTEXT
from .wire import access_token, fields, flag, framed, is_accepted, whole

# What Ask Sage's own tokenizer adds to every text.
_WRAPPER = 19
_STREAM = "/server/query_stream"
_BAD_KEY = {"response": "Token is invalid [1]", "status": 400}


def application(demo: Demo) -> Application:
    """The service as a Tornado application."""
    routes: list[tuple[str, type[Route]]] = [("/user/get-token-with-api-key", Exchange)]
    routes += [(path, Query) for path in ("/server/query", _STREAM)]
    routes += [(path, Plain) for path in _PLAIN]
    return Application([(*route, {"demo": demo}) for route in routes], log_function=lambda _: None)


class Route(RequestHandler):
    """One route: HTTP 200 whatever happens, the failure in the body's status."""

    def initialize(self, demo: Demo) -> None:
        """Take what the service consists of."""
        self.demo = demo

    def prepare(self) -> None:
        """Refuse a credential that is neither the key nor a token of it."""
        given = self.request.headers.get("x-access-tokens", "")
        if not is_accepted(given, self.demo.key, time.time()):
            self.finish(_BAD_KEY)

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer in the service's shape, without a traceback."""
        self.finish({"response": self._reason, "status": status_code})


class Exchange(Route):
    """The API key for an access token."""

    def prepare(self) -> None:
        """Nothing: the key is in the body."""

    def post(self) -> None:
        """Answer with a token when the key is right; whose e-mail it is does not matter here."""
        read = _fields(self)
        if not is_accepted(str(read.get("api_key", "")), self.demo.key, time.time()):
            self.finish(_BAD_KEY)
            return
        token = access_token(self.demo.key, str(read.get("email", "")), time.time())
        self.finish({"response": {"access_token": token}, "status": "200"})


class Plain(Route):
    """A route whose answer is a function of the fields."""

    def post(self) -> None:
        """Answer."""
        self.finish(_PLAIN[self.request.path](self.demo, _fields(self)) | {"status": 200})


class Query(Route):
    """A prompt; a client that goes away stops the model."""

    _work: asyncio.Task[None] | None = None

    async def post(self) -> None:
        """Answer, whole or in chunks."""
        self._work = asyncio.ensure_future(self._answer(_fields(self)))
        # wait, not await: cancelling the work is no failure of this handler.
        await asyncio.wait([self._work])
        if not self._work.cancelled():
            self._work.result()

    def on_connection_close(self) -> None:
        """Stop the model: nobody is listening."""
        if self._work is not None:
            self._work.cancel()

    async def _answer(self, read: Mapping[str, Any]) -> None:
        async with aclosing(replies(self.demo, read)) as chunks:
            if self.request.path == _STREAM or flag(read.get("streaming")):
                await self._stream(chunks)
                return
            async for chunk in chunks:
                last = chunk
            self.finish(last)

    async def _stream(self, chunks: AsyncIterator[dict[str, Any]]) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        try:
            async for chunk in chunks:
                self.write(framed(chunk))
                await self.flush()
            await self.finish()
        except StreamClosedError:
            return  # closing the chunks stops the model


def _fields(route: Route) -> dict[str, Any]:
    try:
        return fields(route.request)
    except BadInput:
        return {}  # the real service is as forgiving: the fields are simply missing


def _full_user(demo: Demo, _: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "response": {
            "email": demo.email,
            "max_tokens": demo.counters.allotment,
            "max_train_tokens": demo.counters.allotment,
            "plan_type": "local demo",
            "force_models": None,
            "enabled_models": None,
            # The real route sends secrets too; a client must drop them. This one opens nothing.
            "mfa_secret": "DECOY-NOT-A-SECRET",
        }
    }


def _models(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    listed = {
        "id": demo.model,
        "name": demo.model,
        "object": "model",
        "created": "na",
        "owned_by": "local demo",
    }
    full = {
        "id": demo.model,
        "display_name": f"{demo.model} (local demo)",
        "aliases": [],
        "capabilities": ["chat"],
        "cui_capable": False,
        "tier": "demo",
        "vendor": "local demo",
        "limits": {"max_context": CONTEXT, "max_output": demo.output_limit},
        "paid_only": False,
        "date_added": None,
        "deprecation": None,
        "token_conversion_rate": accounting.CATALOG_RATE,
    }
    response = [full] if read.get("format") == "full" else [demo.model]
    return {"object": "list", "data": [listed], "response": response}


def _tokenizer(_: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    count = _count(read) + _WRAPPER
    if flag(read.get("convert_to_asksage")):
        count = accounting.converted(count, whole(read, "completion_estimate", 0))
    return {"response": str(count)}


def _train(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    if demo.counters.left(Meter.TRAINING) <= 0:
        return {
            "response": "Sorry, you have used all of your training tokens for this month.",
            "embedding": None,
        }
    count = _count(read)
    demo.counters.book(
        Meter.TRAINING,
        accounting.taught(count),
        model=demo.model,
        input_tokens=count,
        prompt_length=len(str(read.get("content") or "")),
    )
    return {"response": f"Counted and not stored. {NOTICE}", "embedding": None}


def _logs(demo: Demo, read: Mapping[str, Any]) -> dict[str, Any]:
    before = whole(read, "before_id", 0) or None
    return {"response": demo.counters.log(min(max(whole(read, "limit", 100), 1), 100), before)}


def _personas(_: Demo, __: Mapping[str, Any]) -> dict[str, Any]:
    listed = [{"id": id_, "name": name, "description": text} for id_, (name, text) in PERSONAS.items()]
    return {"response": listed}


def _count(read: Mapping[str, Any]) -> int:
    from ..tokens import count

    return count(str(read.get("content") or ""))


_PLAIN: dict[str, Callable[[Demo, Mapping[str, Any]], dict[str, Any]]] = {
    "/user/validate_token_with_full_user": _full_user,
    "/user/get-user-logs": _logs,
    "/server/get-models": _models,
    "/server/tokenizer": _tokenizer,
    "/server/train": _train,
    "/server/get-personas": _personas,
    "/server/get-datasets": lambda demo, read: {"response": []},
    "/server/count-monthly-tokens": lambda demo, read: {"response": demo.counters.used(Meter.INFERENCE)},
    "/server/count-monthly-teach-tokens": lambda demo, read: {"response": demo.counters.used(Meter.TRAINING)},
    "/server/count-monthly-tokens-left-with-org": lambda demo, read: {
        "response": demo.counters.left(Meter.INFERENCE)
    },
}
