"""One request on its way: asked as a cell is, told whole or as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import Interrupted, NeedsConfirmation
from ..session import Reply, build_query
from ..session.asking.prompt import ask
from ..session.origins.booking import booked
from ..session.origins.origin import apart
from ..session.training.embed import embed
from . import shapes
from .cutting import cut

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from ..account import Bill
    from ..service import Embedded
    from ..session import Session
    from ..session.training.embed import Texts
    from .chat import Chat
    from .workers import Workers

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and whether they still wait.

    Attributes
    ----------
    client : str
        As the log names it.
    is_gone : threading.Event
        Set once nobody waits any more. What is not sent by then is not sent; a stream is stopped as a cell
        is, and its hold stays open; a reply that comes whole is waited for, so that its bill is known.
    count : callable
        Called with what each reply was billed, None where that is not told.
    """

    client: str
    is_gone: threading.Event
    count: Callable[[int | None], None]

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Book what is asked within as theirs.

        Raises
        ------
        Interrupted
            They are gone already.
        """
        if self.is_gone.is_set():
            raise Interrupted(None, "nothing was sent: who asked is gone.")
        with apart(), booked(client=self.client):
            yield


class Asking:
    """A chat request on its way."""

    def __init__(self, session: Session, chat: Chat, asker: Asker) -> None:
        self._session, self._chat, self._asker = session, chat, asker

    def ask(self, on_text: Callable[[str], None] | None = None) -> Reply:
        """Ask, and wait for the whole reply; it blocks.

        Raises
        ------
        BadInput, NotEnoughTokens, Refused, ReplyLost, Interrupted
            As of `session.asking.prompt.ask`.
        """
        chat = self._chat
        with self._asker.asking():
            query = build_query(self._session, chat.prompt, chat.model, chat.options)
            try:
                reply = ask(self._session, replace(query, history=chat.history), on_text=on_text)
            except NeedsConfirmation as error:  # a request cannot confirm: its `max_tokens` is another limit
                how = "an endpoint that is started with a higher AskSage.confirm_above"
                raise NeedsConfirmation(error.estimate, error.limit, how) from None
        self._asker.count(reply.tokens)
        return reply

    async def completion(self, workers: Workers) -> dict[str, Any]:
        """The whole reply in OpenAI's shape; raises as `ask` does."""
        reply = await workers.do(self.ask)
        text, is_cut = cut(reply.text, self._chat.max_tokens)
        return shapes.completion(reply, text, is_cut=is_cut, at=self._session.clock())

    async def events(self, workers: Workers) -> AsyncGenerator[Event, None]:
        """The reply as it comes, in the events of OpenAI's shape; raises as `ask` does."""
        loop, texts = asyncio.get_running_loop(), asyncio.Queue[str | None]()

        def hear(text: str) -> None:
            if self._asker.is_gone.is_set():
                raise KeyboardInterrupt  # closes the connection to the service, as in a cell that is stopped
            loop.call_soon_threadsafe(texts.put_nowait, text)

        def end(asked: asyncio.Task[Reply]) -> None:
            with suppress(asyncio.CancelledError):
                asked.exception()  # where nobody listens any more, nobody else looks at it
            texts.put_nowait(None)

        asked = asyncio.ensure_future(workers.do(lambda: self.ask(hear)))
        asked.add_done_callback(end)
        stream = _Stream(self._chat, self._session.clock())
        while (text := await texts.get()) is not None:
            for event in stream.grown(text):
                yield event
        for event in stream.ended(await asked):
            yield event


class Embedding:
    """A request for vectors on its way."""

    def __init__(self, session: Session, texts: Texts, asker: Asker) -> None:
        self._session, self._texts, self._asker = session, texts, asker

    def ask(self) -> tuple[Embedded, Bill]:
        """Ask, and wait for all of them; it blocks. Raises as `session.training.embed` does."""
        with self._asker.asking():
            embedded, bill = embed(self._session, self._texts)
        self._asker.count(bill.tokens)
        return embedded, bill


class _Stream:
    """What of a growing text was told."""

    def __init__(self, chat: Chat, at: int) -> None:
        self._chunks = shapes.Chunks(chat.model, at)
        self._most, self._wants_usage = chat.max_tokens, chat.wants_usage
        self._told: str | None = None
        self._is_cut = False

    def grown(self, text: str) -> Iterator[Event]:
        """The text is so long by now."""
        if self._told is None:
            self._told = ""
            yield self._chunks.begin()
        if self._is_cut:
            return
        text, self._is_cut = cut(text, self._most)
        # Should it not go on as it began, all of it follows: it is paid for, and what is told stays.
        more = text[len(self._told) :] if text.startswith(self._told) else f"\n\n{text}"
        self._told = text
        if more:
            yield self._chunks.more(more)

    def ended(self, reply: Reply) -> Iterator[Event]:
        """That is all of it."""
        yield from self.grown(reply.text)
        yield self._chunks.end(is_cut=self._is_cut)
        if self._wants_usage:
            yield self._chunks.usage(reply)
