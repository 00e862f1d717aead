"""A streamed reply: pieces between separators, and the text they add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx

from ..errors import ReplyLost, ServiceError
from .bounded import LONGEST_TEXT, within
from .records import Answer
from .transport import cut_off
from .wire import Body, is_sorry, lost, without_blank_lines

SEPARATOR = b"@|@sep@|@"
ESCAPE = b"@|@@sep@@|@"  # the separator, where it is part of the text


class Splitter:
    """Cuts network reads into pieces; separators and UTF-8 may be split anywhere between reads."""

    __slots__ = ("_buffer", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The pieces that are complete now."""
        self._buffer += data
        pieces = []
        while (end := self._buffer.find(SEPARATOR, self._searched)) >= 0:
            pieces.append(bytes(self._buffer[:end]).replace(ESCAPE, SEPARATOR))
            del self._buffer[: end + len(SEPARATOR)]
            self._searched = 0
        # What was searched is not searched again, but for a separator that has only begun.
        self._searched = max(0, len(self._buffer) - len(SEPARATOR) + 1)
        return pieces

    @property
    def waiting(self) -> int:
        """Bytes of the piece that is not complete."""
        return len(self._buffer)

    def rest(self) -> bytes:
        """What follows the last separator: the last piece, or what came of it."""
        return bytes(self._buffer).replace(ESCAPE, SEPARATOR)


class Transcript:
    """The text so far, whether pieces carry what is new or all of it; its repr shows nothing."""

    __slots__ = ("_before", "_billed", "_last", "_raw", "_shown", "_texts")

    def __init__(self) -> None:
        self._raw = self._shown = ""
        self._before = ""  # the text ahead of the last piece that carried some
        self._last: Body | None = None  # that piece
        self._billed: Body | None = None
        self._texts = 0

    @property
    def text(self) -> str:
        """The text so far, without leading blank lines."""
        return without_blank_lines(self._raw)

    @property
    def has_begun(self) -> bool:
        """Whether a model has said anything, be it a blank."""
        return self._texts > 0

    @property
    def is_billed(self) -> bool:
        """Whether the closing piece, the one with the bill, has arrived."""
        return self._billed is not None

    def add(self, piece: Body) -> None:
        """Take in one piece; those without text count only for their bill."""
        if piece.has_bill:
            self._billed = piece
        message = piece.get("message")
        if not isinstance(message, str) or not message:
            return
        self._before, self._last, self._texts = self._raw, piece, self._texts + 1
        self._raw = message if message.startswith(self._raw) else self._raw + message

    def show(self, on_text: Callable[[str], None]) -> None:
        """Tell the text if it is new and sure to be one."""
        if self.text != self._shown and not self._may_be_refusal:
            self._shown = self.text
            on_text(self._shown)

    def close(self) -> None:
        """Take the last piece for the whole text if it is the closing envelope, not just the last words."""
        if self._last is None or not (self._last.has_bill or isinstance(self._last.get("uuid"), str)):
            return
        message = self._last.get("message")
        if len(message.strip()) >= len(self._before.strip()):
            self._raw = message

    def answer(self, *, framed: bool) -> Answer | ServiceError:
        """The whole reply, or why there is none.

        Parameters
        ----------
        framed : bool
            Whether HTTP itself tells a whole body from one that was cut off.
        """
        closing = self._billed or self._last
        if closing is None or not (framed or self.is_billed):
            return lost("the stream ended before the whole reply", None, self.text)
        if self._may_be_refusal and (failure := closing.soft_failure()):
            return failure
        return closing.as_answer(self._raw)

    @property
    def _may_be_refusal(self) -> bool:
        """Whether all so far is one "Sorry, ..." without a bill: a failure dressed as an answer, perhaps."""
        return self._texts == 1 and not self.is_billed and is_sorry(self._raw)


def read(response: httpx.Response, on_text: Callable[[str], None], hide: Callable[[str], str]) -> Answer:
    """Read a streamed reply to its end.

    Parameters
    ----------
    response : httpx.Response
        Opened, not read.
    on_text : callable
        Called with the whole text so far whenever it grows; what it raises passes untouched.
    hide : callable
        Takes the key out of the service's words.

    Raises
    ------
    Refused
        The service failed before any text.
    ReplyLost
        It failed, or the connection did, before the whole reply; its `text` is what had arrived.
    """
    transcript = Transcript()
    for piece in _pieces(response, hide):
        if failure := _failure(piece, transcript):
            if transcript.is_billed:
                break
            raise failure
        if isinstance(piece, Body):
            transcript.add(piece)
            transcript.show(on_text)
    transcript.close()
    outcome = transcript.answer(framed=is_framed(response))
    if isinstance(outcome, ServiceError):
        raise outcome
    transcript.show(on_text)
    return outcome


def is_framed(response: httpx.Response) -> bool:
    """Whether HTTP itself tells a whole body from one that was cut off."""
    return "content-length" in response.headers or "transfer-encoding" in response.headers


def _failure(piece: Body | ReplyLost, transcript: Transcript) -> ServiceError | None:
    """What is wrong with a piece; after the first text, nothing is certain any more."""
    if isinstance(piece, ReplyLost):
        piece.text = transcript.text
        return piece
    if len(transcript.text) > LONGEST_TEXT:
        return lost("the reply was given up: it does not end", None, transcript.text)
    if failure := piece.failure():
        if transcript.has_begun:
            return lost(f"Ask Sage failed in its reply ({piece.told})", failure.status, transcript.text)
        return failure
    return None if piece.is_object else lost("Ask Sage's reply could not be read", None, transcript.text)


def _pieces(response: httpx.Response, hide: Callable[[str], str]) -> Iterator[Body | ReplyLost]:
    """The pieces, decoded; last, if the connection broke, how."""
    splitter = Splitter()
    broke: ReplyLost | None = None
    path, http = response.request.url.path, response.status_code
    try:
        for data in response.iter_bytes():
            within(splitter.waiting + len(data))
            for piece in splitter.feed(data):
                if piece.strip():
                    yield Body(piece, http, path, hide)
    except httpx.HTTPError as error:
        # Not raised here: this frame holds pieces of the reply.
        broke = cut_off(error, response.request)
    rest = splitter.rest()
    body = Body(rest, http, path, hide)
    # A closing piece may lack its separator; one cut short has no bill.
    if rest.strip() and (broke is None or body.has_bill):
        yield body
    if broke is not None:
        yield broke
