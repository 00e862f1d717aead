"""The text that the pieces of a stream add up to, whether each carries what is new or all so far."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import ServiceError
from ..records import Answer
from .failures import lost
from .scalars import member, without_blank_lines
from .wire import Body

_TELLING = 16  # characters that a text does not begin with twice by chance
_ON_THE_WAY = "yield"  # the type of a piece that more follow: what it says of usage is no bill
_SURE = 3  # pieces in a row, each longer and beginning with the one before: they carry all so far


class Transcript:
    """The text so far; its repr shows nothing.

    Notes
    -----
    Which of the two a tenant's pieces carry is not told. A piece that begins with all before it carries all
    so far, unless a later one does not. The closing piece carries the whole text, or the last words.
    """

    __slots__ = (
        "_billed",
        "_first",
        "_grown",
        "_joined",
        "_last",
        "_latest",
        "_marked",
        "_raw",
        "_shown",
        "_texts",
    )

    def __init__(self) -> None:
        self._raw = self._shown = self._first = ""
        self._joined = ""  # if each piece carries what is new
        self._latest: str | None = ""  # if each carries all so far; None once one did not
        self._grown = 0  # pieces in a row that did
        self._last: Body | None = None  # the last piece with text
        self._marked = False  # whether that one had the members of a whole reply
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
        has_bill = piece.usage.is_paid and piece.get("type") != _ON_THE_WAY
        if has_bill:
            self._billed = piece
        if not (message := piece.message):
            return
        self._first = self._first if self._texts else message
        is_marked = _is_marked(piece)
        closes = has_bill or (is_marked and not self._marked)
        if self._texts and self._is_whole(message, closes=closes):
            self._joined = self._latest = self._raw = message
        else:
            self._grow(message)
        self._last, self._marked, self._texts = piece, is_marked, self._texts + 1

    def _is_whole(self, message: str, *, closes: bool) -> bool:
        """Whether a piece that need not begin to the letter like those before it carries the whole text."""
        whole, joined = message.strip(), self._joined.strip()
        if len(joined) >= _TELLING and whole.startswith(joined):
            return True
        if not closes:
            return False
        so_far = (self._latest or "").strip()
        alike = len(whole) >= _TELLING and any(
            each[:_TELLING] == whole[:_TELLING] for each in (joined, so_far)
        )
        return alike or len(whole) >= len(joined) or (bool(so_far) and whole.startswith(so_far))

    def _grow(self, message: str) -> None:
        latest = self._latest
        if latest is None or not message.startswith(latest):
            # After enough that carried all so far, the odd one out only adds.
            before = latest if latest is not None and self._grown >= _SURE else self._joined
            self._latest, self._joined = None, before + message
            self._raw = self._joined
            return
        is_longer = len(message) > len(latest)
        self._grown += is_longer
        self._latest = message
        # No longer kept once it is sure: so many texts would fill the memory.
        self._joined = message if self._grown > _SURE else self._joined + message
        # What says the same again is no text so far: nobody would send that.
        self._raw = message if is_longer else self._joined

    def show(self, on_text: Callable[[str], None]) -> None:
        """Tell the text if it is new and sure to be one."""
        if self.text != self._shown and not self._may_be_refusal:
            self._shown = self.text
            on_text(self._shown)

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
        if failure := self._refusal(closing):
            return failure
        return closing.as_answer(self._raw)

    @property
    def _may_be_refusal(self) -> bool:
        """Whether all so far is a failure dressed as an answer, perhaps."""
        return self._last is not None and self._refusal(self._last) is not None

    def _refusal(self, piece: Body) -> ServiceError | None:
        """Why `piece`, without a bill, is no answer: a model's is not all there with the first piece."""
        came_at_once = self._first.strip() == self._raw.strip()
        return piece.soft_failure() if came_at_once and not self.is_billed else None


def _is_marked(piece: Body) -> bool:
    """Whether a piece has what only the whole reply need have."""
    is_whole = (
        piece.get("type") not in (None, _ON_THE_WAY) or member(piece.get("provenance"), "model") is not None
    )
    return is_whole or isinstance(piece.get("uuid"), str)
