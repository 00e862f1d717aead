"""One reply of the service, decoded: its figures whatever their shape, and what its failures mean.

The HTTP status is 200 even on most failures, so the body's own status counts as well. What is wrong is
returned as an error, not raised: raising is left to frames that hold no reply, key or prompt.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

from ..display.plain import plain
from ..errors import (
    BadKey,
    NoRoute,
    OutOfTokens,
    Refused,
    ReplyLost,
    ServiceError,
    Unavailable,
    spoken,
)
from .meaning import Meaning, limit_named, meaning_of
from .records import Answer

Pairs = list[tuple[str, Any]]

_LONGEST_TOLD = 240
_WHOLE = re.compile(r"\s*([+-]?\d{1,18})(\.0*)?\s*")


def whole(value: object) -> int | None:
    """An integer, however it is written: ``411``, ``" 411 "``, ``63.0``; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float):
        # A part of a token is booked as a whole one.
        return math.ceil(value) if math.isfinite(value) and abs(value) < 1e18 else None
    if isinstance(value, str):
        found = _WHOLE.fullmatch(value)
        return int(found[1]) if found else None
    return value if isinstance(value, int) and abs(value) < 10**18 else None


def natural(value: object) -> int | None:
    """An integer that is not below zero, however it is written; None for anything else."""
    number = whole(value)
    return number if number is not None and number >= 0 else None


def seconds(value: object) -> float | None:
    """A number of seconds that is not below zero, however it is written; None for anything else."""
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < math.inf else None


def flag(value: object) -> bool:
    """Whether a value means yes, however it is written: ``true``, ``1``, ``"True"``."""
    return str(value).strip().lower() in ("true", "1", "yes")


def text_in(value: object) -> str | None:
    """A text without blanks around it; None for an empty one and anything else."""
    return value.strip() or None if isinstance(value, str) else None


def member(value: object, key: str) -> Any:
    """``value[key]`` of a JSON object; None of anything else."""
    return value.get(key) if isinstance(value, dict) else None


def one_line(text: str) -> str:
    """The service's own words on one line, shortened."""
    words = " ".join(plain(text).split())
    return words if len(words) <= _LONGEST_TOLD else f"{words[:_LONGEST_TOLD]}…"


