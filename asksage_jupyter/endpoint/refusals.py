"""Why a request was not answered, in OpenAI's error shape."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from ..display.plain import in_terminal, one_line
from ..errors import (
    AskSageError,
    BadInput,
    BadKey,
    NoRoute,
    NoSuchModel,
    NotEnoughTokens,
    NotReached,
    OutOfTokens,
    OverLimit,
    Refused,
    ServiceError,
    Unavailable,
)

_INVALID = "invalid_request_error"
_QUOTA = "insufficient_quota"
NO_MODEL = "model_not_found"
# The first that fits; the status where the service told none, the type, and the code.
_KINDS: tuple[tuple[type[AskSageError] | tuple[type[AskSageError], ...], int, str, str | None], ...] = (
    ((NotEnoughTokens, OverLimit, OutOfTokens), 429, _QUOTA, _QUOTA),
    (NoSuchModel, 404, _INVALID, NO_MODEL),
    (BadInput, 400, _INVALID, None),
    (BadKey, 401, "authentication_error", "ask_sage_key"),
    (NotReached, 502, "api_connection_error", "ask_sage_not_reached"),
    (Unavailable, 503, "server_error", "ask_sage_unavailable"),
    (NoRoute, 404, _INVALID, "ask_sage_has_no_such_route"),
    (Refused, 400, _INVALID, "ask_sage_refused"),
    (ServiceError, 502, "server_error", "ask_sage_reply_lost"),
    (AskSageError, 500, "server_error", None),
)
_LEAST_ERROR, _MOST_ERROR = 400, 599


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status, the words, and whether another try may help.

    Attributes
    ----------
    status : int
    message : str
        One line.
    type, code, param : str or None
        As of OpenAI.
    retry_after_s : float or None
        How long to wait before another try; None where none was told.
    may_retry : bool
        Clients try again of themselves. What may have been billed must not be sent once more unasked.
    """

    status: int
    message: str
    type: str = _INVALID
    code: str | None = None
    param: str | None = None
    retry_after_s: float | None = None
    may_retry: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The error in OpenAI's shape."""
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": told}

    @property
    def headers(self) -> dict[str, str]:
        """What the clients of OpenAI heed beside the status."""
        wait = self.retry_after_s
        later = {"Retry-After": str(ceil(wait))} if wait is not None and wait < 1e6 else {}
        return {"x-should-retry": "true" if self.may_retry else "false"} | later


def refusal_of(error: AskSageError) -> Refusal:
    """How an error is told; the service's own refusals keep their status."""
    status, kind, code = next(each[1:] for each in _KINDS if isinstance(error, each[0]))
    told = error.status if isinstance(error, ServiceError) and kind != _QUOTA else None
    return Refusal(
        told if told is not None and _LEAST_ERROR <= told <= _MOST_ERROR else status,
        in_terminal(one_line(str(error))),  # who reads it asks from a program, not from a cell
        kind,
        code,
        getattr(error, "argument", None),
        getattr(error, "retry_after_s", None),
        may_retry=isinstance(error, Unavailable),
    )


def unforeseen() -> Refusal:
    """Of a fault of ours: its words might be somebody's prompt."""
    words = "something failed here that should not; what was sent stays held until its bill is known"
    return Refusal(500, words, "server_error")
