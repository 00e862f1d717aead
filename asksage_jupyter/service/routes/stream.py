"""A streamed reply: bytes as they arrive, cut into pieces and read one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx

from ...errors import ReplyLost, ServiceError
from ..records import Answer
from ..replies.failures import lost
from ..replies.pausing import told_s
from ..replies.transcript import Transcript
from ..replies.wire import Body
from ..way.bounded import LONGEST_TEXT, within
from ..way.transport import cut_off

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
        begun = range(len(SEPARATOR) - 1, 0, -1)
        cut = next((size for size in begun if self._buffer.endswith(SEPARATOR[:size])), 0)
        return bytes(self._buffer[: len(self._buffer) - cut]).replace(ESCAPE, SEPARATOR)


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
    unreadable: Body | None = None
    for piece in _pieces(response, hide):
        if failure := _failure(piece, transcript):
            if transcript.is_billed:
                break
            raise failure
        if isinstance(piece, Body):
            unreadable = unreadable or (None if piece.is_object else piece)
            transcript.add(piece)
            transcript.show(on_text)
    if unreadable is not None and not transcript.is_billed:
        raise unreadable.unreadable(None, transcript.text)
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
            told, tokens = f"Ask Sage failed in its reply ({piece.told})", piece.usage.tokens
            return lost(told, failure.status, transcript.text, tokens)
        return failure
    return None


def _pieces(response: httpx.Response, hide: Callable[[str], str]) -> Iterator[Body | ReplyLost]:
    """The pieces, decoded; last, if the connection broke, how."""
    splitter = Splitter()
    broke: ReplyLost | None = None
    path, http, wait_s = response.request.url.path, response.status_code, told_s(response)
    try:
        for data in response.iter_bytes():
            within(splitter.waiting + len(data))
            for piece in splitter.feed(data):
                if piece.strip():
                    yield Body(piece, http, path, hide, retry_after_s=wait_s)
    except httpx.HTTPError as error:
        # Not raised here: this frame holds pieces of the reply.
        broke = cut_off(error, response.request)
    rest = splitter.rest()
    body = Body(rest, http, path, hide, retry_after_s=wait_s)
    # A closing piece may lack its separator; one cut short has no bill.
    if rest.strip() and (broke is None or body.usage.is_paid):
        yield body
    if broke is not None:
        yield broke