class Body:
    """A decoded body; its repr shows nothing of it.

    Parameters
    ----------
    content : bytes
    http : int
        The HTTP status it came with.
    path : str
        The route that was asked.
    hide : callable
        Takes the key out of the service's words before they are shown.
    keep : callable, optional
        Picks what of each JSON object is kept at all.
    retry_after_s : float, optional
        How long its headers say to wait before it is asked again.
    """

    __slots__ = ("_hide", "_http", "_path", "_retry_after_s", "value")

    def __init__(
        self,
        content: bytes,
        http: int,
        path: str,
        hide: Callable[[str], str],
        keep: Callable[[Pairs], object] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self._http, self._path, self._hide = http, path, hide
        self._retry_after_s = retry_after_s
        try:
            self.value = json.loads(content, object_pairs_hook=keep)
        except (ValueError, RecursionError):
            self.value = None

    @property
    def http(self) -> int:
        """The HTTP status it came with."""
        return self._http

    @property
    def is_object(self) -> bool:
        """Whether it is a JSON object, as all native replies are."""
        return isinstance(self.value, dict)

    @property
    def is_envelope(self) -> bool:
        """Whether it is what an Ask Sage wraps its answers in, its refusals too."""
        return self.is_object and not {"response", "status", "data"}.isdisjoint(self.value)

    def get(self, key: str) -> Any:
        """A member of the body; None where it is absent."""
        return member(self.value, key)

    @property
    def response(self) -> Any:
        """What the envelope carries; the body itself where a tenant sends none."""
        return self.get("response") if self.is_object else self.value

    @property
    def bill(self) -> tuple[int | None, int | None, int | None]:
        """Ask Sage tokens, input tokens and output tokens; from flat or nested usage."""
        usage = self.get("usage")
        model_tokens = member(usage, "model_tokens")
        return (
            _figure(usage, "asksage_tokens"),
            _figure(model_tokens, "prompt_tokens", _figure(usage, "prompt_tokens")),
            _figure(model_tokens, "completion_tokens", _figure(usage, "completion_tokens")),
        )

    @property
    def has_bill(self) -> bool:
        """Whether any figure of usage is there."""
        return self.bill != (None, None, None)

    def failure(self) -> ServiceError | None:
        """What went wrong by the HTTP status and the body's own; None if nothing did."""
        http, status = self._http, self.status
        code = status if status >= 400 else http
        if code < 300 and not self.get("error"):
            return None
        told, meaning = self.told, self._meaning
        if (self.bill[0] or 0) > 0:
            return lost(f"Ask Sage failed and reports a debit ({told})", code, self._message)
        if meaning is Meaning.OUT_OF_TOKENS or 402 in (http, status):
            return self._out_of_tokens(told, code)
        if code >= 400 and (401 in (http, status) or meaning is Meaning.BAD_KEY):
            return bad_key(told, code)
        if http in (404, 405) and not self._is_wrapped:
            return NoRoute(
                f"this Ask Sage has no route {self._path} (HTTP {http}). Nothing was billed; where it is "
                "one that every Ask Sage has, check the address (ASKSAGE_URL).",
                status=http,
            )
        return self._failure_of(code, told, meaning)

    def _failure_of(self, code: int, told: str, meaning: Meaning) -> ServiceError:
        """What a failure means that is neither of the key nor of the tokens nor of the route."""
        codes = {self._http, self.status}
        if {429, 503} & codes or (409 in codes and self.retry_after_s is not None):
            return busy(told, code, self.retry_after_s)
        if max(codes) >= 500:
            # Something failed after the request was taken in: the specification does not say what is billed.
            return lost(f"Ask Sage or a gateway before it failed ({told})", code, self._message)
        if meaning is Meaning.BUSY and code >= 400:
            return busy(told, code, self.retry_after_s)
        if self._http == 413:
            return refused(f"the prompt or the file is too large ({told})", code)
        return refused(told, code)

    @property
    def status(self) -> int:
        """The body's own status; 0 where it has none."""
        return whole(self.get("status")) or 0

    @property
    def retry_after_s(self) -> float | None:
        """How long the service says to wait, in its headers or in the body; None where it does not."""
        inside = seconds(self.get("retry_after"))
        return self._retry_after_s if inside is None else inside

    @property
    def told(self) -> str:
        """The service's own words on a failure, on one line and without the key; else its code."""
        words = next((text for text in self._words if not _is_code(text)), next(iter(self._words), ""))
        told = one_line(self._hide(words)) or f"HTTP {self._http}"
        reference = self.get("error_ref") or member(self.get("error"), "error_ref")
        return f"{told} (reference {one_line(self._hide(str(reference)))})" if reference else told

    @property
    def _words(self) -> list[str]:
        """All that a failure says for people, then its codes."""
        error = self.get("error")
        inner = [member(error, key) for key in ("message", "detail", "code", "type", "status", "reason")]
        found = [error, inner[0], self.response, self._message, self.get("detail"), *inner[1:]]
        texts = [str(each) if type(each) is int else each for each in found]
        return [text.strip() for text in texts if isinstance(text, str) and text.strip() not in ("", "OK")]

    @property
    def _meaning(self) -> Meaning:
        meanings = {meaning_of(text) for text in self._words}
        return next((each for each in Meaning if each in meanings), Meaning.OTHER)

    @property
    def _is_wrapped(self) -> bool:
        """Whether an Ask Sage or a provider behind it wrote this failure, and no gateway before them."""
        return self.is_object and ("response" in self.value or isinstance(self.get("error"), dict))

    def _out_of_tokens(self, told: str, code: int | None) -> OutOfTokens:
        return OutOfTokens(told, status=code, limit=limit_named(" ".join([told, *self._words])))

    @property
    def said(self) -> str:
        """The service's own words on a success, on one line and without the key; empty if there are none."""
        response = self.response
        words = (response, member(response, "message"), self._message, member(response, "status"))
        found = next((text for text in map(text_in, words) if text not in (None, "OK")), None)
        return one_line(self._hide(found or ""))

    @property
    def _message(self) -> str:
        message = self.get("message")
        return message if isinstance(message, str) else ""

    def answer(self) -> Answer | ServiceError:
        """The whole reply to a query, or why there is none."""
        if failure := self.failure():
            return failure
        if not self.is_object:
            return lost("Ask Sage's reply could not be read", self._http)
        if not isinstance(self.get("message"), str) and not self.has_bill:
            soft = self.soft_failure(self.response)
            return soft or lost("Ask Sage's reply holds no text", self._http)
        return self.soft_failure() or self.as_answer(self._message)

    def soft_failure(self, words: object = None) -> ServiceError | None:
        """A failure dressed as an answer: "Sorry, ..." that nothing was billed for.

        Parameters
        ----------
        words : object, optional
            In place of the message.
        """
        text = words if isinstance(words, str) else self._message
        if self.has_bill or not (is_sorry(text) or self._is_notice(text)):
            return None
        told = one_line(self._hide(text))
        meaning = meaning_of(text)
        if meaning is Meaning.OUT_OF_TOKENS:
            return self._out_of_tokens(told, self._http)
        return busy(told, self._http) if meaning is Meaning.BUSY else refused(told, self._http)

    def _is_notice(self, text: str) -> bool:
        """Whether the service itself says that the tokens are used up, and no model speaks of such things."""
        is_of_service = self.get("type") == "teach" or text is self.response
        return is_of_service and meaning_of(text) is Meaning.OUT_OF_TOKENS

    def as_answer(self, text: str) -> Answer:
        """The reply's figures around `text`."""
        tokens, input_tokens, output_tokens = self.bill
        model = member(self.get("provenance"), "model")
        request_id, references = self.get("uuid"), self.get("references")
        return Answer(
            text=without_blank_lines(text),
            model=_label(model),
            tokens=tokens,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            request_id=_label(request_id),
            references=references if isinstance(references, str) else "",
        )


def _is_code(text: str) -> bool:
    """Whether a text is for machines, such as ``content_filter``."""
    return " " not in text and ("_" in text or text.isdigit() or text.isupper())


def _label(value: object) -> str | None:
    """A name as it can be shown and stored; None of anything else."""
    return one_line(value) or None if isinstance(value, str) else None


def _figure(usage: object, key: str, otherwise: int | None = None) -> int | None:
    figure = natural(member(usage, key))
    return otherwise if figure is None else figure


def is_sorry(message: str) -> bool:
    """Whether a message begins like the service's soft errors."""
    return message.lstrip().startswith("Sorry,")


def without_blank_lines(text: str) -> str:
    """The text from its first line that is not blank; that line's indentation stays."""
    start = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, start) + 1 :]


