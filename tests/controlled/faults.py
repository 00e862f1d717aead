"""The demo's routes with what goes wrong on them, as `controls.FaultKind` names it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from tornado.iostream import StreamClosedError

from asksage_jupyter.local.answer import sorry
from asksage_jupyter.local.app import Placed
from asksage_jupyter.local.compatible import Compatible, Provider
from asksage_jupyter.local.embeddings import Embeddings
from asksage_jupyter.local.route import Chunks, DemoRoute, Generated, Open, Plain, TokenExchange
from asksage_jupyter.local.wire import framed
from controlled import jobs, requests
from controlled.controls import FaultKind, mistyped

_QUOTA = "Token quota exceeded for the user or plan"
_PAID = ("/server/train", "/server/train-with-file")
_ANSWERED = {
    "/user/request-tokens": requests.request_tokens,
    "/server/train-with-file": jobs.train_with_file,
    "/server/train-with-file-status": jobs.status,
}


class Faulty(DemoRoute):
    """A route whose calls are counted, refused, garbled or lost, as faults have it."""

    def prepare(self) -> None:
        super().prepare()
        if self._finished:
            return
        controls, path = self.demo.controls, self.request.path
        controls.calls += 1
        if controls.take(FaultKind.INVALID_TOKEN, path):
            self.finish(self.invalid())
        elif controls.take(FaultKind.OVERLOADED, path):
            self.finish(self.overloaded())
        elif limited := controls.take(FaultKind.RATE_LIMIT, path):
            self.set_status(429)
            self.set_header("Retry-After", str(limited.retry_after_s))
            self.finish({"response": "Too many requests", "status": 429})
        elif controls.take(FaultKind.QUOTA, path):
            self.set_status(429)
            self.finish({"response": _QUOTA, "status": 429})

    def overloaded(self) -> dict[str, Any]:
        return {"response": "Overloaded, please try again later.", "status": 503}

    def answer(self, body: dict[str, Any]) -> None:
        take, path = self.demo.controls.take, self.request.path
        if take(FaultKind.WRONG_TYPES, path):
            body = mistyped(body)
        if self.is_paid and take(FaultKind.DROP_REPLY, path):
            self.hang_up()
        else:
            self.finish(body)

    @property
    def is_paid(self) -> bool:
        return self.request.path in _PAID

    def hang_up(self) -> None:
        """Close the connection in the middle of the reply."""
        self.detach().close()


class FaultyPlain(Faulty, Plain):
    pass


class FaultyOpen(Faulty, Open):
    pass


class FaultyGenerated(Faulty, Generated):
    is_paid = True

    def overloaded(self) -> dict[str, Any]:
        """A soft error, dressed as an answer."""
        return sorry("the model is overloaded, please try again later")

    async def _stream(self, chunks: Chunks) -> None:
        take, path = self.demo.controls.take, self.request.path
        unheard = take(FaultKind.DROP_REPLY, path) is not None
        breaks = take(FaultKind.DROP_STREAM, path)
        garbled = take(FaultKind.WRONG_TYPES, path) is not None
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        sent = 0
        try:
            async for chunk in chunks:
                if breaks is not None and sent >= breaks.chunks:
                    break
                if not unheard:
                    self.write(framed(mistyped(chunk) if garbled else chunk))
                    await self.flush()
                    sent += 1
            if unheard or breaks is not None:
                # Stops the model first, so that the bill is there when the client learns of the break.
                await chunks.aclose()
                self.hang_up()
            else:
                await self.finish()
        except StreamClosedError:
            return  # closing the chunks stops the model


class FaultyProvider(Provider):
    def prepare(self) -> None:
        super().prepare()
        if not self._finished and self.demo.controls.take(FaultKind.QUOTA, self.request.path):
            self.refuse(429, _QUOTA, "insufficient_quota")


class FaultyCompatible(FaultyProvider, Compatible):
    pass


class FaultyEmbeddings(FaultyProvider, Embeddings):
    pass


_KINDS: dict[type[DemoRoute], type[DemoRoute]] = {
    TokenExchange: TokenExchange,  # never, so that a client can sign in again
    Plain: FaultyPlain,
    Open: FaultyOpen,
    Generated: FaultyGenerated,
    Compatible: FaultyCompatible,
    Embeddings: FaultyEmbeddings,
}


def faulty(placed: Placed) -> Placed:
    """The same route with its faults."""
    path, kind, told = placed
    if "chunks" in told:
        told = {"chunks": _faulty(told["chunks"])}
    elif path in _ANSWERED:
        told = {"answered": _ANSWERED[path]}
    return path, _KINDS[kind], told


def _faulty(chunks: Callable[[Any, Mapping[str, Any]], Chunks]) -> Callable[[Any, Mapping[str, Any]], Chunks]:
    """A whole reply may be an error with a reference, though it is billed, or tell no bill."""

    async def told(demo: Any, read: Mapping[str, Any]) -> Chunks:
        async with aclosing(chunks(demo, read)) as replies:
            async for chunk in replies:
                if chunk.get("provenance") and demo.controls.take(FaultKind.ERROR_REF):
                    chunk = {"response": "Internal error", "status": 500, "error_ref": uuid.uuid4().hex}
                elif chunk.get("usage") and demo.controls.take(FaultKind.NO_USAGE):
                    chunk = chunk | {"usage": None}
                yield chunk

    return told
