"""One reply of the service, decoded: its figures whatever their shape, and what its failures mean.

The HTTP status is 200 even on most failures, so the body's own status counts as well. What is wrong is
returned as an error, not raised: raising is left to frames that hold no reply, key or prompt.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

from ...errors import NoRoute, OutOfTokens, ReplyLost, ServiceError
from ..records import Answer
from .failures import bad_key, busy, lost, refused
from .meaning import Meaning, limit_named, meaning_of
from .scalars import (
    is_code,
    is_said,
    is_sorry,
    label,
    list_in,
    member,
    one_line,
    seconds,
    text_in,
    text_of,
    whole,
    without_blank_lines,
)
from .usage import Usage, usage_of

Pairs = list[tuple[str, Any]]

_FAILED = ("error", "failure", "false")  # a status in words; others are states, such as of a request


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
        self._is_page = content.lstrip()[:1] == b"<"

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
    def rows(self) -> list[Any] | None:
        """The list that it carries, also within objects; None where it carries none."""
        carried = list_in(self.response, 1)
        return list_in(self.value, 2) if carried is None else carried

    @cached_property
    def usage(self) -> Usage:
        """What it cost, as far as it tells."""
        inner = usage_of(self.response)
        return inner if inner.is_told else usage_of(self.value)

    @property
    def message(self) -> str | None:
        """A model's text, or what the service says in its place; None where neither is there."""
        return text_of(member(self._reply, "message"))

    @property
    def _reply(self) -> Any:
        """What holds the reply: the body, or what its envelope carries."""
        is_inner = self.get("message") is None and member(self.get("response"), "message") is not None
        return self.get("response") if is_inner else self.value

    def failure(self) -> ServiceError | None:
        """What went wrong by the HTTP status and the body's own; None if nothing did."""
        http, status = self._http, self.status
        code = status if status >= 400 else http
        if code < 300 and not self._is_failed and not is_said(self.get("error")):
            return None
        told, meaning = self.told, self._meaning
        if tokens := self.usage.tokens:
            return lost(f"Ask Sage failed ({told})", code, self._message, tokens)
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
        if code < 300 and not is_said(self.get("error")):
            return lost(f"Ask Sage says that it failed ({told})", code, self._message)
        return refused(told, code)

    @property
    def _is_failed(self) -> bool:
        """Whether its status, which tells no number of a failure, tells one in words."""
        said = str(self.get("status")).strip().lower()
        return said in _FAILED or self.status < 0 or self.get("success") is False

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
        words = next((text for text in self._words if not is_code(text)), next(iter(self._words), ""))
        number = f"HTTP {self._http}" if self._http >= 400 or self.status < 400 else f"status {self.status}"
        told = one_line(self._hide(words)) or number
        reference = self.get("error_ref") or member(self.get("error"), "error_ref")
        return f"{told} (reference {one_line(self._hide(str(reference)))})" if reference else told

    @property
    def _words(self) -> list[str]:
        """All that a failure says for people, then its codes."""
        error = self.get("error")
        error = error[0] if isinstance(error, list) and error else error
        inner = [member(error, key) for key in ("message", "detail", "code", "type", "status", "reason")]
        message = "" if self.usage.is_paid else self._message  # what a model wrote says nothing of a failure
        found = [error, inner[0], self.response, message, self.get("detail"), *inner[1:]]
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
        return self.message or ""

    def answer(self) -> Answer | ServiceError:
        """The whole reply to a query, or why there is none."""
        if failure := self.failure():
            return failure
        if not self.is_object:
            return self.unreadable(self._http)
        if (text := self.message) is None:
            text = "" if self.response == "OK" or not isinstance(self.response, str) else self.response
            if not self.usage.is_told:
                return self.soft_failure(text) or lost("Ask Sage's reply holds no text", self._http, text)
        return self.soft_failure(text) or self.as_answer(text)

    def unreadable(self, status: int | None, text: str = "", *, what: str = "reply") -> ReplyLost:
        """What came in place of Ask Sage's own words; `text` is what had arrived before."""
        page = f"a web page came in place of Ask Sage's {what} (if your network has a login page, sign in)"
        return lost(page if self._is_page else f"Ask Sage's {what} could not be read", status, text)

    def soft_failure(self, words: object = None) -> ServiceError | None:
        """A failure dressed as an answer: "Sorry, ..." that no model wrote.

        Parameters
        ----------
        words : object, optional
            In place of the message.
        """
        text = words if isinstance(words, str) else self._message
        if self.usage.is_paid or not (is_sorry(text) or self._is_notice(text)):
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
        usage, reply = self.usage, self._reply
        references = member(reply, "references")
        return Answer(
            text=without_blank_lines(text),
            model=label(member(member(reply, "provenance"), "model")),
            tokens=usage.tokens,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            request_id=label(member(reply, "uuid")),
            references=references if isinstance(references, str) else "",
        )