def bad_key(told: str, status: int | None) -> BadKey:
    """The key or the JWT was not accepted."""
    return BadKey(
        f"Ask Sage did not accept the key ({told}): check ASKSAGE_API_KEY and ASKSAGE_EMAIL, "
        f"or run {spoken('login')}.",
        status=status,
    )


def busy(told: str, status: int | None, retry_after_s: float | None = None) -> Unavailable:
    """Overloaded or rate-limited."""
    return Unavailable(
        f"Ask Sage is busy ({told}); nothing was billed: try again {_when(retry_after_s)}.",
        status=status,
        retry_after_s=retry_after_s,
    )


def _when(wait_s: float | None) -> str:
    if not wait_s:
        return "later"
    if wait_s < 120:
        return f"in {math.ceil(wait_s)} s"
    return f"in {math.ceil(wait_s / 60)} minutes" if wait_s < 7200 else f"in {math.ceil(wait_s / 3600)} hours"


def refused(told: str, status: int | None) -> Refused:
    """Certainly not billed, and not worth another try."""
    return Refused(
        f"Ask Sage refused: {told}{'' if told[-1:] in '.!?' else '.'} Nothing was billed.", status=status
    )


def lost(reason: str, status: int | None, text: str = "") -> ReplyLost:
    """It may have been billed."""
    return ReplyLost(f"{reason}: it may have been billed.", status=status, text=text)
